"""The content of an open file, or parts of it: what the server sends without reading it.

In: an open file, and which parts of it, with texts between them, are to be sent. Out: the same, for whoever
sends: by `sendfile` where the system has it, else as an iterable of bytes. A file that has become shorter
since it was opened is an OSError. Closes the file when all is read, or on `close`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import NamedTuple

PIECE_BYTES = 128 * 1024
_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Span(NamedTuple):
    """A part of a file, in bytes."""

    start: int
    size: int


class FileContent:
    """What is sent of an open file: spans of it, with texts between them."""

    __slots__ = ("file", "length", "pieces")

    def __init__(self, file: FileIO, pieces: Sequence[bytes | Span]) -> None:
        """Take over a file."""
        self.file = file
        self.pieces = pieces
        self.length = sum([each.size if isinstance(each, Span) else len(each) for each in pieces])

    def of(self, pieces: Sequence[bytes | Span]) -> FileContent:
        """Return other parts of the same file, which is theirs from now on."""
        return FileContent(self.file, pieces)

    def __iter__(self) -> Iterator[bytes]:
        """Yield it piece by piece: for whoever reads it instead of sending it. Raises OSError."""
        with self.file as file:
            for piece in self.pieces:
                if not isinstance(piece, Span):
                    yield piece
                    continue
                start, end = piece.start, piece.start + piece.size
                while start < end:
                    file.seek(start)
                    data = file.read(min(end - start, PIECE_BYTES))
                    if not data:
                        raise shortened(file)
                    start += len(data)
                    yield data

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def open_regular(path: Path | str) -> tuple[FileIO, os.stat_result]:
    """Open a file to be read, and say what it is. Raises OSError; FileNotFoundError for anything but a file."""
    # Without waiting: a named pipe would have us wait for whoever writes to it.
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return FileIO(descriptor), status
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise FileNotFoundError(f"{path} is no regular file")


def shortened(file: FileIO) -> OSError:
    """Return the error for a file that ends before what was announced of it."""
    return OSError(f"the file {file.name!r} has become shorter while it was sent")
