"""Parse the request line (RFC 9112 section 3).

In: its bytes without the line end, and the parsed field lines. Out: a `ParsedHead`. Refuses anything but method,
space, target, space, version: a proxy may read a second space differently. Percent-encoding is decoded later, once,
where the path is matched.
"""

from __future__ import annotations

import re

from fanlight.errors import BadMessage, SchemeMismatch, UnsupportedMethod, UnsupportedVersion
from fanlight.wire.http1.header_fields import TOKEN_BYTES, FieldBlock, is_host
from fanlight.wire.http1.wire_events import ParsedHead

_LINE_BYTES = bytes(byte for byte in range(0x20, 0x7F) if byte != ord("#"))
_CONNECT = "CONNECT takes host:port"
MAX_METHOD_BYTES = 32
_IS_LATER = re.compile(r"HTTP/1\.[2-9]").fullmatch
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def read_request_line(line: bytes, block: FieldBlock, is_secured: bool = False) -> ParsedHead:  # noqa: FBT001, FBT002
    """Return the head of a request line and fields; `is_secured` allows https targets. Raises ProtocolError."""
    # PERF: benchmarks/stages.py: one decoding, one split, and one check of the target; calls with a keyword-only
    # parameter are not specialized
    try:
        method, target, version = line.decode("ascii").split(" ")
    except ValueError:
        _check_characters(line)
        raise BadMessage(_format_error(line)) from None
    if version == "HTTP/1.1" and method in _METHODS and target.isprintable() and "#" not in target:
        minor = 1
    else:
        minor = _read_unusual_line(line, method, target, version)
    if target[:1] != "/":
        authority, path, query = _read_other_form(method, target, is_secured=is_secured)
        head = ParsedHead(method, target, path, query, minor, block, block.content_length)
        if authority is not None:
            head.set_authority(authority)
        return head
    if "?" not in target:
        return ParsedHead(method, target, target, "", minor, block, block.content_length)
    path, _, query = target.partition("?")
    return ParsedHead(method, target, path, query, minor, block, block.content_length)


def _read_unusual_line(line: bytes, method: str, target: str, version: str) -> int:
    """Return the minor version of a line with another method or version than most, or refuse it."""
    _check_characters(line)
    if method not in _METHODS:
        _check_method(method, target)
    if version == "HTTP/1.0":
        return 0
    # Every later 1.x is compatible with 1.1 (RFC 9110 section 6.2).
    if version != "HTTP/1.1" and not _IS_LATER(version):
        raise _version_error(version)
    return 1


def _check_characters(line: bytes) -> None:
    if line.translate(None, _LINE_BYTES) and not _is_only_in_method(line):
        raise BadMessage(_character_error(line))


def _is_only_in_method(line: bytes) -> bool:
    """Return whether the only invalid byte of a line is a # in the method, where it is valid: a method is a token."""
    method, _, rest = line.partition(b" ")
    return not (method.replace(b"#", b"") + rest).translate(None, _LINE_BYTES)


def _check_method(method: str, target: str) -> None:
    if method == "CONNECT" and target.startswith("/"):
        raise BadMessage(_CONNECT)
    if not method or method.encode().translate(None, TOKEN_BYTES):
        raise BadMessage("the method is not a token (RFC 9110 section 9.1)")
    if len(method) > MAX_METHOD_BYTES:
        raise UnsupportedMethod(f"the method is over {MAX_METHOD_BYTES} bytes long")


def _read_other_form(method: str, target: str, *, is_secured: bool) -> tuple[str | None, str, str]:
    """Return the authority, path and query of a target in absolute- or asterisk-form (RFC 9112 section 3.2)."""
    if method == "CONNECT":
        host, colon, port = target.rpartition(":")
        if not colon or not host or not port or "]" in port or not is_host(target):
            raise BadMessage(_CONNECT)
        raise UnsupportedMethod("this server is not a proxy; it does not implement CONNECT")
    if target == "*":
        if method != "OPTIONS":
            raise BadMessage("only OPTIONS may have the target *")
        return None, "*", ""
    scheme, _, rest = target.partition("://")
    scheme = scheme.lower()
    if scheme not in ("http", "https") or not rest:
        raise BadMessage("the request target is neither a path nor an http URL")
    before_query, mark, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    if not is_host(authority):  # userinfo ("user@") has no place here (RFC 9110 section 4.2.4)
        raise BadMessage("the URL's host is not a name or an address, with or without a port")
    # SECURITY: tests/journeys/test_conformance.py: the response to a request for https must not be sent unencrypted
    if scheme == "https" and not is_secured:
        raise SchemeMismatch("this connection is not encrypted, so it can't serve https URLs")
    # RFC 9112 section 3.2.4: OPTIONS with a URL without a path is for the server as a whole.
    return authority, "*" if not slash and not mark and method == "OPTIONS" else f"/{path}", query


def _character_error(line: bytes) -> str:
    if b"#" in line:
        return "the request target has a fragment (#), which must not be sent"
    return "the request line contains a character that is not allowed in URLs; percent-encode it"


def _format_error(line: bytes) -> str:
    if line.count(b" ") == 1 and line.startswith(b"GET "):
        return "HTTP/0.9 is not supported"
    return "the request line must be a method, a target and a version, separated by single spaces"


def _version_error(version: str) -> BadMessage | UnsupportedVersion:
    if re.fullmatch(r"HTTP/[0-9]\.[0-9]", version):
        return UnsupportedVersion("this server supports HTTP/1.1 and HTTP/1.0")
    return BadMessage("the request line does not end with an HTTP version")
