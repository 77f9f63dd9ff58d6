"""Responses to pipelined requests that are sent together: one send takes as long as a whole small request.

In: complete responses of one connection. Out: their bytes, in order, and how much of each was sent. Refuses a response
with which the batch would be too big, or that comes too long after the first one. When a batch is begun and when it is
sent is decided in `exchange/batching`.
"""

from __future__ import annotations

from collections.abc import Callable

BATCH_BYTES = 16 * 1024  # some sixty small responses, and one record of TLS
BATCH_SECONDS = 0.001  # for which a response is held back at most, besides the call in progress


Report = Callable[[int], object]  # records how many bytes of a response were sent


class ResponseBatch:
    """The responses of one connection that wait to be sent, or for their client to take them."""

    __slots__ = ("_began", "_reports", "data")

    def __init__(self, now: float) -> None:
        self._began = now
        self.data = bytearray()  # what is held back
        self._reports: list[tuple[Report, int]] = []  # of each response, in order, where they are recorded

    def add(self, data: bytes, now: float) -> bool:
        """Add a response; False if it is to be sent now, and what is held back before it."""
        if len(self.data) + len(data) > BATCH_BYTES or now - self._began > BATCH_SECONDS:
            return False
        self.data += data
        return True

    def record(self, report: Report, size: int) -> None:
        """Note how a response that was added is to be recorded, and its size."""
        self._reports.append((report, size))

    def take(self) -> bytes:
        """Return what is held back, which is now the caller's to send."""
        data, self.data = bytes(self.data), bytearray()
        return data

    def remove(self, size: int) -> None:
        """Remove bytes that were sent."""
        del self.data[:size]

    def report(self, unsent: int = 0) -> None:
        """Record each response with what was sent of it, if so many bytes of all of them together were not."""
        sent = sum(size for _, size in self._reports) - unsent
        for report, size in self._reports:
            report(max(0, min(size, sent)))
            sent -= size
