"""Content of a request: in memory while it is small, in a temporary file when it is not."""

from __future__ import annotations

import tempfile
from io import BytesIO
from typing import BinaryIO, cast

from fanlight.errors import HTTPError
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits

MEMORY_BYTES = 1024 * 1024


class SpooledContent:
    """Written by the server as it comes, read by the view when it is whole. Closing it deletes the file."""

    __slots__ = ("_file", "_memory", "_memory_bytes", "_owned", "limits", "size")

    def __init__(self, memory_bytes: int = MEMORY_BYTES, limits: FormLimits = DEFAULT_BODY_POLICY.form) -> None:
        """Begin empty; over `memory_bytes` it moves to a file. If it is a form, it has these limits."""
        self.limits = limits
        # One piece is kept as it came. More are put together: a piece of few bytes has a page of memory for itself.
        self._memory: bytes | bytearray = b""
        self._file: BinaryIO | None = None
        self._memory_bytes = memory_bytes
        self._owned: list[BinaryIO] = []
        self.size = 0

    def exceeds_memory(self, more: int) -> bool:
        """Say whether so many bytes more may have to be written to a file, which can take its time."""
        return self.size + more > self._memory_bytes

    def write(self, piece: bytes) -> bool:
        """Add a piece; True if no more of it matters. Raises OSError when there is no room for it."""
        self.size += len(piece)
        if self._file is not None:
            _write_whole(self._file, piece)
        elif self.size > self._memory_bytes:
            # Without a buffer: what the disk has no room for is told now, not when a view reads, or at the end.
            file = tempfile.TemporaryFile(prefix="fanlight-", buffering=0)  # noqa: SIM115 - closed by close()
            self._file = cast("BinaryIO", file)
            _write_whole(self._file, self._memory)
            _write_whole(self._file, piece)
            self._memory = b""
        elif not self._memory:
            self._memory = piece
        else:
            if isinstance(self._memory, bytes):
                self._memory = bytearray(self._memory)
            self._memory += piece
        return False

    def read(self) -> bytes:
        """Return all of it."""
        if self._file is not None:
            self._file.seek(0)
            return self._file.read()
        self._memory = bytes(self._memory)
        return self._memory

    def open(self) -> BinaryIO:
        """Return a file to read it from, at its beginning."""
        if self._file is None:
            self._file, self._memory = BytesIO(self._memory), b""
        self._file.seek(0)
        return self._file

    def own(self, file: BinaryIO) -> None:
        """Close a file that was made of it, when it is closed itself."""
        self._owned.append(file)

    def close(self) -> None:
        """Forget it, and the files that were made of it."""
        self._memory = b""
        for file in self._owned:
            file.close()
        if self._file is not None:
            self._file.close()


class RefusedContent(SpooledContent):
    """Content that was refused before it was whole: whoever reads it meets the error that says why."""

    __slots__ = ("error",)

    def __init__(self, error: HTTPError) -> None:
        """Keep why."""
        super().__init__()
        self.error = error
        self.size = 1  # there is some

    def read(self) -> bytes:
        """Refuse: raises the error."""
        raise self.error

    def open(self) -> BinaryIO:
        """Refuse: raises the error."""
        raise self.error


def _write_whole(file: BinaryIO, data: bytes | bytearray) -> None:
    """Write all of it, where the system may take a part at a time."""
    taken = file.write(data)
    while taken < len(data):
        taken += file.write(memoryview(data)[taken:])
