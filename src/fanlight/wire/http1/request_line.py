"""Read the request line (RFC 9112 section 3).

In: its bytes, without the line end. Out: a `RequestHead` that has yet to get its fields. Refuses
whatever is not exactly method, space, target, space, version: a second space may mean one thing to
us and another to a proxy. Decodes no percent-encoding: that is done once, where the path is matched.
"""

from __future__ import annotations

import re

from fanlight.errors import BadMessage, SchemeMismatch, UnsupportedMethod, UnsupportedVersion
from fanlight.wire.http1.header_fields import TOKEN_BYTES, FieldBlock, is_host
from fanlight.wire.http1.wire_events import RequestHead

_LINE_BYTES = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("#"))
_CONNECT = "CONNECT takes host:port"
MAX_METHOD_BYTES = 32
_IS_LATER = re.compile(r"HTTP/1\.[2-9]").fullmatch
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def read_request_line(line: bytes, block: FieldBlock, is_secured: bool = False) -> RequestHead:  # noqa: FBT001, FBT002
    """Return the head that a request line and fields make; https needs a secured connection. Raises ProtocolError."""
    # PERF: benchmarks/stages.py: one look at all bytes, one decoding, one split
    if line.translate(None, _LINE_BYTES) and not _is_only_in_method(line):
        raise BadMessage(_why_not_visible(line))
    try:
        method, target, version = line.decode("ascii").split(" ")
    except ValueError:
        raise BadMessage(_why_not_three(line)) from None
    if method not in _METHODS:
        _check_method(method, target)
    if version == "HTTP/1.1":
        minor = 1
    elif version == "HTTP/1.0":
        minor = 0
    elif _IS_LATER(version):
        minor = 1  # what 1.1 says of a request, every later 1.x says too (RFC 9110 section 6.2)
    else:
        raise _wrong_version(version)
    if target[:1] != "/":
        return _read_other_form(RequestHead(method, target, "", "", minor, block), is_secured=is_secured)
    if "?" not in target:
        return RequestHead(method, target, target, "", minor, block)
    path, _, query = target.partition("?")
    return RequestHead(method, target, path, query, minor, block)


def read_secured_request_line(line: bytes, block: FieldBlock) -> RequestHead:
    """Return the same on a secured connection."""
    return read_request_line(line, block, True)


def _is_only_in_method(line: bytes) -> bool:
    """Say whether a # is all that is odd about a line, and where it may be: in the method, which is a token."""
    method, _, rest = line.partition(b" ")
    return not (method.replace(b"#", b"") + rest).translate(None, _LINE_BYTES)


def _check_method(method: str, target: str) -> None:
    if method == "CONNECT" and target.startswith("/"):
        raise BadMessage(_CONNECT)
    if not method or method.encode().translate(None, TOKEN_BYTES):
        raise BadMessage("the method is no token (RFC 9110 section 9.1)")
    if len(method) > MAX_METHOD_BYTES:
        raise UnsupportedMethod(f"no method is over {MAX_METHOD_BYTES} bytes long")


def _read_other_form(head: RequestHead, *, is_secured: bool) -> RequestHead:
    """Read a target that is no path: absolute-, authority- or asterisk-form (RFC 9112 section 3.2)."""
    method, target = head.method, head.target
    if method == "CONNECT":
        host, colon, port = target.rpartition(":")
        if not colon or not host or not port or "]" in port or not is_host(target):
            raise BadMessage(_CONNECT)
        raise UnsupportedMethod("this server is no proxy, and opens no tunnel")
    if target == "*":
        if method != "OPTIONS":
            raise BadMessage("only OPTIONS may ask for *")
        head.path = "*"
        return head
    scheme, _, rest = target.partition("://")
    scheme = scheme.lower()
    if scheme not in ("http", "https") or not rest:
        raise BadMessage("the request target is neither a path nor an http URL")
    before_query, mark, head.query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    if not is_host(authority):  # userinfo ("user@") has no place here (RFC 9110 section 4.2.4)
        raise BadMessage("the URL's host is not a name or an address, with or without a port")
    # SECURITY: tests/journeys/test_conformance.py: whoever asks for https must not be answered in the clear
    if scheme == "https" and not is_secured:
        raise SchemeMismatch("this connection is not secured, so it has no answers for https")
    # RFC 9112 section 3.2.4: OPTIONS for a URL without a path asks for the server as a whole.
    head.path = "*" if not slash and not mark and method == "OPTIONS" else f"/{path}"
    return head.at(authority)


def _why_not_visible(line: bytes) -> str:
    if b"#" in line:
        return "the request target has a fragment (#), which is the client's own affair"
    return "the request line has a character in it that URLs don't have; percent-encode it"


def _why_not_three(line: bytes) -> str:
    if line.count(b" ") == 1 and line.startswith(b"GET "):
        return "HTTP/0.9 is not spoken here"
    return "the request line is not a method, a target and a version with one space between them"


def _wrong_version(version: str) -> BadMessage | UnsupportedVersion:
    if re.fullmatch(r"HTTP/[0-9]\.[0-9]", version):
        return UnsupportedVersion("this server speaks HTTP/1.1 and HTTP/1.0")
    return BadMessage("the request line does not end in an HTTP version")
