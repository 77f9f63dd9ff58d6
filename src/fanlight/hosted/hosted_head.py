"""The head of a request, as another server has parsed it.

In: method, path and fields, from an ASGI scope or a WSGI environ. Out: a `Request`. Refuses, with BadRequest, what our
own wire would refuse and the rest of Fanlight relies on: a host that is none, a field that must not be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from fanlight.errors import BadMessage, BadRequest
from fanlight.wire.http1.header_fields import FieldBlock, is_host, join_repeated
from fanlight.wire.http1.wire_events import ParsedHead

_IN_PATHS = "/%:@!$&'()*+,;=-._~"  # not percent-encoded (RFC 3986 section 3.3)


def head_of(
    method: str, path: str, query: str, minor: int, pairs: Iterable[tuple[str, str]], authority: str
) -> ParsedHead:
    """Return a head; `authority` is used if there is no Host. Raises BadRequest."""
    fields = [(name.lower(), value) for name, value in pairs]
    try:
        block = FieldBlock(join_repeated(fields), fields)
    except BadMessage as error:
        raise BadRequest(str(error)) from None
    host = block.values.get("host")
    if host is not None and not is_host(host):
        raise BadRequest("Host is not a name or an address, with or without a port")
    target = f"{path}?{query}" if query else path
    head = ParsedHead(method, target, path, query, minor, block, block.content_length)
    if host is None:
        head.set_authority(authority)
    return head


def authority_of(name: str, port: object) -> str:
    """Return the authority of a server that is addressed without a Host; a path is that of its Unix socket."""
    host = "localhost" if "/" in name else f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"{host}:{port}" if port else host


def path_below(raw_path: str | None, path: str, root: str) -> str:
    """Return the percent-encoded path that is left for the app, below the path where it is mounted."""
    whole = raw_path or quote(path, safe=_IN_PATHS.replace("%", ""))
    prefix = quote(root.rstrip("/"), safe=_IN_PATHS)
    if prefix and (whole == prefix or whole.startswith(f"{prefix}/")):
        whole = whole[len(prefix) :]
    return whole or "/"
