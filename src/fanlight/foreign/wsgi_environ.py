"""The environ of a request, as a WSGI app gets it (PEP 3333).

In: a request, and where the app is mounted. Out: a new dict. Text is "native": bytes, each as the character of latin-1.
A field whose name has an underscore is left out, as it would have the key of another one with a hyphen: a client could
pass for a proxy.
"""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from fanlight.foreign.wsgi_file import FileWrapper
from fanlight.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from fanlight.foreign.mount_point import MountPoint
    from fanlight.message.call_link import CallLink
    from fanlight.message.request import Request

_MOST_KNOWN = 512
_KEYS: dict[str, str] = {}  # of fields that have come before
_CGI = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
_AUTHORITY = lazy_pattern(r"(.*?)(?::([0-9]+))?")
_PORTS = {"http": "80", "https": "443"}


def make_environ(request: Request, link: CallLink, mount: MountPoint) -> dict[str, Any]:
    """Return the environ of a request."""
    head, content = request.head, request.content_source
    script, path = mount.split(head.path)
    server, client = link.server, link.client
    name, port = _server(request, server)
    environ = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": _native(script),
        "PATH_INFO": _native(path),
        "QUERY_STRING": head.query,
        "REQUEST_URI": head.target,
        "SERVER_NAME": name,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1" if head.minor else "HTTP/1.0",
        "SERVER_SOFTWARE": "fanlight",
        "REMOTE_ADDR": "" if client is None else client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO() if content is None else content.open(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,  # there may be other workers, and the successor of one while it is replaced
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    if parameters := mount.parameters(request):
        environ["wsgiorg.routing_args"] = (
            (),
            parameters,
        )  # https://wsgi.readthedocs.io/en/latest/specifications/routing_args.html
    if request.scheme == "https":
        environ["HTTPS"] = "on"
    if client is not None and client[1]:
        environ["REMOTE_PORT"] = str(client[1])
    for field, value in head.fields:
        key = _KEYS.get(field)
        if key is None:
            key = _learn(field)
        if key:
            before = environ.get(key)
            environ[key] = value if before is None else f"{before}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    if "HTTP_HOST" in environ:  # or what a trusted proxy, or an absolute target, names in its place
        environ["HTTP_HOST"] = head.authority
    if content is not None:
        environ.setdefault("CONTENT_LENGTH", str(content.size))  # of content that has come in chunks
    return environ


def _learn(field: str) -> str:
    """Return the key of a field, "" for one that has none."""
    key = _CGI.get(field) or ("" if "_" in field or field == "proxy" else f"HTTP_{field.upper().replace('-', '_')}")
    if len(_KEYS) < _MOST_KNOWN:
        _KEYS[field] = key
    return key


def _native(raw_path: str) -> str:
    return unquote_to_bytes(raw_path).decode("latin-1") if "%" in raw_path else raw_path


def _server(request: Request, server: tuple[str, int | None] | None) -> tuple[str, str]:
    """Return the name and the port of the server: where the request has arrived, or as it is addressed."""
    if server is not None and server[1] is not None:
        return server[0], str(server[1])
    found = _AUTHORITY.fullmatch(request.host)
    name, port = (found[1], found[2]) if found is not None else ("", None)
    return name or "localhost", port or _PORTS.get(request.scheme, "80")
