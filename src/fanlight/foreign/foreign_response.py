"""The response of a foreign app, as the server sends it.

In: a status, fields as bytes or text, content. Out: a `Response` that is sent as it is: without the fields that protect
a site's own pages, and never compressed here. Refuses fields that would be read as more than one. `server`, `date` and
what frames the content are the server's, so an app's own are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fanlight.errors import InvalidResponse
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.headers import MutableHeaders, Pair, check_field
from fanlight.message.response import Content, Response

NO_CONTENT = frozenset({204, 205, 304})
_SERVERS = frozenset({"connection", "date", "keep-alive", "proxy-connection", "server", "transfer-encoding", "upgrade"})
_MOST_KNOWN, _MOST_KNOWN_BYTES = 1024, 256
# PERF: benchmarks/guests.py: the fields of a site's responses are mostly the same; a length is a number
_KNOWN: dict[tuple[bytes, bytes], Pair | int] = {}
_LENGTH = lazy_pattern(r"[0-9]{1,18}")


class BrokenRule(Exception):
    """An app has broken a rule of its interface, which the message states."""


class Fields:
    """The fields of a response: what is sent of them, and the announced length."""

    __slots__ = ("length", "media_type", "pairs")

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.length: int | None = None
        self.media_type = ""

    def add_bytes(self, given: Iterable[Any]) -> None:
        """Add pairs of bytes, as ASGI has them. Raises BrokenRule."""
        pairs = self.pairs
        for item in given:
            name, value = item
            known = _KNOWN.get((name, value)) if name.__class__ is value.__class__ is bytes else None
            if known is None:
                self._learn(name, value)
            elif known.__class__ is tuple:
                pairs.append(known)
                if known[0] == "content-type":
                    self.media_type = known[1]
            elif self.length is None:
                self.length = known  # type: ignore[assignment]  # it is no pair
            else:
                self._set_length(value.decode())

    def _learn(self, name: object, value: object) -> None:
        """Add a field that has not come before."""
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise BrokenRule(f"the name and the value of a header are bytes, not {name!r}: {value!r}")
        text = value.decode("latin-1")
        pair = self.read(name.decode("latin-1"), text)
        if pair is not None:
            self._add(pair)
            _remember(name, value, pair)
        elif name == b"content-length" and self.length is not None:
            _remember(name, value, self.length)

    def _add(self, pair: Pair) -> None:
        self.pairs.append(pair)
        if pair[0] == "content-type":
            self.media_type = pair[1]

    def add_text(self, name: str, value: str) -> None:
        """Add a field of text, as WSGI has it. Raises BrokenRule."""
        pair = self.read(name, value)
        if pair is not None:
            self._add(pair)

    def read(self, name: str, value: str) -> Pair | None:
        """Return a field as it is sent, None if it is the server's. Raises BrokenRule."""
        try:
            pair = check_field(name, value)
        except InvalidResponse as error:
            raise BrokenRule(str(error)) from None
        if pair[0] == "content-length":
            self._set_length(pair[1])
            return None
        return None if pair[0] in _SERVERS else pair

    def _set_length(self, value: str) -> None:
        if not _LENGTH.fullmatch(value):
            raise BrokenRule(f"content-length is {value!r}, which is no number of bytes")
        if self.length is not None and self.length != int(value):
            raise BrokenRule("content-length is there twice, with different values")
        self.length = int(value)


def _remember(name: bytes, value: bytes, known: Pair | int) -> None:
    """Remember a field that may come again with other responses: not one of a single visitor."""
    if len(value) < _MOST_KNOWN_BYTES and name.lower() != b"set-cookie":
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[bytes(name), bytes(value)] = known


class ForeignResponse(Response):
    """The response of an app."""

    __slots__ = ()

    def __init__(self, status: int, fields: Fields, content: Content, length: int | None = None) -> None:
        self.content, self.status, self.media_type, self._length = content, status, fields.media_type, length
        self.own_headers = MutableHeaders.of_foreign(fields.pairs)


def check_status(status: object) -> int:
    """Return a status that can be sent. Raises BrokenRule."""
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise BrokenRule(f"the status of a response is a number from 200 to 599, not {status!r}")
    return int(status)
