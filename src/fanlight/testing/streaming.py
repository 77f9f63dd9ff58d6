"""An answer that a test reads while it is made.

In: a response of the standard library's http client, whose head has come. Out: its pieces as they come, or the
server-sent events in them, read as a browser's `EventSource` reads them (the WHATWG's HTML standard, section 9.2.6).
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from fanlight.message.events import Event
from fanlight.message.headers import Headers

PIECE_BYTES = 64 * 1024
_RETRY = re.compile(r"[0-9]{1,12}")  # milliseconds; anything else is as if it were not there
FIRST_HINT, HINTS_END = 102, 200  # interim answers that are read over; 100 is by the library, 101 is the last one


class RawResponse(http.client.HTTPResponse):
    """What the library reads, with the early hints before it: by itself it takes a 103 for the answer."""

    early_hints: tuple[str, ...] = ()

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # as old as the library, but unnamed
            if not FIRST_HINT <= status < HINTS_END:
                return version, status, reason
            fields = http.client.parse_headers(self.fp)
            self.early_hints += tuple(fields.get_all("link", ()))


class StreamedResponse:
    """An answer that is read piece by piece: `for piece in answer`, or `for event in answer.events()`."""

    def __init__(self, reply: Any) -> None:
        """Begin with an answer whose head has come."""
        self._reply = reply
        self.status: int = reply.status
        self.headers = Headers((name.lower(), value) for name, value in reply.getheaders())
        self.early_hints: tuple[str, ...] = reply.early_hints

    def __iter__(self) -> Iterator[bytes]:
        """Yield what comes, a chunk at a time; raises IncompleteRead for a stream that was cut off."""
        while piece := self._reply.read1(PIECE_BYTES):
            yield piece

    def read(self) -> bytes:
        """Return all that is still to come."""
        return b"".join(self)

    def lines(self) -> Iterator[str]:
        """Yield the lines as they come, without their ends."""
        rest = b""
        for piece in self:
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode() for line in whole)
        if rest:
            yield rest.decode()

    def events(self) -> Iterator[Event]:
        """Yield the events as they come; `data` is text. What only keeps the stream alive is left out."""
        said: dict[str, str] = {}
        data: list[str] = []
        for line in self.lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name:
                said[name] = value
            elif not line and (said or data):
                yield _event_of(said, data)
                said, data = {}, []


def _event_of(said: dict[str, str], data: list[str]) -> Event:
    retry = said.get("retry")
    return Event(
        "\n".join(data) if data else None,
        said.get("event", ""),
        said.get("id"),
        int(retry) / 1000 if retry is not None and _RETRY.fullmatch(retry) else None,
    )
