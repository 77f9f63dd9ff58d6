"""The bytes of a request that is to be sent again, as it was or edited.

In: a kept exchange, or the text of a form. Out: a `RawRequest`. Raises CannotReplay for an exchange of which not
all bytes were kept, and for text that is no request.
"""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.errors import FanlightError
from fanlight.message.headers import is_token

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 section 9.2.1
_LINE_END = re.compile(r"\r\n|\r|\n")


class CannotReplay(FanlightError):
    """A request can't be sent again; the message says why."""


class RawRequest(Struct, frozen=True):
    """A request as bytes; `method` and `target` are "" where they can't be read."""

    data: bytes
    method: str
    target: str

    @property
    def writes(self) -> bool:
        """Whether it may change something: a method that is not safe, or none that can be read."""
        return self.method not in SAFE_METHODS

    @classmethod
    def of(cls, exchange: Exchange) -> Self:
        """Return the request of an exchange, byte for byte. Raises CannotReplay."""
        data = b"".join(piece.data for piece in exchange.received)
        if not data:
            raise CannotReplay(f"exchange {exchange.id} has no bytes: nothing was received")
        if exchange.received_bytes > len(data):
            raise CannotReplay(
                f"exchange {exchange.id} had {exchange.received_bytes} bytes, of which {len(data)} were kept:"
                " it is too large to be sent again"
            )
        return cls(data, *method_and_target(data))

    @classmethod
    def edited(cls, head: str, content: str, *, is_exact: bool = False) -> Self:
        """Return the request of an edited text.

        The head may have line ends of any kind. Unless `is_exact`, the length of the content is set again, and the head
        must be one: a request line, then fields. Raises CannotReplay.
        """
        lines = _LINE_END.split(head.strip("\r\n"))
        body = content.encode("utf-8", "surrogateescape")
        if is_exact:
            data = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body
            return cls(data, *method_and_target(data))
        first, *fields = lines
        if len(first.split(" ")) != 3 or not is_token(first.split(" ")[0]):
            raise CannotReplay(f"the first line is {first[:80]!r}; write a request line: GET /path HTTP/1.1")
        kept = []
        for line in fields:
            name, colon, _ = line.partition(":")
            if not colon or not is_token(name):
                raise CannotReplay(f"{line[:80]!r} is no header field; write name: value")
            if name.lower() not in ("content-length", "transfer-encoding", "expect"):
                kept.append(line)
        method, target, _ = first.split(" ")
        if body or method not in SAFE_METHODS:
            kept.append(f"content-length: {len(body)}")
        written = "\r\n".join([first, *kept, "", ""]).encode("utf-8", "surrogateescape")
        return cls(written + body, method, target)


def method_and_target(data: bytes) -> tuple[str, str]:
    """Return the method and the target with which a message begins, "" if it does not begin with any."""
    line = data.lstrip(b"\r\n")[:8192].partition(b"\r\n")[0]
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not is_token(words[0]) or not words[2].startswith("HTTP/"):
        return "", ""
    return words[0], words[1]


def head_and_content(exchange: Exchange) -> tuple[str, str]:
    """Return the head and the content of an exchange's request as text that can be edited."""
    data = b"".join(piece.data for piece in exchange.received)
    head, _, rest = data.partition(b"\r\n\r\n")
    content = exchange.request_content or rest
    return _text(head).replace("\r\n", "\n"), _text(content)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def replay_facts(exchange: Exchange) -> dict[str, bool]:
    """Return what the buttons of the exchange's own page depend on."""
    try:
        return {"can_replay": True, "writes": RawRequest.of(exchange).writes}
    except CannotReplay:
        return {"can_replay": False, "writes": False}
