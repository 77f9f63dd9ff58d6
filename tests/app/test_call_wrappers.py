"""Functions that observe every call: `App(wrap_calls=...)`."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, NotFound, Request, Response, SetupError, Static, middleware
from fanlight.app.call_wrappers import wrap_async
from fanlight.testing import Client, FakeHead

Observed = Generator[None, Response, None]
USER: ContextVar[str] = ContextVar("USER", default="nobody")


class Observer:
    """Records the calls that it wraps."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, request: Request, route: str) -> Observed:
        self.seen.append(f"{request.method} {request.path} {route}")
        response = yield
        self.seen.append(f"{response.status}")


def index() -> str:
    return "index"


async def later(name: str) -> str:
    await asyncio.sleep(0)
    return name


def broken() -> str:
    raise ValueError("broken")


def absent() -> str:
    raise NotFound


def form(name: str) -> str:
    return name


def test_every_call_is_wrapped(tmp_path: Path) -> None:
    """Views, strings, static files, errors and requests without a route are each observed once, with their route."""
    (tmp_path / "main.py").touch()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("a{}")
    table = {
        "/": index,
        "/later/{name}": later,
        "/text": "text",
        "/broken": broken,
        "/absent": absent,
        "/static": Static("static"),
        "POST /form": form,
    }
    observer = Observer()
    with Client(App(table, wrap_calls=[observer], file=tmp_path / "main.py")) as client:
        for path in ("/", "/later/x", "/text", "/broken", "/absent", "/static/a.css", "/nowhere"):
            client.get(path)
        client.post("/form", form={})
        client.post("/form", content=b"x" * 100, headers={"content-encoding": "br"})
    assert observer.seen == [
        *("GET / /", "200", "GET /later/x /later/{name}", "200", "GET /text /text", "200"),
        *("GET /broken /broken", "500", "GET /absent /absent", "404"),
        *("GET /static/a.css /static/{path...}", "200", "GET /nowhere ", "404"),
        *("POST /form /form", "422", "POST /form /form", "415"),
    ]


def test_wrappers_are_outside_of_middleware() -> None:
    """A wrapper sees the response after middleware; the first in the list is the outermost."""
    order: list[str] = []

    def timing(request: Request) -> Iterator[object]:
        order.append("middleware")
        response: Any = yield None
        response.status = 202

    def wrap(name: str, _: Request, __: str) -> Observed:
        order.append(name)
        response = yield
        order.append(f"{name} {response.status}")

    wrappers = [partial(wrap, "outer"), partial(wrap, "inner")]
    with Client(App({"/": middleware(timing)("text")}, wrap_calls=wrappers)) as client:
        assert client.get("/").status == 202
    assert order == ["outer", "inner", "middleware", "inner 202", "outer 202"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_view_sees_the_context_variables_of_its_wrapper(*, is_async: bool) -> None:
    """The view reads a context variable that a wrapper sets before its yield, and the wrapper can reset it."""

    def set_user(_: Request, __: str) -> Observed:
        token = USER.set("ann")
        yield
        USER.reset(token)

    async def who() -> str:
        return USER.get()

    def who_at_once() -> str:
        return USER.get()

    with Client(App({"/": who if is_async else who_at_once}, wrap_calls=[set_user])) as client:
        assert client.get("/").text == "ann"


def fails_before(_: Request, __: str) -> Observed:
    raise ValueError("before")
    yield


def fails_after(_: Request, __: str) -> Observed:
    yield
    raise ValueError("after")


def never_yields(_: Request, __: str) -> Observed:
    if _ is None:
        yield


def yields_twice(_: Request, __: str) -> Observed:
    yield
    yield


@pytest.mark.parametrize(
    ("wrapper", "logged"), [(fails_before, 1), (fails_after, 1), (never_yields, 0), (yields_twice, 0)]
)
@pytest.mark.parametrize("path", ["/", "/later/x"])
def test_a_wrapper_never_fails_a_request(
    wrapper: Any, logged: int, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception in a wrapper is logged, and the response is still sent."""
    with Client(App({"/": index, "/later/{name}": later}, wrap_calls=[wrapper])) as client:
        assert client.get(path).status == 200
    assert [record.getMessage().partition(" in ")[2] for record in caplog.records] == ["wrap_calls failed"] * logged


def test_a_cancellation_is_raised_at_the_yield(caplog: pytest.LogCaptureFixture) -> None:
    """The cancellation of a call is raised in its wrapper, which may fail in it, but can't stop it."""
    met: list[BaseException] = []

    def observe(_: Request, __: str) -> Observed:
        try:
            yield
        except BaseException as error:
            met.append(error)
            raise

    def swallow(_: Request, __: str) -> Observed:
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - on purpose
            met.append(error)

    async def wait(_: Request) -> Response:
        raise asyncio.CancelledError

    request = Request(FakeHead(), None, None)
    for wrapper in (observe, swallow, fails_after, never_yields):
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(wrap_async(wrapper, wait, "/")(request))  # type: ignore[arg-type]  # a coroutine
    assert [type(each) for each in met] == [asyncio.CancelledError] * 2
    assert not caplog.records


async def is_async(_: Request, __: str) -> Any:
    yield


def takes_one(_: Request) -> Any:
    yield


@pytest.mark.parametrize(
    ("wrappers", "message"),
    [
        (index, "wrap_calls is one function"),
        ("index", "wrap_calls is a str"),
        ([5], "wrap_calls has 5, which is no function"),
        ([Observer], "wrap_calls has <class"),
        ([index], "test_call_wrappers.index in wrap_calls is no sync generator function"),
        ([is_async], "is_async in wrap_calls is no sync generator function"),
        ([takes_one], "takes_one in wrap_calls does not take (request, route)"),
    ],
)
def test_an_invalid_wrapper_is_refused_before_the_port_opens(wrappers: Any, message: str) -> None:
    """What can't wrap a call is refused, with a hint."""
    with pytest.raises(SetupError) as caught:
        App({"/": index}, wrap_calls=wrappers)
    (mistake,) = caught.value.mistakes
    assert message in mistake.message
    assert "wrap_calls=[trace_calls]" in mistake.hint or "def wrap(request, route)" in mistake.hint


def test_an_app_without_wrappers_does_not_wrap_its_calls() -> None:
    """Without wrappers a call runs the view without a function in between."""
    response = Response("x")
    app = App({"/": response})
    assert app.find(Request(FakeHead(), None, None)).run(Request(FakeHead(), None, None)) is response
