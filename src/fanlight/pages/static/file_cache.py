"""What is kept in memory of the files of one folder: their versions, and the resources made of them.

In: open files, and resources by the path of their URL. Out: the same again, as long as they are kept. Bounded in bytes
of content and in number, whatever clients request; what was not requested for long goes first. Knows nothing of
requests, and not whether what it keeps is still current.

There are two generations. What is requested is in the recent one; when that has half of all that may be kept, it
becomes the older one, and what nothing has requested since the last time is dropped.
"""

from __future__ import annotations

import threading

from fanlight.pages.static.folder import Opened
from fanlight.pages.static.representation import Resource
from fanlight.pages.static.versions import Version, stamp_of

MAX_FILES = 4096


class _Generation:
    __slots__ = ("bytes", "resources", "versions")

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}  # by the path of their URL
        self.versions: dict[str, Version] = {}  # by the path of their file
        self.bytes = 0  # of the versions' content


class FileCache:
    """The files of one folder that were requested last; may be used by several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._most_bytes, self._most_files = max_bytes // 2, MAX_FILES // 2  # of one generation
        self._recent, self._older = _Generation(), _Generation()
        self._lock = threading.Lock()

    def resource(self, url_path: str) -> Resource | None:
        """Return the resource that is kept for a path."""
        found = self._recent.resources.get(url_path)
        if found is None and (found := self._older.resources.get(url_path)) is not None:
            self.keep(url_path, found)
        return found

    def keep(self, url_path: str, resource: Resource) -> None:
        """Keep a resource, if all its versions can be kept."""
        with self._lock:
            if all(self._keeps(version) for _, version in resource.versions):
                self._recent.resources[url_path] = resource
                self._age()

    def version(self, opened: Opened) -> Version:
        """Return the version of an open file: the one that is kept, if it is still current. Raises OSError."""
        known = self._kept(opened.path)
        if known is None or known.stamp != stamp_of(opened.status):
            known = Version(opened)
        with self._lock:
            now = self._kept(opened.path)
            if now is not None and now.stamp == known.stamp:
                known = now  # another thread has kept it meanwhile: there is one of each
            self._keeps(known)
            self._age()
        return known

    def add_compressed(self, version: Version, coding: str, content: bytes) -> None:
        """Keep a compressed form of a version with it."""
        with self._lock:
            version.compressed[coding] = content
            if self._recent.versions.get(version.path) is version:
                self._recent.bytes += len(content)
                self._age()

    def _kept(self, path: str) -> Version | None:
        return self._recent.versions.get(path) or self._older.versions.get(path)

    def _keeps(self, version: Version) -> bool:
        """Have a version in the recent generation; False for one that may be changing, or is too large."""
        recent = self._recent
        if recent.versions.get(version.path) is version:
            return True
        if not version.is_stable or version.bytes_in_memory > self._most_bytes:
            return False
        # The one before goes on to count: a resource may still have it.
        recent.versions[version.path] = version
        recent.bytes += version.bytes_in_memory
        return True

    def _age(self) -> None:
        """Begin a new generation if the recent one has its share."""
        recent = self._recent
        if recent.bytes > self._most_bytes or max(len(recent.versions), len(recent.resources)) > self._most_files:
            self._recent, self._older = _Generation(), recent

    def __len__(self) -> int:
        """Return for how many paths there is a resource."""
        return len(self._older.resources.keys() | self._recent.resources.keys())

    @property
    def bytes_in_memory(self) -> int:
        """How much content is kept."""
        return self._recent.bytes + self._older.bytes
