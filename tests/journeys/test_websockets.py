"""WebSockets with clients of others: Chromium, and the library websockets; and through a reload of workers."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
import websockets
from tests.speed import PATIENCE

from fanlight import App, Response, WebSocket
from fanlight.testing import LiveServer

PAGE = """<!doctype html><title>Echo</title><link rel="icon" href="data:,"><ul></ul>
<script>
  const socket = new WebSocket(location.href.replace("http", "ws") + "echo", ["other", "echo.v1"]);
  socket.binaryType = "arraybuffer";
  const show = text => document.querySelector("ul").append(document.createElement("li"), text);
  socket.onopen = () => {
    show(`open ${socket.protocol} ${socket.extensions.split(";")[0]}`);
    socket.send("text \\u20ac");
    socket.send(new Uint8Array([1, 2, 255]));
    socket.send("x".repeat(100000));
    socket.send("end");
  };
  socket.onmessage = event => show(typeof event.data !== "string" ? `bytes ${new Uint8Array(event.data)}` :
    event.data.length > 100 ? `long ${event.data.length}` : event.data);
  socket.onclose = event => { show(`closed ${event.code} ${event.reason} ${event.wasClean}`); window.isOver = true; };
</script>"""


async def echo(socket: WebSocket) -> None:
    if "echo.v1" in socket.subprotocols:
        await socket.accept("echo.v1")
    async for message in socket:
        if message == "end":
            await socket.close(4000, "enough")
        else:
            await socket.send(message)


def page() -> Response:
    response = Response(PAGE, media_type="text/html; charset=utf-8")
    response.headers["content-security-policy"] = "default-src 'self' 'unsafe-inline' data:"
    return response


APP = App({"/": page, "/echo": echo})


def test_a_browser_talks_in_both_directions(tab: Any) -> None:
    """Chromium: subprotocol, compression, text, bytes, long messages, and a close with code and reason."""
    with LiveServer(APP) as server:
        tab.open(server.url)
        tab.wait_for("window.isOver")
        shown = tab.text.split()
    assert shown == (
        "open echo.v1 permessage-deflate text \u20ac bytes 1,2,255 long 100000 closed 4000 enough true".split()
    )


@pytest.mark.parametrize("compression", ["deflate", None])
def test_the_library_websockets_is_understood(compression: str | None) -> None:
    """Text, bytes and fragments of all sizes, compressed or not, and a ping."""
    sizes = (0, 1, 125, 126, 300, 65_535, 65_536, 500_000)

    async def talk(port: int) -> int | None:
        uri = f"ws://127.0.0.1:{port}/echo"
        async with websockets.connect(uri, compression=compression) as client:
            for size in sizes:
                for message in ("\u20ac" * (size // 3), bytes(range(256)) * (size // 256) + bytes(size % 256)):
                    await client.send(message)
                    assert await client.recv() == message
            await client.send(iter(["in ", "three ", "fragments"]))
            assert await client.recv() == "in three fragments"
            await asyncio.wait_for(await client.ping(), PATIENCE)
        return client.close_code

    with LiveServer(APP) as server:
        assert asyncio.run(talk(server.port)) == 1000


SITE = """
from fanlight import WebSocket

async def echo(socket: WebSocket):
    async for message in socket:
        await socket.send(message)

URLS = {"/": echo}
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 1012), (signal.SIGTERM, 1001)])
def test_a_client_of_a_worker_learns_why_it_is_closed(serve: Any, tmp_path: Path, number: int, code: int) -> None:
    """A reload closes with 1012: other workers serve already; the end of the server with 1001."""
    (tmp_path / "main.py").write_text(SITE)
    site = serve(tmp_path, "--workers", "2")

    async def talk() -> int | None:
        async with websockets.connect(f"ws://127.0.0.1:{site.port}/") as client:
            await client.send("x")
            assert await client.recv() == "x"
            site.send_signal(number)
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(client.recv(), PATIENCE)
            return client.close_code

    assert asyncio.run(talk()) == code
    if number == signal.SIGHUP:

        async def again() -> str | bytes:
            async with websockets.connect(f"ws://127.0.0.1:{site.port}/") as client:
                await client.send("again")
                return await client.recv()

        assert asyncio.run(again()) == "again"
