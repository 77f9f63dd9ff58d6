"""Read the request line (RFC 9112 section 3).

In: its bytes, without the line end. Out: a `RequestHead` that has yet to get its fields. Refuses
whatever is not exactly method, space, target, space, version: a second space may mean one thing to
us and another to a proxy. Decodes no percent-encoding: that is done once, where the path is matched.
"""

from __future__ import annotations

from fanlight.errors import BadMessage, VersionUnknown
from fanlight.wire.http1.events import RequestHead
from fanlight.wire.http1.fields import TOKEN_BYTES, is_host

TARGET_BYTES = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("#"))
LONGEST_METHOD = 32
_METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
}
_MINORS = {b"HTTP/1.1": 1, b"HTTP/1.0": 0}


def read_request_line(line: bytes) -> RequestHead:
    """Return the head that a request line begins. Raises BadMessage or VersionUnknown."""
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadMessage(_why_not_three(line))
    raw_method, raw_target, version = parts
    method = _METHODS.get(raw_method) or _read_method(raw_method)
    minor = _MINORS.get(version)
    if minor is None:
        raise _wrong_version(version)
    if not raw_target or raw_target.translate(None, TARGET_BYTES):
        raise BadMessage("the request target has a character in it that URLs don't have; percent-encode it")
    target = raw_target.decode("ascii")
    if raw_target[0] == 47:  # "/"
        path, _, query = target.partition("?")
        return RequestHead(method, target, path, query, minor)
    return _read_other_form(method, target, minor)


def _read_method(raw_method: bytes) -> str:
    if not raw_method or raw_method.translate(None, TOKEN_BYTES):
        raise BadMessage("the method is no token (RFC 9110 section 9.1)")
    if len(raw_method) > LONGEST_METHOD:
        raise BadMessage(f"the method is over {LONGEST_METHOD} bytes long")
    return raw_method.decode("ascii")


def _read_other_form(method: str, target: str, minor: int) -> RequestHead:
    """Read a target that is no path: absolute-, authority- or asterisk-form (RFC 9112 section 3.2)."""
    if method == "CONNECT":
        host, colon, port = target.rpartition(":")
        if not colon or not host or not port or not is_host(target):
            raise BadMessage("CONNECT takes host:port")
        return RequestHead(method, target, "", "", minor, target)
    if target == "*":
        if method != "OPTIONS":
            raise BadMessage("only OPTIONS may ask for *")
        return RequestHead(method, target, "*", "", minor)
    scheme, _, rest = target.partition("://")
    if scheme.lower() not in ("http", "https") or not rest:
        raise BadMessage("the request target is neither a path nor an http URL")
    before_query, mark, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    if not is_host(authority):  # userinfo ("user@") has no place here (RFC 9110 section 4.2.4)
        raise BadMessage("the URL's host is not a name or an address, with or without a port")
    if not slash and not mark and method == "OPTIONS":
        path_text = "*"  # RFC 9112 section 3.2.4
    else:
        path_text = f"/{path}"
    return RequestHead(method, target, path_text, query, minor, authority)


def _why_not_three(line: bytes) -> str:
    if line[:2] == b"\x16\x03":
        return "this is TLS; this port speaks plain http"
    if line.count(b" ") == 1 and line.startswith(b"GET "):
        return "HTTP/0.9 is not spoken here"
    return "the request line is not a method, a target and a version with one space between them"


def _wrong_version(version: bytes) -> BadMessage | VersionUnknown:
    if (
        version[:5] == b"HTTP/"
        and len(version) == 8
        and version[5:6].isdigit()
        and version[6:7] == b"."
        and version[7:].isdigit()
    ):
        return VersionUnknown("this server speaks HTTP/1.1 and HTTP/1.0")
    return BadMessage("the request line does not end in an HTTP version")
