"""A streamed response, read by a test while it is being sent.

In: a response of the standard library's http client, after its head. Out: its chunks as they arrive, or the server-sent
events in them, parsed as a browser's `EventSource` does (the WHATWG's HTML standard, section 9.2.6).
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from fanlight.message.events import Event
from fanlight.message.headers import Headers

PIECE_BYTES = 64 * 1024
_RETRY = re.compile(r"[0-9]{1,12}")  # milliseconds; anything else is ignored
FIRST_INTERIM, INTERIM_END = 102, 200  # interim responses to skip; the library skips 100, and 101 is final


class RawResponse(http.client.HTTPResponse):
    """A response with the early hints that preceded it: the library alone takes a 103 for the final response."""

    early_hints: tuple[str, ...] = ()

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # private, but as old as the library
            if not FIRST_INTERIM <= status < INTERIM_END:
                return version, status, reason
            fields = http.client.parse_headers(self.fp)
            self.early_hints += tuple(fields.get_all("link", ()))


class StreamedResponse:
    """A response read as it arrives: `for piece in response`, or `for event in response.events()`."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.status: int = raw.status
        self.headers = Headers((name.lower(), value) for name, value in raw.getheaders())
        self.early_hints: tuple[str, ...] = raw.early_hints

    def __iter__(self) -> Iterator[bytes]:
        """Yield each chunk as it arrives. Raises IncompleteRead for a stream that was cut off."""
        while piece := self._raw.read1(PIECE_BYTES):
            yield piece

    def read(self) -> bytes:
        """Return the rest of the content."""
        return b"".join(self)

    def lines(self) -> Iterator[str]:
        """Yield each line as it arrives, without its end."""
        rest = b""
        for piece in self:
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line.decode() for line in whole)
        if rest:
            yield rest.decode()

    def events(self) -> Iterator[Event]:
        """Yield each event as it arrives, with its `data` as text. Keep-alive comments are skipped."""
        fields: dict[str, str] = {}
        data: list[str] = []
        for line in self.lines():
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name:
                fields[name] = value
            elif not line and (fields or data):
                yield _read_event(fields, data)
                fields, data = {}, []


def _read_event(fields: dict[str, str], data: list[str]) -> Event:
    retry = fields.get("retry")
    return Event(
        "\n".join(data) if data else None,
        fields.get("event", ""),
        fields.get("id"),
        int(retry) / 1000 if retry is not None and _RETRY.fullmatch(retry) else None,
    )
