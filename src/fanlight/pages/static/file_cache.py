"""What is kept in memory of the files of one folder: their versions, and the resources made of them.

In: open files, and resources by the path of their URL. Out: the same again, as long as they are kept. Bounded in bytes,
whatever clients request. Knows nothing of requests, and not whether what it keeps is still current.

Where there is no room for a file, the first that nothing has used since it was passed over last makes room. Each search
begins at another place: the one that was kept first would be the next to be requested, where a few more files than
there is room for are requested in turn.
"""

from __future__ import annotations

import threading

from fanlight.pages.static.folder import Opened
from fanlight.pages.static.representation import Resource
from fanlight.pages.static.versions import Version, stamp_of

FILE_BYTES = 2560  # that a file takes beside its content: its version, its responses, their heads
_STEP = 40_507  # places between the beginnings of two searches; a prime


class _Kept:
    """A version that is kept, with the URLs whose resources have it."""

    __slots__ = ("is_used", "place", "urls", "version")

    def __init__(self, version: Version, place: int) -> None:
        self.version, self.place = version, place
        self.urls: tuple[str, ...] = ()
        self.is_used = False  # again, since it was kept or passed over

    @property
    def bytes(self) -> int:
        return FILE_BYTES + self.version.content_bytes


class FileCache:
    """The files of one folder that are requested most; may be used by several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._resources: dict[str, tuple[Resource, list[_Kept]]] = {}  # with their versions, by the path of their URL
        self._kept: dict[str, _Kept] = {}  # by the path of their file
        self._places: list[_Kept] = []  # the same, in the order in which they are searched
        self._next = 0  # where the last search ended
        self._lock = threading.Lock()
        self.bytes_in_memory = 0  # that all that is kept takes

    def resource(self, url_path: str) -> Resource | None:
        """Return the resource that is kept for a path."""
        found = self._resources.get(url_path)
        if found is None:
            return None
        for each in found[1]:
            each.is_used = True
        return found[0]

    def keep(self, url_path: str, resource: Resource) -> None:
        """Keep a resource, as long as all its versions are kept."""
        with self._lock:
            versions = resource.versions
            kept = [each for version in versions if (each := self._kept_with(version)) is not None]
            if len(kept) == len(versions):
                self._resources[url_path] = resource, kept
                for each in kept:
                    if url_path not in each.urls:
                        each.urls += (url_path,)

    def version(self, opened: Opened) -> Version:
        """Return the version of an open file: the one that is kept, if it is still current. Raises OSError."""
        stamp = stamp_of(opened.status)
        kept = self._kept.get(opened.path)
        if kept is None or kept.version.stamp != stamp:
            made = Version(opened, stamp)
            with self._lock:
                kept = self._kept.get(opened.path)
                if kept is None or kept.version.stamp != stamp:  # else another thread has kept it: there is one of each
                    self._add(made, kept)
                    return made
        kept.is_used = True
        return kept.version

    def add_compressed(self, version: Version, coding: str, content: bytes) -> None:
        """Keep a compressed form of a version with it."""
        with self._lock:
            version.compressed[coding] = content
            kept = self._kept_with(version)
            if kept is not None:
                self.bytes_in_memory += len(content)
                self._make_room(kept)

    def _kept_with(self, version: Version) -> _Kept | None:
        kept = self._kept.get(version.path)
        return kept if kept is not None and kept.version is version else None

    def _add(self, version: Version, older: _Kept | None) -> None:
        """Keep a version in place of an older one; not one that may be changing, or is too large."""
        if older is not None:
            self._drop(older)
        added = _Kept(version, len(self._places))
        if version.is_stable and added.bytes <= self._max_bytes:
            self._kept[version.path] = added
            self._places.append(added)
            self.bytes_in_memory += added.bytes
            self._make_room(added)

    def _make_room(self, new: _Kept) -> None:
        """Drop what was not used lately, until what is kept is within the limit; `new` only if it is alone."""
        places = self._places
        while self.bytes_in_memory > self._max_bytes:
            at = (self._next + _STEP) % len(places)
            while (each := places[at]).is_used or (each is new and len(places) > 1):
                each.is_used = False
                at = (at + 1) % len(places)
            self._next = at
            self._drop(each)

    def _drop(self, kept: _Kept) -> None:
        last = self._places.pop()
        if last is not kept:
            self._places[kept.place] = last
            last.place = kept.place
        del self._kept[kept.version.path]
        for url in kept.urls:
            self._resources.pop(url, None)
        self.bytes_in_memory -= kept.bytes

    def __len__(self) -> int:
        """Return for how many paths there is a resource."""
        return len(self._resources)
