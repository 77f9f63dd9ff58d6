"""One request, one context: what a view sets, no other request sees, in any lane; no plain view sees a running loop."""

from __future__ import annotations

import asyncio
import decimal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest

from fanlight import App, Request, lane
from fanlight.message.events import Event, EventStream
from fanlight.testing import Client

user = ContextVar("user", default="nobody")


def setting_middleware(request: Request) -> Iterator[None]:
    if "as" in request.query:
        user.set(request.query["as"])
    yield


async def async_setting_middleware(request: Request) -> AsyncIterator[None]:
    if "as" in request.query:
        user.set(request.query["as"])
    yield


def inline(name: str = "") -> str:
    if name:
        user.set(name)
    return user.get()


@lane("thread")
def thread(name: str = "") -> str:
    if name:
        user.set(name)
    return user.get()


async def task(name: str = "") -> str:
    if name:
        user.set(name)
    return user.get()


def stream(name: str = "") -> Iterator[str]:
    if name:
        user.set(name)
    yield user.get()


async def async_stream(name: str = "") -> AsyncIterator[str]:
    if name:
        user.set(name)
    await asyncio.sleep(0)
    yield user.get()


def events(name: str = "") -> EventStream:
    def come() -> Iterator[Event]:
        if name:
            user.set(name)
        yield Event(user.get())
        yield Event(user.get())

    return EventStream(come())


KINDS = {
    "inline": inline,
    "thread": thread,
    "task": task,
    "stream": stream,
    "async-stream": async_stream,
    "events": events,
}
URLS: dict[str, Any] = {f"/{name}": view for name, view in KINDS.items()}


NAMES = ["bare", "sync", "async"]
MIDDLEWARE: list[tuple[Any, ...]] = [(), (setting_middleware,), (async_setting_middleware,)]
WITH_MIDDLEWARE = pytest.mark.parametrize("middleware", MIDDLEWARE, ids=NAMES)


@pytest.fixture(scope="module", params=MIDDLEWARE, ids=NAMES)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(App(URLS, middleware=request.param)) as made:
        yield made


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_what_one_request_sets_no_other_sees(client: Client, first: str, second: str) -> None:
    """A variable set in a view of any kind is no one's in the next request, on the same connection and thread."""
    for _ in range(2):  # so that the pool's one busy thread has it set
        assert "alice" in client.get(f"/{first}?name=alice").text
    assert "nobody" in client.get(f"/{second}").text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("middleware", [setting_middleware, async_setting_middleware])
def test_what_middleware_sets_the_view_sees(middleware: Any, kind: str) -> None:
    """Middleware, view, and the stream that it returns are in one context."""
    with Client(App({"/": KINDS[kind]}, middleware=(middleware,))) as client:
        assert "bob" in client.get("/?as=bob").text


def held() -> Iterator[str]:
    token = user.set("carol")
    yield "x"
    user.reset(token)  # a ValueError in any other context


async def held_async() -> AsyncIterator[str]:
    token = user.set("carol")
    yield "x"
    user.reset(token)


Held = Annotated[str, held]
HeldAsync = Annotated[str, held_async]


def use_inline(_held: Held) -> str:
    return user.get()


@lane("thread")
def use_thread(_held: Held) -> str:
    return user.get()


async def use_task(_held: Held, _other: HeldAsync) -> str:
    return user.get()


def use_stream(_held: Held) -> Iterator[str]:
    yield user.get()
    yield "."


async def use_async_stream(_held: Held, _other: HeldAsync) -> AsyncIterator[str]:
    yield user.get()
    await asyncio.sleep(0)
    yield "."


async def use_sync_stream_of_async_view(_held: Held) -> Any:
    return (each for each in (user.get(), "."))


USES = [use_inline, use_thread, use_task, use_stream, use_async_stream, use_sync_stream_of_async_view]


@WITH_MIDDLEWARE
@pytest.mark.parametrize("view", USES)
def test_a_dependency_resets_in_the_context_in_which_it_has_set(view: Any, middleware: Any) -> None:
    """A token of a dependency is good behind its yield, also where the response streams."""
    with Client(App({"/": view}, middleware=middleware)) as client:
        response = client.get("/")
    assert (response.status, response.text[:5]) == (200, "carol")


@pytest.mark.parametrize("is_async", [True, False])
def test_background_tasks_are_in_the_requests_context(*, is_async: bool) -> None:
    """What is done after the response sees what the view has set, and leaves nothing to the next request's."""
    seen: list[str] = []
    is_done = threading.Semaphore(0)

    def note() -> None:
        seen.append(user.get())
        user.set("changed")
        is_done.release()

    async def note_async() -> None:
        note()

    def view(request: Request, name: str = "") -> str:
        if name:
            user.set(name)
        request.after(note_async if is_async else note)
        return "ok"

    with Client(App({"/": view})) as client:
        for url in ("/?name=dave", "/", "/"):
            client.get(url)
            assert is_done.acquire(timeout=20)
    assert seen == ["dave", "nobody", "nobody"]


@pytest.mark.parametrize("kind", ["inline", "thread", "task"])
def test_the_precision_of_decimals_is_ones_own(kind: str) -> None:
    """`decimal.getcontext()` is changed for one request only, also where the site has calculated before it started."""
    decimal.getcontext()  # this thread's, as by default

    def third(prec: int = 0) -> str:
        if prec:
            decimal.getcontext().prec = prec
        return str(decimal.Decimal(1) / 3)

    async def third_async(prec: int = 0) -> str:
        return third(prec)

    view = {"inline": third, "thread": lane("thread")(lambda prec=0: third(int(prec))), "task": third_async}[kind]
    with Client(App({"/": view})) as client:
        assert client.get("/?prec=3").text == "0.333"
        assert len(client.get("/").text) > 20


def test_a_sites_own_rules_for_decimals_are_those_of_every_request() -> None:
    """What main.py has set for decimals each request has, as a copy: to change that changes no other's."""

    def lifespan() -> Iterator[None]:
        decimal.getcontext().prec = 5
        yield

    def third(prec: int = 0) -> str:
        if prec:
            decimal.getcontext().prec = prec
        return str(decimal.Decimal(1) / 3)

    with Client(App({"/": third}, lifespan=lifespan)) as client:
        assert [client.get(url).text for url in ("/", "/?prec=3", "/")] == ["0.33333", "0.333", "0.33333"]


def test_what_the_lifespan_sets_every_request_sees() -> None:
    """The contexts of requests are copies of the one in which the site has started."""

    def lifespan() -> Iterator[None]:
        user.set("site")
        yield

    with Client(App(URLS, lifespan=lifespan)) as client:
        assert [client.get(f"/{kind}").text for kind in ("inline", "thread", "task")] == ["site"] * 3


# --- a plain view sees no running loop -------------------------------------------------------------


async def _co() -> str:
    await asyncio.sleep(0)
    return "co"


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_loop() -> str:
    assert not _has_loop()
    return asyncio.run(_co())


@pytest.mark.parametrize(
    "mark", [lambda view: view, lane("inline"), lane("thread")], ids=["unmarked", "inline", "thread"]
)
@WITH_MIDDLEWARE
def test_a_plain_view_can_run_a_loop_of_its_own(mark: Callable[[Any], Any], middleware: Any) -> None:
    """`asyncio.run` works in a plain view of every lane, whatever middleware there is, and what follows is served."""

    def view() -> str:
        return run_loop()

    async def other() -> str:
        await asyncio.sleep(0)
        return "async" if _has_loop() else "none"

    with Client(App({"/": mark(view), "/other": other}, middleware=middleware)) as client:
        for _ in range(3):
            response = client.get("/")
            assert (response.status, response.text) == (200, "co")
            assert client.get("/other").text == "async"


def opened() -> Iterator[bool]:
    yield _has_loop()
    assert not _has_loop()


def test_a_plain_dependency_of_a_plain_view_sees_no_loop() -> None:
    """All that belongs to a plain view runs as the view does."""

    def view(has_loop: Annotated[bool, opened]) -> dict[str, bool]:
        return {"has": has_loop}

    with Client(App({"/": view})) as client:
        assert client.get("/").json() == {"has": False}
