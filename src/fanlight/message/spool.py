"""A spool: bytes in memory while they are few, in a temporary file when they are not.

In: pieces of bytes, appended. Out: any part of them. The file has no name, so it disappears with the process.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import BinaryIO

from fanlight.message.temporary_files import close, open_unnamed


class Spool:
    """An append-only buffer of bytes that moves to a file above `memory_bytes`."""

    __slots__ = ("_file", "_memory", "_memory_bytes", "size")

    def __init__(self, memory_bytes: int) -> None:
        # A single piece is kept as it is. More are joined: as objects of their own, small pieces would take far more.
        self._memory: bytes | bytearray = b""
        self._memory_bytes = memory_bytes
        self._file: BinaryIO | None = None
        self.size = 0

    def exceeds_memory(self, more: int) -> bool:
        """Return whether to write so many more bytes may block, because they go to a file."""
        return self.size + more > self._memory_bytes

    def write(self, data: bytes | bytearray) -> bool:
        """Append; return whether the rest is not needed: never, for a spool. Raises OSError if the disk is full."""
        size = self.size = self.size + len(data)
        if self._file is None and size <= self._memory_bytes:
            if not self._memory:
                self._memory = data if data.__class__ is bytes else bytes(data)
            else:
                if isinstance(self._memory, bytes):
                    self._memory = bytearray(self._memory)
                self._memory += data
            return False
        if self._file is None:
            # Unbuffered, so that a full disk is an error of this call and not of a later one.
            self._file = open_unnamed(buffering=0)
            _write_all(self._file, self._memory)
            self._memory = b""
        else:
            self._file.seek(0, os.SEEK_END)
        _write_all(self._file, data)
        return False

    def read_at(self, start: int, size: int) -> bytes:
        """Return a part."""
        if self._file is None:
            return bytes(self._memory[start : start + size])
        self._file.seek(start)
        return self._file.read(size)

    def read(self) -> bytes:
        """Return everything."""
        if self._file is None:
            memory = self._memory = bytes(self._memory)
            return memory
        return self.read_at(0, -1)

    def open(self) -> BinaryIO:
        """Return a file with everything in it, positioned at its start."""
        if self._file is None:
            self._file, self._memory = BytesIO(self._memory), b""
        self._file.seek(0)
        return self._file

    def cut(self, size: int) -> bytes:
        """Remove so many bytes from the end, and return them."""
        self.size -= size
        data = self.read_at(self.size, size)
        if self._file is None:
            self._memory = self._memory[: self.size]
        elif self.size <= self._memory_bytes:
            self._memory = self.read_at(0, self.size)
            close(self._file)
            self._file = None
        else:
            self._file.truncate(self.size)
        return data

    def close(self) -> None:
        """Discard everything."""
        self._memory = b""
        if self._file is not None:
            close(self._file)
            self._file = None


def _write_all(file: BinaryIO, data: bytes | bytearray) -> None:
    """Write all of it; an unbuffered file may take a part at a time."""
    written = file.write(data)
    while written < len(data):
        written += file.write(memoryview(data)[written:])
