"""Every place where the site's code is called, crossed with every exception it can raise, on one real server.

The client gets a response (or its stream is cut off), the log one traceback that names the route, the access log
one line; nothing of the server is leaked, and the next request is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.client
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from tests.exceptions import RAISED
from tests.journeys.conftest import wait_until
from tests.speed import PATIENCE

from fanlight import Forbidden, HTTPError, Request, lane, render
from fanlight.app.application import Application
from fanlight.message.events import EventStream
from fanlight.message.response import Response
from fanlight.message.with_middleware import middleware
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

EVERY = RAISED | {"http-error": lambda: Forbidden("not for you")}


def made(kind: str) -> BaseException:
    return EVERY[kind]()


def fail(kind: str) -> str:
    raise made(kind)


# --- views -------------------------------------------------------------------------------------------------------


def plain(kind: str) -> str:
    return fail(kind)


@lane("inline")
def inline(kind: str) -> str:
    return fail(kind)


@lane("thread")
def in_thread(kind: str) -> str:
    return fail(kind)


async def waiting(kind: str) -> str:
    await asyncio.sleep(0)
    return fail(kind)


async def waits_for_a_task(kind: str) -> str:
    return await asyncio.create_task(waiting(kind))


class Called:
    """A view that is an object."""

    def __call__(self, kind: str) -> str:
        return fail(kind)


class CalledAsync:
    """An async view that is an object."""

    async def __call__(self, kind: str) -> str:
        return fail(kind)


# --- streams -----------------------------------------------------------------------------------------------------


def stream(kind: str) -> Iterator[str]:
    yield "first"
    fail(kind)


def stream_at_once(kind: str) -> Iterator[str]:
    fail(kind)
    yield "never"


async def async_stream(kind: str) -> AsyncIterator[str]:
    yield "first"
    fail(kind)


async def async_stream_at_once(kind: str) -> AsyncIterator[str]:
    fail(kind)
    yield "never"


def events(kind: str) -> EventStream:
    return EventStream(stream(kind))


async def async_events(kind: str) -> EventStream:
    return EventStream(async_stream(kind))


class Pieces:
    """An iterator that is no generator; Python does not change what it raises."""

    def __init__(self, kind: str) -> None:
        self.kind, self.is_begun = kind, False

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> bytes:
        if self.is_begun:
            fail(self.kind)
        self.is_begun = True
        return b"first"


class AsyncPieces:
    """The same, async."""

    def __init__(self, kind: str) -> None:
        self.kind, self.is_begun = kind, False

    def __aiter__(self) -> AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        if self.is_begun:
            fail(self.kind)
        self.is_begun = True
        return b"first"


class Closing(Pieces):
    """An iterator that fails when it is closed."""

    def __next__(self) -> bytes:
        if self.is_begun:
            raise StopIteration
        self.is_begun = True
        return b"first"

    def close(self) -> None:
        fail(self.kind)


class Unreadable:
    """An iterable that can't be read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __iter__(self) -> Iterator[bytes]:
        fail(self.kind)
        return iter(())


class AsyncUnreadable:
    """The same, async."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __aiter__(self) -> AsyncIterator[bytes]:
        fail(self.kind)
        return AsyncPieces(self.kind)


# --- middleware --------------------------------------------------------------------------------------------------


def kind_of(request: Request) -> str:
    return request.path.rpartition("/")[2]


def before(request: Request) -> Iterator[None]:
    fail(kind_of(request))
    yield


def after(request: Request) -> Iterator[None]:
    yield
    fail(kind_of(request))


def catching(request: Request) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note("passed")
        raise


async def before_async(request: Request) -> AsyncIterator[None]:
    fail(kind_of(request))
    yield


async def after_async(request: Request) -> AsyncIterator[None]:
    yield
    fail(kind_of(request))


async def passing(request: Request) -> AsyncIterator[None]:
    yield


def fine(kind: str) -> str:
    return f"fine {kind}"


async def fine_async(kind: str) -> str:
    return f"fine {kind}"


@lane("inline")
def fine_inline(kind: str) -> str:
    return f"fine {kind}"


@lane("inline")
def broken_inline(kind: str) -> str:
    return fail(kind)


# --- dependencies ------------------------------------------------------------------------------------------------


def gives(kind: str) -> int:
    fail(kind)
    return 1


async def gives_async(kind: str) -> int:
    fail(kind)
    return 1


def opens(kind: str) -> Iterator[int]:
    fail(kind)
    yield 1


def closes(kind: str) -> Iterator[int]:
    yield 1
    fail(kind)


async def opens_async(kind: str) -> AsyncIterator[int]:
    fail(kind)
    yield 1


async def closes_async(kind: str) -> AsyncIterator[int]:
    yield 1
    fail(kind)


def sound() -> Iterator[int]:
    yield 1


async def sound_async() -> AsyncIterator[int]:
    yield 1


def depends_gives(kind: str, value: Annotated[int, gives]) -> str:
    return f"{kind}{value}"


async def depends_gives_async(kind: str, value: Annotated[int, gives_async]) -> str:
    return f"{kind}{value}"


def depends_opens(kind: str, value: Annotated[int, opens]) -> str:
    return f"{kind}{value}"


def depends_closes(kind: str, value: Annotated[int, closes]) -> str:
    return f"{kind}{value}"


async def depends_opens_async(kind: str, value: Annotated[int, opens_async]) -> str:
    return f"{kind}{value}"


async def depends_closes_async(kind: str, value: Annotated[int, closes_async]) -> str:
    return f"{kind}{value}"


def held(kind: str, value: Annotated[int, sound]) -> Any:
    return stream(kind)


async def held_async(kind: str, value: Annotated[int, sound_async]) -> Any:
    return async_stream(kind)


async def held_in_threads(kind: str, value: Annotated[int, sound_async]) -> Any:
    return stream(kind)


def held_closes(kind: str, value: Annotated[int, closes]) -> Any:
    return iter(["first"])


async def held_closes_async(kind: str, value: Annotated[int, closes_async]) -> Any:
    return iter(["first"])


# --- pages, types, background work ----------------------------------------------------------------------------------


class RaisingAttribute:
    """A value whose attribute raises when a template looks it up."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @property
    def name(self) -> str:
        return fail(self.kind)


class Teapot(HTTPError):
    status = 418


class Lost(HTTPError):
    status = 451


def page(kind: str) -> object:
    return render("page.html", lookup=RaisingAttribute(kind))


def error_view(kind: str) -> str:
    raise Teapot("only tea")


def error_template(kind: str) -> str:
    error = Lost("gone")
    error.lookup = RaisingAttribute(kind)  # type: ignore[attr-defined]  # a class of the site's may have it
    raise error


@dataclass
class Record:
    """A body whose validation raises."""

    kind: str

    def __post_init__(self) -> None:
        fail(self.kind)


class Packed(msgspec.Struct):
    """The same, as a Struct."""

    kind: str

    def __post_init__(self) -> None:
        fail(self.kind)


class Color(Enum):
    """An enum whose `_missing_` raises."""

    RED = "red"

    @classmethod
    def _missing_(cls, value: object) -> Color | None:
        fail(str(value))
        return None


@dataclass
class Painted:
    """A body with such an enum."""

    kind: Color


def takes_enum(kind: str, body: Painted) -> str:
    return f"{kind}{body}"


def takes_enum_of_query(kind: str, color: Color) -> str:
    return f"{kind}{color}"


def takes_record(kind: str, body: Record) -> str:
    return f"{kind}{body}"


def takes_struct(kind: str, body: Packed) -> str:
    return f"{kind}{body}"


done: list[str] = []


def works_after(kind: str, request: Request) -> str:
    request.after(fail, kind)
    request.after(done.append, kind)
    return "out"


async def async_work(kind: str) -> None:
    fail(kind)


def works_after_async(kind: str, request: Request) -> str:
    request.after(async_work, kind)
    request.after(done.append, kind)
    return "out"


# --- the site --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A place where the site's code is called, and what the client gets when it raises."""

    view: Any
    status: int = 500
    is_cut: bool = False
    error_status: int = 403  # for an HTTP error
    method: str = "GET"
    query: bool = False
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    without: tuple[str, ...] = ()  # kinds that can't come from there

    @property
    def kinds(self) -> dict[str, Callable[[], BaseException]]:
        return {kind: make for kind, make in EVERY.items() if kind not in self.without}


def cut(view: Any, **more: Any) -> Place:
    return Place(view, status=200, is_cut=True, error_status=200, **more)


PLACES = {
    "def": Place(plain),
    "inline": Place(inline),
    "thread": Place(in_thread),
    "async": Place(waiting),
    "object": Place(Called()),
    "async-object": Place(CalledAsync()),
    # In a task of the site's own asyncio ends its loop for these two, and closes the coroutine that awaits the third.
    "task": Place(waits_for_a_task, without=("interrupt", "exit", "generator-exit")),
    "stream": cut(stream),
    "stream-at-once": cut(stream_at_once),
    "async-stream": cut(async_stream),
    "async-stream-at-once": cut(async_stream_at_once),
    "compressed-stream": cut(stream, headers={"accept-encoding": "gzip"}),
    "compressed-async-stream": cut(async_stream, headers={"accept-encoding": "gzip"}),
    "events": cut(events),
    "async-events": cut(async_events),
    "iterator": cut(lambda kind: Response(Pieces(kind))),
    "async-iterator": cut(lambda kind: Response(AsyncPieces(kind))),
    "iterable": cut(lambda kind: Response(Unreadable(kind))),
    "async-iterable": cut(lambda kind: Response(AsyncUnreadable(kind))),
    "stream-behind-middleware": cut(middleware(passing)(stream)),
    "before": Place(middleware(before)(fine)),
    "before-thread": Place(middleware(before)(lane("thread")(lambda kind: kind))),
    "after": Place(middleware(after)(fine)),
    "before-waiting": Place(middleware(before)(fine_async)),
    "after-waiting": Place(middleware(after)(fine_async)),
    "async-before": Place(middleware(before_async)(fine)),
    "async-after": Place(middleware(after_async)(fine)),
    "async-after-inline": Place(middleware(after_async)(fine_inline)),
    "def-behind-async": Place(middleware(passing)(plain)),
    "inline-behind-async": Place(middleware(passing)(broken_inline)),
    "async-behind-both": Place(middleware(catching, passing)(waiting)),
    "def-behind-catching": Place(middleware(catching)(plain)),
    "gives": Place(depends_gives),
    "gives-async": Place(depends_gives_async),
    "opens": Place(depends_opens),
    "closes": Place(depends_closes),
    "opens-async": Place(depends_opens_async),
    "closes-async": Place(depends_closes_async),
    "held": cut(held),
    "held-async": cut(held_async),
    "held-in-threads": cut(held_in_threads),
    "held-closes": cut(held_closes),
    "held-closes-async": cut(held_closes_async),
    "template": Place(page),
    "error-view": Place(error_view, status=418, error_status=418),
    "error-template": Place(error_template, status=451, error_status=451),
    "record": Place(takes_record, method="POST"),
    "struct": Place(takes_struct, method="POST"),
    "enum": Place(takes_enum, method="POST"),
    "enum-of-query": Place(takes_enum_of_query, query=True),
    "work-after": Place(works_after, status=200, error_status=200),
    "async-work-after": Place(works_after_async, status=200, error_status=200),
}


def stamp() -> Iterator[None]:
    """Stand in for CORS: a field that must be on every response."""
    response: Any = yield
    response.headers["x-stamp"] = "yes"


def teapot(request: Request) -> str:
    return fail(kind_of(request))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """Return a site with a route for each place."""
    folder = tmp_path_factory.mktemp("site")
    pages = folder / "templates"
    (pages / "error").mkdir(parents=True)
    (pages / "page.html").write_text("{{ lookup.name }}")
    (pages / "error" / "error451.html").write_text("{{ error.lookup.name }}")
    urls = {f"{place.method} /{name}/{{kind}}": place.view for name, place in PLACES.items()}
    errors = {500: lambda: "<h1>Sorry</h1>", 418: teapot}
    return Application({"/": "Home", **urls}, errors=errors, middleware=(stamp,), folder=folder)


class Served:
    """A server and its access log."""

    def __init__(self, site: Application, access_file: Path) -> None:
        options = Options(bind=("127.0.0.1:0",), access_file=str(access_file), access_format="json")
        self.live = LiveServer(site, options=options)
        self.access_file = access_file

    @contextlib.contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=PATIENCE)
        try:
            yield connection
        finally:
            connection.close()

    def log_lines(self, place: str, count: int) -> list[dict[str, Any]]:
        """Return the access log lines of a place, once there are `count` of them."""
        until = time.monotonic() + PATIENCE
        while True:
            text = self.access_file.read_text() if self.access_file.exists() else ""
            found = [each for each in map(json.loads, text.splitlines()) if f"/{place}/" in each["target"]]
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.01)

    def is_idle(self) -> bool:
        """Return whether every connection, thread and task has been released."""
        hub = self.live.hub
        pool, tasks = hub.pool, hub.watchdog
        is_quiet = not hub.table.connections and not pool.running and pool.waiting == 0
        return is_quiet and len(pool._resting) == pool._made and not tasks.tasks


@pytest.fixture(scope="module")
def served(site: Application, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the site; at the end, check that nothing is left."""
    others = set(threading.enumerate())  # a server that serves other tests of this process may be among them
    served = Served(site, tmp_path_factory.mktemp("log") / "access.log")
    with served.live:
        yield served
        until = time.monotonic() + PATIENCE
        while not served.is_idle() and time.monotonic() < until:
            time.sleep(0.01)
        assert served.is_idle()
    left = set(threading.enumerate()) - others
    assert not [each for each in left if each.name in ("fanlight-rescue", "fanlight-test-server")]


def fetch(
    connection: http.client.HTTPConnection, place: Place, name: str, kind: str
) -> tuple[int, http.client.HTTPMessage, bytes, bool]:
    """Return status, fields and content of a response, and whether it was cut off."""
    body = json.dumps({"kind": kind}) if place.method == "POST" else None
    headers = {"accept": "text/html", **place.headers} | ({"content-type": "application/json"} if body else {})
    query = f"?color={kind}" if place.query else ""
    connection.request(place.method, f"/{name}/{kind}{query}", body=body, headers=headers)
    response = connection.getresponse()
    try:
        return response.status, response.headers, response.read(), False
    except http.client.IncompleteRead as error:
        return response.status, response.headers, error.partial, True


def logged_types(caplog: pytest.LogCaptureFixture, name: str, kind: str) -> set[type]:
    """Return the types of the one exception that was logged, and of its causes."""
    records = [each for each in caplog.records if each.levelno > logging.INFO]
    assert len(records) == 1, (kind, [each.getMessage() for each in records])
    assert f"/{name}/" in records[0].getMessage() or "error451.html" in records[0].getMessage()
    assert records[0].exc_info is not None
    return causes(records[0].exc_info[1])


def causes(error: BaseException | None) -> set[type]:
    """Return the types of an exception and of its causes."""
    found: set[type] = set()
    while error is not None and type(error) not in found:
        found.add(type(error))
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize("name", PLACES)
def test_whatever_is_raised_gets_a_response_and_a_traceback(
    served: Served, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """For each kind: a response, a traceback with the route, a line in the access log, and the next request."""
    place = PLACES[name]
    with served.connected() as connection:
        for kind, make in place.kinds.items():
            caplog.clear()
            status, headers, content, is_cut = fetch(connection, place, name, kind)
            is_end = name in ("iterator", "async-iterator") and kind == ("async-stop" if "async" in name else "stop")
            expected = place.error_status if kind == "http-error" else place.status
            assert (kind, status, is_cut) == (kind, expected, place.is_cut and not is_end)
            assert headers["x-stamp"] == "yes"
            if expected == 500:
                assert content == b"<h1>Sorry</h1>"
            if place.is_cut:
                connection.close()
            connection.request("GET", "/")  # the next request, on the same connection where that goes on
            assert b"Home" in connection.getresponse().read()
            if "work-after" in name:
                wait_until(lambda: len(done) == 1)
                done.clear()
            if not is_end and (kind, expected) != ("http-error", 403):
                assert type(make()) in logged_types(caplog, name, kind)
    log_lines = served.log_lines(name, len(place.kinds))
    expected_lines = [place.error_status if kind == "http-error" else place.status for kind in place.kinds]
    assert [line["status"] for line in log_lines] == expected_lines
