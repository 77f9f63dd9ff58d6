"""An app of each kind that responds with where it is mounted: for tests of mounts."""

from __future__ import annotations

from typing import Any


async def where_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Respond with the method, where the app is, the path twice, and the parameters of its place, if it has any."""
    if scope["type"] == "http":
        text = f"{scope['method']} {scope['root_path']}|{scope['path']}|{scope['raw_path'].decode()}"
        text += f"|{scope['path_params']}" if "path_params" in scope else ""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"accept")]})
        await send({"type": "http.response.body", "body": text.encode()})


def where_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """Respond with the method, where the app is, the path below, and the parameters of its place, if it has any."""
    start_response("200 OK", [])
    text = f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}"
    text += f"|{environ['wsgiorg.routing_args']}" if "wsgiorg.routing_args" in environ else ""
    return [text.encode("latin-1")]
