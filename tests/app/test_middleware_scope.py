"""Middleware of a nested table, and of a single view."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from fanlight.errors import Forbidden, Mistake
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.with_middleware import middleware
from fanlight.site.app import App
from fanlight.testing import LiveServer

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
PAGE = {"accept": "text/html"}


def step(name: str) -> Any:
    """Return middleware that appends its name to those of inner middleware."""

    def note(request: Request) -> Iterator[None]:
        response: Any = yield
        response.headers["x-trace"] = response.headers.get("x-trace") + name

    return note


def async_step(name: str) -> Any:
    """Return async middleware that does the same."""

    async def note(request: Request) -> AsyncIterator[None]:
        response: Any = yield
        response.headers["x-trace"] = response.headers.get("x-trace") + name

    return note


def plain() -> str:
    return "plain"


@middleware(step("v"), async_step("w"))
def both() -> str:
    return "both"


@middleware(step("v"))
async def asynchronous() -> str:
    return "async"


@middleware(step("a"))
@middleware(step("b"))
def stacked() -> str:
    return "stacked"


@pytest.mark.parametrize(
    "app_steps", [[step("1"), step("2")], [step("1"), async_step("2")], [async_step("1"), step("2")]]
)
@pytest.mark.parametrize("table_steps", [(step("t"), step("u")), (step("t"), async_step("u"))])
def test_middleware_is_in_one_order_from_outside_in(site: Make, app_steps: Any, table_steps: Any) -> None:
    """Those of the app are outermost, then those of the tables, then those of the view; the kinds are mixed freely."""
    inner = {"/": plain, "/both": both, "/async": asynchronous, "/text": "text", "/r": Response("r")}
    asked = site(
        {"/": plain, "/in": middleware(*table_steps)({"/": plain, "/on": middleware(step("x"))(inner)})},
        middleware=app_steps,
    )
    traces = {
        path: asked.get(path).headers["x-trace"] for path in ("/", "/in", "/in/on", "/in/on/both", "/in/on/async")
    }
    assert traces == {
        "/": "21",
        "/in": "ut21",
        "/in/on": "xut21",
        "/in/on/both": "wvxut21",
        "/in/on/async": "vxut21",
    }
    for _ in range(2):
        assert [asked.get(f"/in/on/{each}").headers["x-trace"] for each in ("text", "r")] == ["xut21", "xut21"]


def test_decorators_read_from_outside_in(site: Make) -> None:
    """The upper of two decorators is the outer one."""
    assert site({"/": stacked}).get("/").headers["x-trace"] == "ba"


def test_a_marked_view_is_the_function_still() -> None:
    """A decorated view can be called by a test as it is written, without its middleware."""
    assert both() == "both"


def test_middleware_wraps_a_single_value(site: Make) -> None:
    """A string, a template, a method or a response in the table may have middleware, in place."""

    class Views:
        def index(self) -> str:
            return "index"

    put = middleware(step("s"))
    asked = site({"/t": put("text"), "/h": put("a.html"), "/m": put(Views().index)}, pages={"a.html": "page"})
    assert [asked.get(path).headers["x-trace"] for path in ("/t", "/h", "/m")] == ["s", "s", "s"]


def guard(request: Request) -> Iterator[None]:
    if "authorization" not in request.headers:
        raise Forbidden("closed")
    yield


def lenient(request: Request) -> Generator[None, object, object]:
    try:
        yield
    except ZeroDivisionError:
        return "infinite", 200
    return None


def divide(by: int) -> str:
    return str(1 // by)


def test_middleware_of_a_table_guards_all_of_it_and_nothing_else(site: Make) -> None:
    """Through a socket: middleware may refuse, or respond for the views in its table; others are unaffected."""
    app = site({"/open": divide, "/in": middleware(guard, lenient)({"/divide": divide})}).app
    with LiveServer(app) as server:
        statuses = []
        for path, field in (("/in/divide?by=0", ""), ("/in/divide?by=0", "authorization: x\r\n"), ("/open?by=0", "")):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{field}connection: close\r\n\r\n".encode())
                statuses.append(b"".join(iter(lambda: sock.recv(65536), b""))[9:12])
    assert statuses == [b"403", b"200", b"500"]


def test_what_guards_a_table_can_not_be_lost(site: Make) -> None:
    """A table with middleware can't be spread into another, which would drop the middleware."""
    table: Any = middleware(guard)({"/": plain})
    with pytest.raises(TypeError):
        {**table}
    with pytest.raises(TypeError):
        {"/a": plain} | table


def test_a_table_of_another_kind_has_middleware_too(site: Make) -> None:
    """Any mapping is a table; nested middleware is as if written at once."""
    asked = site({"/": middleware(step("a"))(middleware(step("b"))(MappingProxyType({"/x": plain})))})
    assert asked.get("/x").headers["x-trace"] == "ba"


def numbered(id: int) -> str:  # noqa: A002 - the name in the path
    return str(id)


def test_url_for_finds_a_view_with_middleware(site: Make) -> None:
    """Middleware does not change the name of a view."""
    app = site({"/a": middleware(step("a"))({"/b": both, "/{id:int}": numbered})}).app
    assert (app.url_for(both), app.url_for(numbered, id=3)) == ("/a/b", "/a/3")


def no_generator(request: Request) -> None:
    return None


def test_what_is_no_middleware_is_reported_once_with_its_place(mistakes: Find) -> None:
    """A function without a yield is one mistake, however many routes the table has."""
    (mistake,) = mistakes({"/a": middleware(no_generator)({"/b": plain, "/c": plain})})
    assert "no_generator has no yield" in mistake.message
    assert mistake.places[0].endswith(f"test_middleware_scope.py:{no_generator.__code__.co_firstlineno}")


def test_mistakes_in_a_table_with_middleware_have_their_lines(tmp_path: Path) -> None:
    """The middleware of a nested table does not hide where the table is written."""
    main = tmp_path / "main.py"
    main.write_text(
        "from fanlight import middleware\n"
        "def step():\n"
        "    yield\n"
        "URLS = {\n"
        "    '/a': middleware(step)({\n"
        "        '/b': 'one',\n"
        "        '/c': None,\n"
        "    }),\n"
        "}\n"
    )
    names: dict[str, Any] = {}
    exec(main.read_text(), names)
    with pytest.raises(Exception, match=r"main\.py:7"):
        App(names["URLS"], file=main)
