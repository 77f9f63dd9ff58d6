"""`fanlight dev` with apps of other frameworks, parts and hosts: reloaded, shown when they fail, and recorded."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.browser import Tab
from tests.devtools.reload.conftest import DevSite, only_main, wait_until
from tests.devtools.reload.test_reloading import SteadyClient
from tests.sockets import received_next
from tests.speed import PATIENCE

MAIN = """
from fanlight import Hosts, asgi, wsgi

import blog

def home():
    return "<!doctype html><title>Home</title><h1>home</h1>"

def page(user):
    return f"<!doctype html><title>{user}</title><h1>{user}, code one</h1>"

URLS = Hosts({
    "example.org": {"/": home, "/blog": blog.part, "/api": asgi("api:app"), "/old": wsgi("old:app")},
    "{user}.example.org": {"/": page},
})
"""
API = """
from fastapi import FastAPI, WebSocket

app = FastAPI()

@app.get("/text")
async def text():
    return "code one"

@app.get("/boom")
async def boom():
    whiskers = 7
    raise ValueError("the cat is out")

@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"echo of {text}")
"""
OLD = """
from flask import Flask, request

app = Flask(__name__)

@app.get("/page")
def page():
    return "<!doctype html><title>Old</title><h1>code one</h1>"

@app.post("/save")
def save():
    return "saved " + request.form["name"]

@app.get("/boom")
def boom():
    bone = 7
    raise ValueError("the dog is out")
"""
BLOG = """
from fanlight import Part, render

def index():
    return render("index.html", text="code one")

def boom():
    return render("boom.html")

part = Part({"/": index, "/boom": boom}, name="blog", static="static")
"""
FILES = {
    "main.py": MAIN,
    "api.py": API,
    "old.py": OLD,
    ".env": "FLASK_DEBUG=1\n",  # Flask raises, in the place of a page of its own
    "blog/__init__.py": BLOG,
    "blog/templates/index.html": (
        "<!doctype html><title>Blog</title><link rel=stylesheet href=\"{{ asset('blog.css') }}\">"
        "<h1>{{ text }}, template one</h1>"
    ),
    "blog/templates/boom.html": "<p>{{ 1 // 0 }}</p>",
    "blog/static/blog.css": "h1 { color: rgb(1, 2, 3) }",
}
TOOLS = "/__fanlight__"


def put(folder: Path, files: Mapping[str, str] = FILES) -> None:
    """Write the files of a site."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevSite]:
    """Return the site, whose files no test changes: importing two frameworks takes a second or more."""
    folder = tmp_path_factory.mktemp("mounted")
    put(folder)
    site = DevSite(folder)
    try:
        yield site.begin()
    finally:
        assert site.stop() == 0


def recorded(site: DevSite, path: str) -> str:
    """Return the address of the newest exchange with a path, once it is kept."""

    def ids() -> list[str]:
        page = site.get(f"{TOOLS}?q={quote(path)}")[1]
        return re.findall(rf'exchanges/([0-9]+-[0-9]+)"><bdi>{re.escape(path)}</bdi>', page)

    wait_until(ids, lambda: site.printed)
    return f"{TOOLS}/exchanges/{max(ids())}"


def text_of(site: DevSite, path: str) -> str:
    """Return what the inspector shows of the newest exchange with a path, without its markup."""
    page = site.get(recorded(site, path))[1]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# --- what is saved is served ------------------------------------------------------------------------------

QUICK = """
from fanlight import Hosts, asgi, wsgi

import blog

def page(user):
    return f"code one of {user}"

URLS = Hosts({
    "example.org": {"/blog": blog.part, "/api": asgi("api:app"), "/old": wsgi("old:app")},
    "{user}.example.org": {"/": page},
})
"""
QUICK_API = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"code one"})
"""
QUICK_OLD = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b"code one"]
"""
SAVES = [
    ("api.py", "code one", "code two", "/api/x", ""),
    ("old.py", "code one", "code two", "/old/x", ""),
    ("blog/__init__.py", "code one", "code two", "/blog", ""),
    ("blog/templates/index.html", "template one", "template two", "/blog", ""),
    ("main.py", "code one", "code two", "/", "ann.example.org"),
]


def test_what_is_saved_is_served_and_no_request_fails(develop: Callable[..., DevSite], folder: Path) -> None:
    """Of a mounted app, of a part and its template, and of a host, while clients send one request after the other."""
    only_main(folder, QUICK)
    put(folder, FILES | {"main.py": QUICK, "api.py": QUICK_API, "old.py": QUICK_OLD})
    site = develop().begin()
    clients = [
        SteadyClient(site, keeps_alive=False, path="/blog", begins="<!doctype html>"),
        *(SteadyClient(site, keeps_alive=True, path=path, host=host) for *_, path, host in SAVES if path != "/blog"),
    ]
    try:
        for name, old, new, path, host in SAVES:
            site.replace(name, old, new)
            fields = {"host": host} if host else {}
            wait_until(lambda: new in site.get(path, **fields)[1], lambda: site.printed)  # noqa: B023 - used here
    finally:
        for each in clients:
            each.stop()
    assert [each.failures for each in clients] == [[]] * len(clients)


def test_a_style_sheet_of_a_part_is_new_at_once(develop: Callable[..., DevSite], folder: Path) -> None:
    """Its address in the pages of the part changes with it."""
    only_main(folder, "import blog\n\nURLS = {'/blog': blog.part}\n")
    put(folder, {name: text for name, text in FILES.items() if name.startswith("blog/")})
    site = develop().begin()
    before = re.findall(r"/blog/static/blog\.\w+\.css", site.get("/blog")[1])
    assert len(before) == 1
    site.replace("blog/static/blog.css", "(1, 2, 3)", "(4, 5, 6)")
    wait_until(lambda: before[0] not in site.get("/blog")[1], lambda: site.printed)


# --- an exception is shown --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error", "line", "variable"),
    [
        ("/api/boom", "the cat is out", "api.py:13", "whiskers"),
        ("/old/boom", "the dog is out", "old.py:17", "bone"),
    ],
)
def test_an_exception_of_a_mounted_app_has_the_debug_page(
    shared: DevSite, reader: Tab, path: str, error: str, line: str, variable: str
) -> None:
    """With the line of the app, its variables, and in the terminal the same line; other clients get text."""
    reader.open(f"{shared.url}{path}")
    assert error in reader.text
    assert line in reader.text
    assert variable in reader.text
    status, text = shared.get(path)
    assert (status, text.startswith(f"ValueError: {error}")) == (500, True)
    assert line in text
    assert line in shared.read_until(line)


def test_an_exception_of_a_template_of_a_part_has_its_line(shared: DevSite, reader: Tab) -> None:
    """By the name of the file."""
    reader.open(f"{shared.url}/blog/boom")
    assert "ZeroDivisionError" in reader.text
    assert "blog/templates/boom.html:1" in reader.text


def test_pages_of_all_of_them_refresh_themselves(shared: DevSite) -> None:
    """The script of the development server is in each."""
    pages = [shared.get(path, accept="text/html")[1] for path in ("/", "/old/page", "/blog", "/none", "/blog/none")]
    pages.append(shared.get("/", host=f"ann.example.org.localhost:{shared.port}")[1])
    assert [page.count(f"{TOOLS}/static/reload.js") for page in pages] == [1] * len(pages)


# --- the inspector ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "host", "shown"),
    [
        ("/api/text", "", ["ANY example.org/api/{path...}", "asgi(api:app)", "code one"]),
        ("/old/page", "", ["ANY example.org/old/{path...}", "wsgi(old:app)", "code one"]),
        ("/blog", "", ["GET example.org/blog", "blog.index", "blog/index.html", "template one"]),
        ("/?of=ann", "ann.example.org", ["GET {user}.example.org/", "main.page", "ann"]),
    ],
)
def test_the_inspector_has_route_view_and_template(shared: DevSite, path: str, host: str, shown: list[str]) -> None:
    """Of a mounted app its route, its name and what it has sent."""
    shared.get(path, **({"host": host} if host else {}))
    text = text_of(shared, path)
    assert [each for each in shown if each not in text] == []


@pytest.mark.parametrize(("path", "expected"), [("/api/text", "code one"), ("/old/page", "code one")])
def test_an_exchange_of_a_mounted_app_is_replayed(shared: DevSite, tab: Tab, path: str, expected: str) -> None:
    """The response of the code as it is now is compared with that of before."""
    assert expected in shared.get(path)[1]
    tab.open(f"{shared.url}{recorded(shared, path)}")
    tab.click(".replay form button")
    tab.wait_for("document.querySelector('.verdict')")
    assert "200" in tab.text
    assert "Different" not in tab.text


def test_a_websocket_of_a_mounted_app_is_recorded(shared: DevSite) -> None:
    """With its messages in both directions."""
    with socket.create_connection(("127.0.0.1", shared.port), PATIENCE) as client:
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /api/echo HTTP/1.1\r\nHost: localhost:{shared.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        text = b"miaow"
        client.sendall(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)
        client.sendall(bytes((0x88, 0x80)) + bytes(4))
        received = b""
        while b"echo of miaow" not in received:
            received += received_next(client)
    wait_until(lambda: "echo of miaow" in text_of(shared, "/api/echo"), lambda: shared.printed)
    shown = text_of(shared, "/api/echo")
    assert "asgi(api:app)" in shown
    assert "miaow" in shown.replace("echo of miaow", "")
