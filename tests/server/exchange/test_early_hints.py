"""Early hints on their way."""

import asyncio
import logging
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight import App, Response, Static, lane
from fanlight.errors import SetupError
from fanlight.message.content import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.handler import Lane
from fanlight.message.with_middleware import middleware
from fanlight.settings.options import Options
from fanlight.testing import Client, LiveServer

BROWSER = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
PAGE = b"GET / HTTP/1.1\r\nhost: test\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n\r\n"
LINK = "</app.css>; rel=preload; as=style"


class Page:
    """Views that send hints and then wait until someone has seen them."""

    def __init__(self) -> None:
        """Wait until the gate is open."""
        self.gate = threading.Event()

    def sync(self, hints: EarlyHints) -> str:
        """Wait in a thread."""
        hints.preload("/app.css")
        assert self.gate.wait(PATIENCE)
        return f"page of {threading.current_thread().name.partition('-')[0]}"

    async def task(self, hints: EarlyHints) -> str:
        """Wait on the loop."""
        hints.preload("/app.css")
        assert await asyncio.to_thread(self.gate.wait, PATIENCE)
        return "page"


async def step() -> Any:
    """Stand around a view, on the loop."""
    yield


def until(sock: socket.socket, end: bytes) -> bytes:
    """Return what comes, up to something that is sure to come."""
    data = b""
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece, data
        data += piece
    return data


@pytest.mark.parametrize("kind", ["sync", "task"])
def test_they_are_there_while_the_page_is_made(kind: str) -> None:
    """The links come first, then the response, and the connection goes on."""
    page = Page()
    with Client(App({"/": getattr(page, kind)})) as client, client.connect() as sock:
        for _ in range(2):
            page.gate.clear()
            sock.sendall(PAGE)
            hints = until(sock, b"\r\n\r\n")
            assert hints == f"HTTP/1.1 103 Early Hints\r\nlink: {LINK}\r\n\r\n".encode()
            page.gate.set()
            assert b"HTTP/1.1 200 OK\r\n" in until(sock, b"page" if kind == "task" else b"page of fanlight")


def test_the_client_of_tests_sees_them() -> None:
    """A response repeats the links that came before it; a client that is no browser gets none."""
    page = Page()
    page.gate.set()
    with Client(App({"/": page.sync})) as client:
        answer = client.get("/", headers=BROWSER)
        assert (answer.status, answer.early_hints) == (200, (LINK,))
        assert client.get("/").early_hints == ()
        with client.stream("GET", "/", headers=BROWSER) as streamed:
            assert (streamed.status, streamed.early_hints) == (200, (LINK,))


def test_assets_are_named_by_what_they_are_called(tmp_path: Path) -> None:
    """The URL with the hash is worked out, as in a template; a request has a way to it, too."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "app.css").write_text("p {}")

    def view(hints: EarlyHints) -> str:
        hints.preload("app.css")
        return "page"

    static = Static(tmp_path / "static")
    app = App({"/": view, "/asset": lambda request: request.asset("app.css"), "/static": static})
    with Client(app) as client:
        (link,) = client.get("/", headers=BROWSER).early_hints
        url = client.get("/asset").text
        assert link == f"<{url}>; rel=preload; as=style"
        assert client.get(url).text == "p {}"


VIA = ["x-forwarded-for: 192.0.2.1", "forwarded: for=192.0.2.1", "via: 1.1 varnish", "x-real-ip: 192.0.2.1"]


def heads(server: LiveServer, field: str = "", path: str = "") -> list[bytes]:
    """Return the statuses that a browser gets which opens the page twice on one connection."""
    line = f"{field}\r\n" if field else ""
    sock = socket.socket(socket.AF_UNIX) if path else socket.create_connection(("127.0.0.1", server.port))
    with sock:
        sock.settimeout(PATIENCE)
        if path:
            sock.connect(path)
        asked = PAGE.replace(b"\r\n\r\n", f"\r\n{line}\r\n".encode())
        sock.sendall(asked + asked.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    return re.findall(rb"HTTP/1\.1 (\d+)", received)


HINTED, NOT_HINTED = [b"103", b"200"] * 2, [b"200"] * 2


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Give a function that serves the page, on a port and on a unix socket."""
    page = Page()
    page.gate.set()
    with ExitStack() as stack:

        def begin(**more: Any) -> LiveServer:
            options = Options(bind=("127.0.0.1:0", f"unix:{tmp_path}/s"), access_log=False, **more)
            return stack.enter_context(LiveServer(App({"/": page.sync}), options=options))

        yield begin


def test_a_direct_client_is_sent_them(serve: Callable[..., LiveServer]) -> None:
    """A browser that comes by itself has them each time."""
    assert heads(serve()) == HINTED


def test_a_trusted_proxy_is_sent_none_unless_it_passes_them_on(
    serve: Callable[..., LiveServer], tmp_path: Path
) -> None:
    """Neither one with an address nor one behind a unix socket, until a setting says that they know what a 103 is."""
    server = serve(trusted_proxies=("127.0.0.1",))
    assert heads(server) == NOT_HINTED
    assert heads(server, path=f"{tmp_path}/s") == NOT_HINTED


def test_a_setting_declares_that_proxies_pass_them_on(serve: Callable[..., LiveServer], tmp_path: Path) -> None:
    """With --proxy-early-hints they are sent to trusted proxies, too."""
    server = serve(trusted_proxies=("127.0.0.1",), proxy_early_hints=True)
    assert heads(server, VIA[0]) == HINTED
    assert heads(server, path=f"{tmp_path}/s") == HINTED


@pytest.mark.parametrize("field", VIA)
def test_an_untrusted_proxy_is_sent_none(serve: Callable[..., LiveServer], field: str) -> None:
    """A request that says it has come by a proxy gets none, on its connection's first request and later."""
    assert heads(serve(), field) == NOT_HINTED


def test_they_go_by_tls(localhost: Any) -> None:
    """A secured connection has them as well."""
    page = Page()
    page.gate.set()
    options = Options(bind=("127.0.0.1:0",), access_log=False, cert=(localhost.cert,), key=(localhost.key,))
    with LiveServer(App({"/": page.sync}), options=options) as server:
        command = [
            "curl",
            "-sSki",
            "-H",
            "sec-fetch-mode: navigate",
            "-H",
            "sec-fetch-dest: document",
            f"{server.url}/",
        ]
        got = subprocess.run(command, check=True, capture_output=True).stdout
    assert got.startswith(f"HTTP/1.1 103 Early Hints\r\nlink: {LINK}\r\n\r\nHTTP/1.1 200 OK\r\n".encode())
    assert got.endswith(b"page of fanlight")


def test_a_page_that_is_streamed_may_have_them() -> None:
    """Before the first piece they are sent; in the middle of the response they are not."""

    def view(hints: EarlyHints) -> Response:
        hints.preload("/a.css")

        def pieces() -> Any:
            hints.preload("/late.css")
            yield "page"

        return Response(pieces())

    with Client(App({"/": view})) as client:
        answer = client.get("/", headers=BROWSER)
    assert (answer.text, answer.early_hints) == ("page", ("</a.css>; rel=preload; as=style",))


def test_a_client_that_takes_nothing_gets_no_hints() -> None:
    """With a full buffer hints are left out, as half of one would spoil the response behind it."""
    page = Page()
    page.gate.set()
    big = Response(b"x" * 3_000_000)
    with Client(App({"/": page.sync, "/big": lambda: big})) as client, client.connect() as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nhost: test\r\n\r\n" + PAGE)
        data = until(sock, b"page of fanlight")
    assert data.count(b"HTTP/1.1 ") in (2, 3)
    assert data.count(b"x" * 3_000_000) == 1


def test_who_has_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """A client that is gone gets no hints, and the view goes on."""
    page, entered, done = Page(), threading.Event(), threading.Event()

    def view(hints: EarlyHints) -> str:
        entered.set()
        assert page.gate.wait(PATIENCE)
        hints.preload("/a.css")
        done.set()
        return "page"

    with Client(App({"/": view})) as client:
        sock = client.connect()
        sock.sendall(PAGE)
        assert entered.wait(PATIENCE)
        sock.close()
        page.gate.set()
        assert done.wait(PATIENCE)
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


def test_it_runs_where_it_may_take_its_time() -> None:
    """A sync view with hints has a thread from the first request on, an async one or one with async steps a task."""
    page = Page()
    app = App({"/": page.sync, "/task": page.task, "/around": middleware(step)({"/": page.sync})})
    calls: dict[str, Any] = {route.pattern: route.endpoint for route in app.table.routes}
    lanes = {pattern: (call.lane, call.is_pinned) for pattern, call in calls.items()}
    assert lanes["/"] == (Lane.THREAD, True)
    assert lanes["/task"][0] is Lane.TASK


def inline(hints: EarlyHints) -> str:
    return str(hints)


async def with_stream(hints: EarlyHints, stream: ContentStream) -> str:
    return f"{hints}{stream}"


def twice(hints: EarlyHints, more: EarlyHints) -> str:
    return f"{hints}{more}"


def dependency(hints: EarlyHints) -> str:
    return str(hints)


def test_invalid_hints_are_found_before_the_port_opens() -> None:
    """Beside a stream of content, pinned inline, or for a dependency there are none."""
    for urls, message in (
        ({"/": lane("inline")(inline)}, "inline sends early hints, but is pinned inline"),
        ({"POST /": with_stream}, "sends early hints while it reads a stream"),
        ({"/": twice}, "sends early hints twice"),
    ):
        with pytest.raises(SetupError, match=message):
            App(urls)


def test_nothing_is_sent_for_a_request_that_is_over() -> None:
    """A thread that outlives its request sends nothing."""
    page = Page()
    page.gate.set()
    kept: list[EarlyHints] = []

    def view(hints: EarlyHints) -> str:
        kept.append(hints)
        return "page"

    with Client(App({"/": view})) as client:
        assert client.get("/", headers=BROWSER).early_hints == ()
        kept[0].preload("/late.css")
        assert client.get("/", headers=BROWSER).early_hints == ()
