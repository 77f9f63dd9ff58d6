"""The scope of a connection, as an ASGI app gets it (ASGI 3.0, HTTP & WebSocket message format 2.5).

In: a request, and the link to the server. Out: a new dict, which the app may change. The path is percent-decoded, and
`raw_path` as it was sent; both are whole, and begin with `root_path` where the app is mounted below one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.foreign.mount_point import MountPoint, decoded

if TYPE_CHECKING:
    from fanlight.message.call_link import CallLink
    from fanlight.message.request import Request


def http_scope(request: Request, link: CallLink, mount: MountPoint, state: dict[str, Any] | None) -> dict[str, Any]:
    """Return the scope of a request."""
    head = request.head
    path = head.path
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1" if head.minor else "1.0",
        "method": head.method,
        "scheme": request.scheme,
        "path": decoded(path),
        "raw_path": path.encode("latin-1"),
        "query_string": head.query.encode("latin-1"),
        "root_path": decoded(mount.split(path)[0]) if mount.depth else "",
        "headers": _headers(request, is_direct=link.is_direct),
        "client": link.client,
        "server": link.server,
        "extensions": {
            "http.response.pathsend": {},
            "http.response.early_hint": {},
            "http.response.trailers": {},
        },
    }
    if state is not None:
        scope["state"] = state.copy()
    if parameters := mount.parameters(request):
        scope["path_params"] = parameters  # as Starlette and what is made of it have them
    return scope


def websocket_scope(
    request: Request, link: CallLink, mount: MountPoint, state: dict[str, Any] | None, subprotocols: tuple[str, ...]
) -> dict[str, Any]:
    """Return the scope of a WebSocket."""
    scope = http_scope(request, link, mount, state)
    del scope["method"]
    scope |= {
        "type": "websocket",
        "scheme": "wss" if request.scheme == "https" else "ws",
        "subprotocols": list(subprotocols),
        "extensions": {"websocket.http.response": {}},
    }
    return scope


def _headers(request: Request, *, is_direct: bool) -> list[tuple[bytes, bytes]]:
    """Return the fields as bytes; Host is what a trusted proxy, or an absolute target, names in its place."""
    head = request.head
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.fields]
    if is_direct and head.target.startswith("/"):
        return fields
    host = head.find("host")
    if host is not None and host != head.authority:
        host_field = b"host", head.authority.encode("latin-1")
        fields = [host_field if pair[0] == b"host" else pair for pair in fields]
    return fields
