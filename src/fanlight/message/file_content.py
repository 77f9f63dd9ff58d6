"""The content of an open file, or parts of it.

In: an open file, and the parts to send, with bytes between them. Out: the same, for the server, which sends the parts
with `sendfile` if the system has it, else by iterating. Raises OSError if the file has become shorter since it was
opened. Closes the file after the last part, or on `close`.
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
    """The parts of an open file that are sent, with bytes between them. It owns the file."""

    __slots__ = ("file", "length", "pieces")

    def __init__(self, file: FileIO, pieces: Sequence[bytes | Span]) -> None:
        self.file = file
        self.pieces = pieces
        self.length = sum([each.size if isinstance(each, Span) else len(each) for each in pieces])

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content piece by piece. Raises OSError."""
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
    """Open a regular file for reading, and return its status. Raises OSError; FileNotFoundError for anything else."""
    # O_NONBLOCK: opening a named pipe would block until another process opens it for writing.
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return FileIO(descriptor), status
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise FileNotFoundError(f"{path} is not a regular file")


def shortened(file: FileIO) -> OSError:
    """Return the error for a file that is shorter than announced."""
    return OSError(f"the file {file.name!r} has become shorter while it was sent")
