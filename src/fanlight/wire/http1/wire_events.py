"""What comes out of the wire: a head, pieces of content, the end of the message."""

from __future__ import annotations

from typing import NamedTuple

from fanlight.wire.http1.header_fields import FieldBlock


class RequestHead:
    """A request's method, target and fields (RFC 9112 section 3); nothing of its content.

    `target` is as it was sent; `path` and `query` are its parts, still percent-encoded. `path` is
    "*" for the asterisk-form.
    """

    # PERF: benchmarks/run.py: a plain class with slots, made once a request.
    __slots__ = ("block", "method", "minor", "path", "query", "target", "target_authority")

    target_authority: str  # only set where the target has one

    def __init__(self, method: str, target: str, path: str, query: str, minor: int, block: FieldBlock) -> None:
        """Keep what the request line and the fields say."""
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.minor = minor
        self.block = block

    def at(self, authority: str) -> RequestHead:
        """Note that the target itself says whom it is for."""
        self.target_authority = authority
        return self

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Every field in the order of arrival, names in lower case."""
        return self.block.pairs

    @property
    def values(self) -> dict[str, str]:
        """Each field's value; those of a repeated field are joined (RFC 9110 section 5.3)."""
        return self.block.values

    @property
    def authority(self) -> str:
        """Whom the request is for: the target's authority, if it has one, overrides Host (RFC 9112 section 3.2.2)."""
        try:
            return self.target_authority
        except AttributeError:
            return self.block.values.get("host", "")

    @property
    def content_length(self) -> int | None:
        """How many bytes of content follow; None if they come in chunks."""
        return self.block.content_length

    @property
    def has_content(self) -> bool:
        """Whether `Content` and `EndOfMessage` follow; without, this is the whole message."""
        return self.block.content_length != 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for our word before it sends the content (RFC 9110 section 10.1.1)."""
        return self.block.expects_continue and self.minor == 1


class Content(NamedTuple):
    """A piece of the content, chunk framing removed."""

    data: bytes


class EndOfMessage(NamedTuple):
    """The content is complete. Trailers are kept apart: they are never merged into the fields."""

    trailers: list[tuple[str, str]]
