"""The versions of files: their content and metadata when they were opened, and whether these are still current.

In: an open file. Out: a `Version` with its stamp, entity tag and hash, and its content if that is small. A version is
stable when the file was unchanged for so long that another change would change the stamp.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from fanlight.pages.static.file_names import HASH_DIGITS
from fanlight.pages.static.folder import Opened

if TYPE_CHECKING:
    import hashlib

Stamp = tuple[int, int, int, int, int]

STABLE_SECONDS = 2.0  # two changes within one tick of a (slow) file system clock have the same stamp
SMALL_BYTES = 64 * 1024  # content up to this size is cached, and sent together with the head
_TAG_DIGITS = 20
_PIECE_BYTES = 1024 * 1024


# From the status of a file, a value that differs between two files, and between two versions of one. No program can set
# the ctime, so it reveals new content under an old mtime. PERF: benchmarks/static.py: a function takes twice as long
stamp_of: Callable[[os.stat_result], Stamp] = attrgetter("st_ino", "st_mtime_ns", "st_size", "st_ctime_ns", "st_dev")


def stamp_at(path: str) -> Stamp | None:
    """Return the stamp of the file at a path, None if there is none, or it can't be seen."""
    try:
        return stamp_of(os.stat(path))  # noqa: PTH116 - a Path costs more than the call
    except OSError:
        return None


def mtime_is_stable(status: os.stat_result, now: float) -> bool:
    """Return whether a file was changed so long ago that its next change will change its stamp."""
    changed = status.st_mtime if os.name == "nt" else status.st_ctime
    return now - changed >= STABLE_SECONDS


def etag_of(content: bytes) -> str:
    """Return the entity tag of content."""
    return f'"{_sha256(content).hexdigest()[:_TAG_DIGITS]}"'


class Version:
    """A file as it was when it was opened."""

    __slots__ = tuple("_hash _hashing compressed content etag is_stable modified path size stamp".split())

    def __init__(self, opened: Opened, stamp: Stamp) -> None:
        """Take an open file, with its stamp; the content of a small one is read. Raises OSError."""
        status = opened.status
        self.path, self.stamp = opened.path, stamp
        self.size = status.st_size
        now = time.time()
        self.modified = int(min(status.st_mtime, now - 1))  # RFC 9110 section 8.8.2.1: never later than `date`
        self.is_stable = mtime_is_stable(status, now)
        self.compressed: dict[str, bytes] = {}  # by content coding; b"" if it gets hardly smaller
        self.content = _small_content(opened)
        self._hash = ""
        if self.content is not None:
            self.etag = etag_of(self.content)  # equal on all machines, whatever the times of their files
            self._hash = self.etag[1 : 1 + HASH_DIGITS]
        else:
            self._hashing = threading.Lock()
            tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            self.etag = tag if self.is_stable else f"W/{tag}"  # RFC 9110 section 8.8.1: strong means the same bytes

    @property
    def content_bytes(self) -> int:
        """How much of its content is in memory, in all its forms."""
        content = 0 if self.content is None else len(self.content)
        return content + sum(map(len, self.compressed.values())) if self.compressed else content

    @property
    def is_exact(self) -> bool:
        """Whether the content that is sent is certainly the one that was hashed."""
        return self.is_stable or self.content is not None

    def is_current(self) -> bool:
        """Return whether the file still exists and is unchanged."""
        # PERF: benchmarks/static.py: as `stamp_at`, without a call
        try:
            return stamp_of(os.stat(self.path)) == self.stamp  # noqa: PTH116 - as above
        except OSError:
            return False

    def hash_of(self, descriptor: int) -> str:
        """Return the first digits of the content's SHA-256, read once from the open file. Raises OSError.

        Concurrent calls wait for the first one's result: hashing a large file takes seconds of processor time.
        """
        if not self._hash:
            with self._hashing:
                if not self._hash:
                    self._hash = _hash_of(descriptor)
        return self._hash


def _sha256(content: bytes) -> hashlib._Hash:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which a site without files has no need of

    return hashlib.sha256(content, usedforsecurity=False)


def _hash_of(descriptor: int) -> str:
    found = _sha256(b"")
    at = 0
    while piece := _read(descriptor, _PIECE_BYTES, at):
        found.update(piece)
        at += len(piece)
    return found.hexdigest()[:HASH_DIGITS]


def _small_content(opened: Opened) -> bytes | None:
    """Return the content of a small file, None for a large one, and for one that is being changed."""
    size = opened.status.st_size
    if size > SMALL_BYTES:
        return None
    # One more byte is read, to detect that it has grown. Of a file that was just opened, from its beginning.
    content = os.read(opened.descriptor, size + 1)
    return content if len(content) == size else None


def _read(descriptor: int, size: int, at: int) -> bytes:
    """Read up to `size` bytes from an offset, fewer only at the end of the file."""
    os.lseek(descriptor, at, os.SEEK_SET)
    pieces: list[bytes] = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
