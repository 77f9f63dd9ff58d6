"""The events of the wire: a head, pieces of content, the end of the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from fanlight.wire.http1.header_fields import FieldBlock


class RequestHead:
    """The method, target and fields of a request (RFC 9112 section 3).

    `target` is as it was sent; `path` and `query` are its parts, percent-encoded. `path` is "*" for the asterisk-form.
    It is a `ParsedHead`, or a `PlainHead` of the compiled reader.
    """

    __slots__ = ()

    method: str
    target: str
    path: str
    query: str
    minor: int  # of the version, HTTP/1.minor
    content_length: int | None  # bytes of content before `EndOfMessage`; None: chunked content; 0: the head is all
    target_authority: str | None  # None unless the target has one

    @property
    def fields(self) -> list[tuple[str, str]]:
        """All fields in the order received, names in lower case."""
        raise NotImplementedError

    @property
    def values(self) -> Mapping[str, str]:
        """The value of each field; values of a repeated field are joined (RFC 9110 section 5.3)."""
        raise NotImplementedError

    def find(self, name: str, /) -> str | None:
        """Return the value of a field, None if it was not sent; `name` is in lower case."""
        raise NotImplementedError

    @property
    def authority(self) -> str:
        """The host and port of the request: the target's authority, or else Host (RFC 9112 section 3.2.2)."""
        authority = self.target_authority
        return self.find("host") or "" if authority is None else authority

    def set_authority(self, authority: str) -> RequestHead:
        """Set the authority of the target, or one forwarded by a proxy; it overrides Host."""
        self.target_authority = authority  # type: ignore[misc]  # each subclass has a slot for it
        return self

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the content (RFC 9110 section 10.1.1)."""
        return False


class ParsedHead(Struct, RequestHead, eq=False, gc=False):
    """A head whose fields have all been parsed."""

    # PERF: benchmarks/instructions.py: one for each request; to make one of a plain class takes twice as long
    method: str
    target: str
    path: str
    query: str
    minor: int
    block: FieldBlock
    content_length: int | None
    target_authority: str | None = None

    @property
    def fields(self) -> list[tuple[str, str]]:
        """All fields in the order received, names in lower case."""
        return self.block.pairs

    @property
    def values(self) -> Mapping[str, str]:
        """The value of each field; values of a repeated field are joined (RFC 9110 section 5.3)."""
        return self.block.values

    def find(self, name: str, /) -> str | None:
        """Return the value of a field, None if it was not sent; `name` is in lower case."""
        return self.block.values.get(name)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the content (RFC 9110 section 10.1.1)."""
        return self.block.expects_continue and self.minor == 1


class Content(NamedTuple):
    """A piece of the content, without chunked framing."""

    data: bytes


class EndOfMessage(NamedTuple):
    """The content is complete. Trailers are separate: they are never merged into the fields."""

    trailers: list[tuple[str, str]]
