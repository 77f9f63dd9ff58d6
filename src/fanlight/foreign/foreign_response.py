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
_KNOWN: dict[tuple[bytes, bytes], Pair | None] = {}  # None: left out
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
            try:
                known = _KNOWN.get((name, value), _KNOWN)
            except TypeError:
                known = _KNOWN
            if known is _KNOWN:
                if not isinstance(name, bytes) or not isinstance(value, bytes):
                    raise BrokenRule(f"the name and the value of a header are bytes, not {name!r}: {value!r}")
                pair = self.read(name.decode("latin-1"), value.decode("latin-1"))
                _remember(bytes(name), bytes(value), pair)
            else:
                pair = known  # type: ignore[assignment]  # a pair, or None
            if pair is not None:
                pairs.append(pair)
                if pair[0] == "content-type":
                    self.media_type = pair[1]

    def add_text(self, name: str, value: str) -> None:
        """Add a field of text, as WSGI has it. Raises BrokenRule."""
        pair = self.read(name, value)
        if pair is not None:
            self.pairs.append(pair)
            if pair[0] == "content-type":
                self.media_type = pair[1]

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


def _remember(name: bytes, value: bytes, pair: Pair | None) -> None:
    """Remember a field that comes again with other responses: not one of a single visitor, nor a length."""
    if len(value) < _MOST_KNOWN_BYTES and pair is not None and pair[0] != "set-cookie":
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[name, value] = pair


class ForeignResponse(Response):
    """The response of an app."""

    __slots__ = ()

    def __init__(self, status: int, fields: Fields, content: Content, length: int | None = None) -> None:
        self.content, self.status, self.media_type, self._length = content, status, fields.media_type, length
        self.own_headers = headers = MutableHeaders.of_checked(fields.pairs)
        headers.leave_out_all()


def check_status(status: object) -> int:
    """Return a status that can be sent. Raises BrokenRule."""
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise BrokenRule(f"the status of a response is a number from 200 to 599, not {status!r}")
    return int(status)
