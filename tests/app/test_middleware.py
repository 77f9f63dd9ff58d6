"""Middleware: generators that run before and after the views."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest

from fanlight.errors import Forbidden, NotFound, UnprocessableContent
from fanlight.message.handler import Lane
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect

Make = Callable[..., Any]
PAGE = {"accept": "text/html"}


class Trace:
    """Records what happens in which order, and makes middleware that does so."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def make(self, name: str) -> Any:
        def wrapper(request: Request) -> Iterator[None]:
            self.events.append(f"{name} in")
            response = yield
            self.events.append(f"{name} out {response.status}")  # type: ignore[attr-defined]  # it is sent in
            response.headers["x-trace"] = response.headers.get("x-trace") + name  # type: ignore[attr-defined]  # same

        return wrapper

    def make_async(self, name: str) -> Any:
        async def wrapper(request: Request) -> AsyncIterator[None]:
            self.events.append(f"{name} in")
            await asyncio.sleep(0)
            response = yield
            self.events.append(f"{name} out {response.status}")  # type: ignore[attr-defined]  # it is sent in
            response.headers["x-trace"] = response.headers.get("x-trace") + name  # type: ignore[attr-defined]  # same

        return wrapper

    def view(self) -> str:
        self.events.append("view")
        return "page"

    async def async_view(self) -> str:
        self.events.append("view")
        return "page"


@pytest.mark.parametrize("view", ["view", "async_view"])
@pytest.mark.parametrize("kinds", ["ss", "sa", "as", "aa"])
def test_middleware_runs_from_outside_in_and_back(site: Make, view: str, kinds: str) -> None:
    """The first of the list is the outermost, for any mix of sync and async middleware and views."""
    trace = Trace()
    steps = [
        trace.make(name) if kind == "s" else trace.make_async(name) for name, kind in zip("ab", kinds, strict=True)
    ]
    response = site({"/": getattr(trace, view)}, middleware=steps).get("/")
    assert trace.events == ["a in", "b in", "view", "b out 200", "a out 200"]
    assert (response.text, response.headers["x-trace"]) == ("page", "ba")


@pytest.mark.parametrize(("kind", "decorator"), [("make", contextmanager), ("make_async", asynccontextmanager)])
def test_middleware_may_be_a_context_manager(site: Make, kind: str, decorator: Any) -> None:
    """Middleware with `@contextmanager` or `@asynccontextmanager` is that without it, as a lifespan is."""
    middleware = decorator(getattr(Trace(), kind)("a"))
    assert site({"/": "text"}, middleware=[middleware]).get("/").headers["x-trace"] == "a"


@pytest.mark.parametrize("kind", ["make", "make_async"])
def test_middleware_wraps_everything(site: Make, kind: str) -> None:
    """Strings, templates, redirects and URLs without a route pass through the middleware like views."""
    trace = Trace()
    urls = {"/t": "text", "/h": "a.html", "/r": redirect("/t"), "/s/": "slash", "/c": Response("constant")}
    client = site(urls, middleware=[getattr(trace, kind)("a")], pages={"a.html": "page"})
    requests = [
        *[("GET", path) for path in ("/t", "/h", "/r", "/c", "/unknown", "/s", "/%FF")],
        ("POST", "/t"),
        ("OPTIONS", "/t"),
    ]
    for _ in range(2):  # a field set for one request is not present in the next
        responses = [client.send(*each) for each in requests]
        assert [response.status for response in responses] == [200, 200, 303, 200, 404, 308, 400, 405, 204]
        assert [response.headers["x-trace"] for response in responses] == ["a"] * 9


def early(request: Request) -> Iterator[None]:
    if request.path == "/closed":
        return "closed", 403  # type: ignore[return-value]  # middleware may respond so
    yield


def early_yield(request: Request) -> Iterator[object]:
    if request.path == "/closed":
        yield "closed", 403
    yield None


async def early_async(request: Request) -> AsyncIterator[object]:
    if request.path == "/closed":
        yield "closed", 403
    yield None


@pytest.mark.parametrize("wrapper", [early, early_yield, early_async])
@pytest.mark.parametrize("name", ["view", "async_view"])
def test_middleware_may_respond_instead_of_the_view(site: Make, wrapper: Any, name: str) -> None:
    """A value that it yields or returns before the view has run is the response, like that of a view."""
    trace = Trace()
    view = getattr(trace, name)
    client = site({"/closed": view, "/open": view}, middleware=[trace.make("o"), wrapper, trace.make("i")])
    response = client.get("/closed")
    assert (response.status, response.text, response.headers["x-trace"]) == (403, "closed", "o")
    assert trace.events == ["o in", "o out 403"]
    assert client.get("/open").text == "page"


def replacing() -> Iterator[None]:
    response = yield
    return {"was": response.status}  # type: ignore[attr-defined, return-value]  # middleware may respond so


def replacing_yield() -> Iterator[object]:
    response = yield None
    yield {"was": response.status}  # type: ignore[attr-defined]  # it is sent in


async def replacing_async() -> AsyncIterator[object]:
    response = yield None
    yield {"was": response.status}  # type: ignore[attr-defined]  # it is sent in


async def created() -> tuple[str, int]:
    return "x", 201


@pytest.mark.parametrize("wrapper", [replacing, replacing_yield, replacing_async])
@pytest.mark.parametrize("view", [lambda: ("x", 201), created])
def test_middleware_may_replace_the_response(site: Make, wrapper: Any, view: Any) -> None:
    """A value that it yields or returns after the view replaces the response; its request parameter is optional."""
    assert site({"/": view}, middleware=[wrapper]).get("/").json == {"was": 201}


def broken() -> str:
    raise KeyError("key")


async def broken_async() -> str:
    raise KeyError("key")


def catching(request: Request) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        return f"caught {error}", 409  # type: ignore[return-value]  # middleware may respond so


async def catching_async(request: Request) -> AsyncIterator[object]:
    try:
        yield None
    except KeyError as error:
        yield f"caught {error}", 409


@pytest.mark.parametrize("view", [broken, broken_async])
@pytest.mark.parametrize("wrapper", [catching, catching_async])
def test_an_exception_of_the_view_arrives_at_the_yield(
    site: Make, caplog: pytest.LogCaptureFixture, wrapper: Any, view: Any
) -> None:
    """Middleware may catch it and respond; outer middleware gets that response, inner middleware a 500."""
    trace = Trace()
    response = site({"/": view}, middleware=[trace.make("o"), wrapper, trace.make("i")]).get("/")
    assert (response.status, response.text, response.headers["x-trace"]) == (409, "caught 'key'", "o")
    assert trace.events == ["o in", "i in", "i out 500", "o out 409"]
    assert not caplog.records


@pytest.mark.parametrize("view", [broken, broken_async])
@pytest.mark.parametrize("kind", ["make", "make_async"])
def test_an_exception_that_is_not_caught_is_500(
    site: Make, caplog: pytest.LogCaptureFixture, kind: str, view: Any
) -> None:
    """It is logged once, with the route, after all middleware, which gets the 500 at its yield."""
    trace = Trace()
    response = site({"/": view}, middleware=[getattr(trace, kind)("a"), getattr(trace, kind)("b")]).get("/")
    assert (response.status, response.headers["x-trace"]) == (500, "ba")
    assert trace.events == ["a in", "b in", "b out 500", "a out 500"]
    (record,) = caplog.records
    assert "GET /" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


def missing() -> str:
    raise NotFound("no such cat")


async def missing_async() -> str:
    raise NotFound("no such cat")


@pytest.mark.parametrize("view", [missing, missing_async, lambda q: q])
@pytest.mark.parametrize("kind", ["make", "make_async"])
def test_an_http_error_of_the_view_is_a_response_to_middleware(site: Make, kind: str, view: Any) -> None:
    """At the yield of middleware an HTTP error is a response already."""
    trace = Trace()
    response = site({"/": view}, middleware=[getattr(trace, kind)("a")], errors={404: lambda: "own"}).get(
        "/", fields=PAGE
    )
    status = 422 if view not in (missing, missing_async) else 404
    assert (response.status, response.headers["x-trace"]) == (status, "a")
    assert status == 422 or response.text == "own"


def guard(request: Request, when: str) -> Iterator[None]:
    if when == "before":
        raise Forbidden("members only")
    yield
    raise Forbidden("members only")


async def guard_async(request: Request, when: str) -> AsyncIterator[None]:
    if when == "before":
        raise Forbidden("members only")
    yield
    raise Forbidden("members only")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("wrapper", [guard, guard_async])
@pytest.mark.parametrize("name", ["view", "async_view"])
def test_an_http_error_of_middleware_is_a_response_to_outer_middleware(
    site: Make, wrapper: Any, when: str, name: str
) -> None:
    """Middleware may raise errors like a view, before and after it."""
    trace = Trace()
    response = site({"/": getattr(trace, name)}, middleware=[trace.make("o"), partial(wrapper, when=when)]).get("/")
    assert (response.status, response.headers["x-trace"]) == (403, "o")
    assert trace.events[-1] == "o out 403"


def failing_before() -> Iterator[None]:
    raise ZeroDivisionError
    yield


def failing_after() -> Iterator[None]:
    yield
    raise ZeroDivisionError


def twice() -> Iterator[None]:
    yield
    yield


def never() -> Iterator[None]:
    return
    yield


def swallowing() -> Iterator[None]:
    try:  # noqa: SIM105 - it shows what happens
        yield
    except KeyError:
        pass


def swallowing_twice() -> Iterator[None]:
    try:
        yield
    except KeyError:
        yield


def returning_nonsense() -> Iterator[None]:
    return 5  # type: ignore[return-value]  # it shows what happens
    yield


async def failing_before_async() -> AsyncIterator[None]:
    raise ZeroDivisionError
    yield


async def failing_after_async() -> AsyncIterator[None]:
    yield
    raise ZeroDivisionError


async def twice_async() -> AsyncIterator[None]:
    yield
    yield


async def never_async() -> AsyncIterator[None]:
    return
    yield


async def swallowing_async() -> AsyncIterator[None]:
    try:  # noqa: SIM105 - it shows what happens
        yield
    except KeyError:
        pass


@pytest.mark.parametrize("others", [[], [Trace().make("a")], [Trace().make_async("a")]])
@pytest.mark.parametrize(
    ("wrapper", "said"),
    [
        (failing_before, "ZeroDivisionError"),
        (failing_after, "ZeroDivisionError"),
        (twice, "twice yields twice"),
        (never, "never ended before its yield"),
        (returning_nonsense, "a value of type int can't be sent"),
        (failing_before_async, "ZeroDivisionError"),
        (failing_after_async, "ZeroDivisionError"),
        (twice_async, "twice_async yields twice"),
        (never_async, "never_async ended before its yield"),
    ],
)
def test_middleware_that_fails_is_500_and_logged(
    site: Make, caplog: pytest.LogCaptureFixture, wrapper: Any, said: str, others: list[Any]
) -> None:
    """An exception in middleware is logged with the name of the middleware."""
    assert site({"/": lambda: "x"}, middleware=[*others, wrapper]).get("/").status == 500
    assert len(caplog.records) == 1
    assert said in caplog.text


@pytest.mark.parametrize("wrapper", [swallowing, swallowing_twice, swallowing_async])
@pytest.mark.parametrize("view", [broken, broken_async])
def test_a_swallowed_exception_is_an_error(
    site: Make, caplog: pytest.LogCaptureFixture, wrapper: Any, view: Any
) -> None:
    """Middleware that catches an exception must return a response."""
    assert site({"/": view}, middleware=[wrapper]).get("/").status == 500
    assert "KeyError" in caplog.text
    assert wrapper.__name__ in caplog.text


def cleaning(events: list[str]) -> Iterator[None]:
    try:
        yield
    finally:
        events.append("cleaned")


async def cleaning_async(events: list[str]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        events.append("cleaned")


@pytest.mark.parametrize("wrapper", [cleaning, cleaning_async])
def test_middleware_cleans_up_when_its_task_is_cancelled(site: Make, wrapper: Any) -> None:
    """A client that disconnects cancels the task: `finally` runs, and the cancellation goes on."""
    events: list[str] = []

    async def wait() -> str:
        await asyncio.Event().wait()
        return ""

    client = site({"/": wait}, middleware=[partial(wrapper, events)])
    request = client.make_request("GET", "/")

    async def run() -> Any:
        task = asyncio.ensure_future(client.app.find(request).run(request))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(run())
    assert events == ["cleaned"]


def greedy() -> Iterator[None]:
    try:
        yield
    except BaseException:  # noqa: BLE001 - it shows what happens
        return "caught"  # type: ignore[return-value]  # middleware may respond so


def test_a_sync_view_with_async_middleware_has_a_thread(site: Make) -> None:
    """It must not block the loop; `@lane("inline")` marks it as quick enough."""
    threads: dict[str, threading.Thread] = {}

    def slow() -> str:
        threads["slow"] = threading.current_thread()
        return ""

    @lane("inline")
    def quick() -> str:
        threads["quick"] = threading.current_thread()
        return ""

    client = site({"/slow": slow, "/quick": quick, "/text": "text"}, middleware=[Trace().make_async("a")])
    assert [client.call("GET", path).lane for path in ("/slow", "/quick", "/text", "/unknown")] == [Lane.TASK] * 4
    client.get("/slow")
    client.get("/quick")
    assert threads["slow"] is not threading.current_thread()
    assert threads["quick"] is threading.current_thread()


def test_sync_middleware_leaves_a_view_in_its_lane(site: Make) -> None:
    """With sync middleware, a sync view runs inline, or where it is pinned."""

    @lane("thread")
    def pinned() -> str:
        return ""

    async def waits() -> str:
        return ""

    client = site({"/": lambda: "", "/t": pinned, "/a": waits}, middleware=[Trace().make("a")])
    calls = [client.call("GET", path) for path in ("/", "/t", "/a")]
    assert [(call.lane, call.is_pinned) for call in calls] == [
        (Lane.MEASURED, False),
        (Lane.THREAD, True),
        (Lane.TASK, False),
    ]


def test_middleware_may_read_the_content(site: Make) -> None:
    """With middleware the content is buffered, also for a view that does not take it."""

    def signed(request: Request) -> Iterator[None]:
        if request.content != b"x":
            raise UnprocessableContent
        yield

    client = site({"POST /": lambda: "ok"}, middleware=[signed])
    assert client.call("POST", "/").reads_content
    assert client.post("/", content=b"x").text == "ok"
    assert client.post("/", content=b"y").status == 422


class Counting:
    """Middleware that is an object."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, request: Request) -> Iterator[None]:
        self.count += 1
        yield


def test_an_object_may_be_middleware(site: Make) -> None:
    """Any callable that returns a generator is middleware."""
    counting = Counting()
    site({"/": "x"}, middleware=(counting,)).get("/")
    assert counting.count == 1


def no_yield(request: Request) -> None:
    pass


def too_much(request: Request, response: Response) -> Iterator[None]:
    yield


def too_much_by_name(*, other: int) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("middleware", "message"),
    [
        ([no_yield], "the middleware tests.app.test_middleware.no_yield has no yield"),
        ([too_much], "the middleware tests.app.test_middleware.too_much takes more than the request"),
        ([too_much_by_name], "takes more than the request"),
        ([5], "middleware has 5, which is no function"),
        ([Counting], "which is no function"),
        (greedy, "middleware is one function"),
        ("greedy", "middleware is a str"),
        (None, "middleware is a NoneType"),
    ],
)
def test_invalid_middleware_is_reported_before_the_port_opens(mistakes: Make, middleware: Any, message: str) -> None:
    """Functions without a yield, or with other parameters, are mistakes."""
    (mistake,) = mistakes({"/": "x"}, middleware=middleware)
    assert message in mistake.message
    assert mistake.hint


def test_without_middleware_calls_are_not_wrapped(site: Make) -> None:
    """A response in URLS is even the same object each time."""
    client = site({"/": "text"})
    assert client.get("/").response is client.get("/").response
    assert site({"/": "text"}, middleware=[early]).get("/").status == 200


def test_failing_middleware_is_logged_once(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """One failure is one log record, however much middleware there is."""
    with caplog.at_level(logging.ERROR):
        site({"/": broken}, middleware=[Trace().make("a"), Trace().make("b"), Trace().make("c")]).get("/")
    assert len(caplog.records) == 1
