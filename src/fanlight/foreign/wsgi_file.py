"""`wsgi.file_wrapper`: a file that the server sends itself, with `sendfile` (PEP 3333).

In: what has `read`, and perhaps a descriptor. Out: an iterable; or, if it is a regular file, content that the server
sends. Such a file is sent by a descriptor of the server's own: the app's may be closed before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import FileIO
from typing import Any

from fanlight.message.file_content import FileContent, Span


class FileWrapper:
    """A file, in blocks."""

    def __init__(self, filelike: Any, blksize: int = 64 * 1024) -> None:
        self.filelike, self.blksize = filelike, blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data: bytes = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def content(self, length: int | None) -> FileContent | None:
        """Return the rest of the file, or so many bytes of it; None if it has no descriptor, or fewer bytes."""
        try:
            descriptor, start = self.filelike.fileno(), self.filelike.tell()
            found = os.fstat(descriptor)
        except (AttributeError, OSError, ValueError):
            return None
        rest = found.st_size - start
        if not stat.S_ISREG(found.st_mode) or rest < 0 or (length is not None and length > rest):
            return None
        return FileContent(FileIO(os.dup(descriptor)), (Span(start, rest if length is None else length),))
