"""The content of a request, kept in a spool until it is complete."""

from __future__ import annotations

from typing import BinaryIO

from fanlight.errors import HTTPError
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits
from fanlight.message.spool import Spool

MEMORY_BYTES = 1024 * 1024


class SpooledContent(Spool):
    """Written by the server while it is received, read by the view when it is complete. Closing it deletes the file."""

    __slots__ = ("_files", "limits")

    def __init__(self, memory_bytes: int = MEMORY_BYTES, limits: FormLimits = DEFAULT_BODY_POLICY.form) -> None:
        """Begin empty; above `memory_bytes` it moves to a file. `limits` are for a form in it."""
        # PERF: benchmarks/forms.py: made for each request with content, so without a call of super().
        self._memory = b""
        self._memory_bytes = memory_bytes
        self._file = None
        self.size = 0
        self.limits = limits
        self._files: list[BinaryIO] = []

    def close_later(self, file: BinaryIO) -> None:
        """Close an uploaded file when the content is closed."""
        self._files.append(file)

    def close(self) -> None:
        """Discard the content and the uploaded files in it."""
        Spool.close(self)
        for file in self._files:
            file.close()


class RefusedContent(SpooledContent):
    """Content that was refused before it was complete: reading it raises the error that says why."""

    __slots__ = ("error",)

    def __init__(self, error: HTTPError) -> None:
        """Keep the error."""
        super().__init__()
        self.error = error
        self.size = 1  # not empty, so that it is read, and refused

    def read(self) -> bytes:
        """Raise the error."""
        raise self.error

    def open(self) -> BinaryIO:
        """Raise the error."""
        raise self.error
