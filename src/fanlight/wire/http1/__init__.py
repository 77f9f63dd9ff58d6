"""HTTP/1.1 and 1.0, the server's side: bytes in, events out; answers in, bytes out (RFC 9112)."""

from fanlight.wire.http1.connection import Http1
from fanlight.wire.http1.events import Content, EndOfMessage, RequestHead
from fanlight.wire.http1.fields import FieldBlock, is_host, may_hide_content
from fanlight.wire.http1.limits import WireLimits
from fanlight.wire.http1.states import State, Step

__all__ = [
    "Content",
    "EndOfMessage",
    "FieldBlock",
    "Http1",
    "RequestHead",
    "State",
    "Step",
    "WireLimits",
    "is_host",
    "may_hide_content",
]
