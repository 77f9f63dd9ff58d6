"""Know files by their versions: what they were when they were last looked at, and whether that still holds.

In: an open file. Out: a `Version`, with its stamp, its entity tag, its hash, and its content where that is small.
A version that is remembered was settled: so long unchanged that another change would have another stamp.
Knows nothing of names and URLs.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time

from fanlight.pages.static.file_names import HASH_DIGITS
from fanlight.pages.static.folder import Opened

Stamp = tuple[int, int, int, int, int]

STABLE_SECONDS = 2.0  # within one tick of a file system's clock, of which some are slow, two changes look like one
SMALL_BYTES = 64 * 1024  # up to here, content is kept, and sent behind its head at once
MOST_BYTES = 16 * 1024 * 1024  # of all content that is kept
MOST_VERSIONS = 4096
_TAG_DIGITS = 20
_PIECE_BYTES = 1024 * 1024


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what differs for two files, and for two versions of one."""
    # The time of change (ctime) can't be set by anybody, so it tells of new content under an old time (mtime).
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_dev


def is_stable(status: os.stat_result, now: float) -> bool:
    """Say whether a file was changed so long ago that its next change will show."""
    changed = status.st_mtime if os.name == "nt" else status.st_ctime
    return now - changed >= STABLE_SECONDS


def etag_of(content: bytes) -> str:
    """Return the entity tag of content."""
    return f'"{hashlib.sha256(content, usedforsecurity=False).hexdigest()[:_TAG_DIGITS]}"'


class Version:
    """A file as it was when it was opened."""

    __slots__ = ("_hashing", "content", "digits", "etag", "is_stable", "modified", "packed", "path", "size", "stamp")

    def __init__(self, opened: Opened) -> None:
        """Keep what is known of it; of a small one, the content too. Raises OSError."""
        status = opened.status
        self.path = opened.path
        self.stamp = stamp_of(status)
        self.size = status.st_size
        now = time.time()
        self.modified = int(min(status.st_mtime, now - 1))  # RFC 9110 section 8.8.2.1: never later than `date`
        self.is_stable = is_stable(status, now)
        self.packed: dict[str, bytes] = {}  # by coding: the content, compressed once; b"" where that is no gain
        self.content = _small_content(opened)
        self.digits = ""
        self._hashing = threading.Lock()
        if self.content is not None:
            self.digits = hashlib.sha256(self.content, usedforsecurity=False).hexdigest()[:HASH_DIGITS]
            self.etag = etag_of(self.content)  # equal on all machines, whatever their files' times
        else:
            tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            self.etag = tag if self.is_stable else f"W/{tag}"  # RFC 9110 section 8.8.1: strong means the same bytes

    @property
    def is_exact(self) -> bool:
        """Whether what is sent is surely what was hashed: it is in our hands, or has been at rest."""
        return self.is_stable or self.content is not None

    def is_current(self) -> bool:
        """Say whether the file is still this one, and the same. False when it is gone."""
        try:
            return stamp_of(os.stat(self.path)) == self.stamp  # noqa: PTH116 - a Path costs more than the call
        except OSError:
            return False

    def hash_of(self, descriptor: int) -> str:
        """Return the first digits of the content's SHA-256, read once from the open file. Raises OSError.

        A call while another thread reads waits for its result: a big file takes seconds of a processor.
        """
        if not self.digits:
            with self._hashing:
                if not self.digits:
                    self.digits = _hash_of(descriptor)
        return self.digits


def _hash_of(descriptor: int) -> str:
    found = hashlib.sha256(usedforsecurity=False)
    at = 0
    while piece := _read(descriptor, _PIECE_BYTES, at):
        found.update(piece)
        at += len(piece)
    return found.hexdigest()[:HASH_DIGITS]


def _small_content(opened: Opened) -> bytes | None:
    """Return the content of a small file, None for another, and for one that is being changed."""
    size = opened.status.st_size
    if size > SMALL_BYTES:
        return None
    # One more byte is asked for, to see that it has not grown.
    content = _read(opened.descriptor, size + 1, 0)
    return content if len(content) == size else None


def _read(descriptor: int, size: int, at: int) -> bytes:
    """Read so many bytes from a place, less only at the end."""
    os.lseek(descriptor, at, os.SEEK_SET)
    pieces: list[bytes] = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class Versions:
    """The versions that are remembered, by their real place. Bounded in number and in bytes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[str, Version] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, opened: Opened) -> Version:
        """Return the version that an open file is: the one that is known already, if it is still the same."""
        known = self._known.get(opened.path)
        if known is not None and known.stamp == stamp_of(opened.status):
            return known
        version = Version(opened)
        return self._kept(version) if version.is_stable else version

    def _kept(self, version: Version) -> Version:
        """Keep a version; return the one that another thread has kept meanwhile, so that there is one of each."""
        with self._lock:
            known = self._known.get(version.path)
            if known is not None and known.stamp == version.stamp:
                return known
            self._keep(version)
        return version

    def _keep(self, version: Version) -> None:
        size = len(version.content or b"")
        if len(self._known) >= MOST_VERSIONS or self._bytes + size > MOST_BYTES:
            self._known.clear()
            self._bytes = 0
        self._bytes += size
        self._known[version.path] = version
