"""The frameworks that people have their sites in, served as they are: FastAPI, Starlette, Flask, Django."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from asgiref.wsgi import WsgiToAsgi
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, UploadFile, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, StreamingResponse
from flask import Flask, abort, redirect, request, send_file, session, stream_with_context
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from tests.foreign.conftest import Serve
from tests.speed import PATIENCE
from websockets.sync.client import connect

from fanlight import App, asgi, wsgi
from fanlight.testing import Client

done = threading.Event()


class Item(BaseModel):
    """Something that is sent as JSON."""

    name: str
    price: float


def token(request: Request) -> Iterator[str]:
    """Provide a token, and note the end."""
    if "x-token" not in request.headers:
        raise HTTPException(401, "no token")
    yield request.headers["x-token"]


def _fastapi(folder: Path) -> FastAPI:  # noqa: C901 - one view after the other
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        yield {"pool": "open"}

    api = FastAPI(lifespan=lifespan)

    @api.get("/")
    async def index(request: Request) -> dict[str, str]:
        return {"pool": request.state.pool, "url": str(request.url_for("index"))}

    @api.post("/items")
    def add(item: Item) -> Item:
        return Item(name=item.name.upper(), price=item.price * 2)

    @api.get("/secret")
    async def secret(token: Annotated[str, Depends(token)]) -> str:
        return token

    @api.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(done.set)
        return "sent"

    @api.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for number in range(50):
                yield b"%d," % number

        return StreamingResponse(pieces(), media_type="text/plain")

    @api.post("/upload")
    async def upload(file: UploadFile) -> dict[str, Any]:
        return {"name": file.filename, "size": len(await file.read())}

    @api.get("/file")
    def file() -> FileResponse:
        return FileResponse(folder / "file.bin", filename="download.bin")

    @api.get("/fails")
    async def fails() -> None:
        raise KeyError("in FastAPI")

    @api.websocket("/ws/{room}")
    async def chat(socket: WebSocket, room: str) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_json({"room": room, "text": text})

    return api


@pytest.fixture(params=["alone", "mounted"])
def api(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Iterator[tuple[Client, str]]:
    """Return a client of a FastAPI app, and where it is: served alone, and mounted."""
    (tmp_path / "file.bin").write_bytes(b"0123456789" * 10_000)
    app = _fastapi(tmp_path)
    if request.param == "alone":
        yield serve(app), ""
        return
    with Client(App({"/api": asgi(app)})) as client:
        yield client, "/api"


def test_fastapi(api: tuple[Client, str], caplog: pytest.LogCaptureFixture) -> None:
    """State, JSON, dependencies, background tasks, streams, uploads, files and errors are as under any other server."""
    client, at = api
    assert client.get(f"{at}/").json() == {"pool": "open", "url": f"http://testserver{at}/"}
    assert client.post(f"{at}/items", json={"name": "a", "price": 2}).json() == {"name": "A", "price": 4.0}
    assert client.post(f"{at}/items", json={"name": "a"}).status == 422
    assert client.get(f"{at}/secret").status == 401
    assert client.get(f"{at}/secret", headers={"x-token": "t"}).json() == "t"
    done.clear()
    assert client.get(f"{at}/background").json() == "sent"
    assert done.wait(PATIENCE)
    assert client.get(f"{at}/stream").text == "".join(f"{number}," for number in range(50))
    uploaded = client.post(f"{at}/upload", files={"file": ("big.bin", b"x" * 3_000_000)})
    assert uploaded.json() == {"name": "big.bin", "size": 3_000_000}
    response = client.get(f"{at}/file")
    assert response.content == b"0123456789" * 10_000
    assert 'filename="download.bin"' in response.headers["content-disposition"]
    assert client.get(f"{at}/file", headers={"range": "bytes=10-14"}).content == b"01234"
    assert client.get(f"{at}/openapi.json").json()["openapi"].startswith("3.")
    assert "swagger" in client.get(f"{at}/docs").text
    assert client.get(f"{at}/fails").status == 500
    client.close()
    assert "in FastAPI" in caplog.text


def test_a_websocket_of_fastapi(api: tuple[Client, str]) -> None:
    """Its WebSockets are served on the same port."""
    client, at = api
    with client.connect() as sock, connect(f"ws://testserver{at}/ws/blue", sock=sock) as connection:
        connection.send("hello")
        assert connection.recv() == '{"room":"blue","text":"hello"}'


def test_middleware_of_starlette(serve: Serve, tmp_path: Path) -> None:
    """Its middleware, compression, CORS and static files work, also those that run the app in tasks of their own."""
    (tmp_path / "app.css").write_text("body { color: red }" * 500)

    class AddField(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            response = await call_next(request)
            response.headers["x-added"] = "1"
            return response

    async def index(request: Any) -> PlainTextResponse:
        return PlainTextResponse("x" * 2000)

    stack = [
        Middleware(AddField),
        Middleware(GZipMiddleware),
        Middleware(CORSMiddleware, allow_origins=["https://a.example"]),
    ]
    routes = [Route("/", index), Mount("/static", StaticFiles(directory=tmp_path))]
    client = serve(Starlette(routes=routes, middleware=stack))
    response = client.get("/", headers={"accept-encoding": "gzip", "origin": "https://a.example"})
    assert response.text == "x" * 2000
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["x-added"] == "1"
    assert response.headers["access-control-allow-origin"] == "https://a.example"
    styles = client.get("/static/app.css")
    assert styles.text == "body { color: red }" * 500
    assert client.get("/static/app.css", headers={"if-none-match": styles.headers["etag"]}).status == 304
    assert client.get("/static/../pyproject.toml").status == 404


def _flask(folder: Path) -> Flask:
    app = Flask("shop")
    app.secret_key = "tests"

    @app.get("/")
    def index() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"visit {session['visits']}"

    @app.post("/upload")
    def upload() -> dict[str, Any]:
        file = request.files["file"]
        return {"name": file.filename, "size": len(file.read()), "field": request.form["field"]}

    @app.get("/download")
    def download() -> Any:
        return send_file(folder / "file.bin", as_attachment=True)

    @app.get("/memory")
    def memory() -> Any:
        return send_file(io.BytesIO(b"in memory"), mimetype="text/plain")

    @app.get("/stream")
    def stream() -> Any:
        def pieces() -> Iterator[str]:
            yield request.path
            yield "!"

        return stream_with_context(pieces()), {"Content-Type": "text/plain"}

    @app.get("/absolute")
    def absolute() -> str:
        return request.base_url

    @app.get("/away")
    def away() -> Any:
        return redirect("/")

    @app.get("/teapot")
    def teapot() -> Any:
        abort(418)

    @app.get("/fails")
    def fails() -> Any:
        raise KeyError("in Flask")

    return app


@pytest.mark.parametrize("at", ["", "/shop"])
def test_flask(serve: Serve, tmp_path: Path, at: str) -> None:
    """Sessions, forms, uploads, downloads, streams and errors are as under any other server."""
    (tmp_path / "file.bin").write_bytes(b"0123456789" * 10_000)
    app = _flask(tmp_path)
    with serve(app) if not at else Client(App({at: wsgi(app)})) as client:
        assert [client.get(f"{at}/").text for _ in range(2)] == ["visit 1", "visit 2"]
        uploaded = client.post(f"{at}/upload", form={"field": "ä"}, files={"file": ("a.bin", b"x" * 2_000_000)})
        assert uploaded.json() == {"name": "a.bin", "size": 2_000_000, "field": "ä"}
        response = client.get(f"{at}/download")
        assert response.content == b"0123456789" * 10_000
        assert "attachment" in response.headers["content-disposition"]
        assert client.get(f"{at}/download", headers={"range": "bytes=3-5"}).content == b"345"
        assert client.get(f"{at}/memory").text == "in memory"
        assert client.get(f"{at}/stream").text == "/stream!"
        assert client.get(f"{at}/away").status == 302
        assert client.get(f"{at}/teapot").status == 418
        assert client.get(f"{at}/fails").status == 500
        assert client.get(f"{at}/nothing").status == 404
        assert client.head(f"{at}/").headers["content-length"] == "7"
        assert "GET" in client.options(f"{at}/").headers["allow"]


def test_an_app_knows_that_it_is_https(serve: Serve, tmp_path: Path) -> None:
    """What an app makes of its own address has the scheme of the request."""

    async def where(request: Any) -> PlainTextResponse:
        return PlainTextResponse(str(request.url))

    site = App({"/a": asgi(Starlette(routes=[Route("/x", where)])), "/w": wsgi(_flask(tmp_path))})
    with Client(site, base_url="https://testserver") as client:
        assert client.get("/a/x?b=c").text == "https://testserver/a/x?b=c"
        assert client.get("/w/absolute").text == "https://testserver/w/absolute"


def test_a_wsgi_app_in_an_adapter_of_asgiref(serve: Serve, tmp_path: Path) -> None:
    """Django's own adapter runs a WSGI app in threads, and passes on what this server sends and takes."""
    client = serve(WsgiToAsgi(_flask(tmp_path)))  # type: ignore[no-untyped-call]
    assert [client.get("/").text for _ in range(2)] == ["visit 1", "visit 2"]
    uploaded = client.post("/upload", form={"field": "x"}, files={"file": ("a.bin", b"x" * 500_000)})
    assert uploaded.json() == {"name": "a.bin", "size": 500_000, "field": "x"}


def test_an_app_of_fanlight_in_an_app_of_fanlight() -> None:
    """An `App` is an ASGI app, so that it can be mounted like any other, and its lifespan runs."""
    events: list[str] = []

    def lifespan() -> Iterator[None]:
        events.append("starts")
        yield
        events.append("stops")

    inner = App({"/": lambda: "inner", "/cats/{number}": lambda number: f"cat {number}"}, lifespan=lifespan)
    with Client(App({"/": lambda: "outer", "/inner": asgi(inner)})) as client:
        assert [client.get(each).text for each in ("/", "/inner/", "/inner/cats/7")] == ["outer", "inner", "cat 7"]
    assert events == ["starts", "stops"]
