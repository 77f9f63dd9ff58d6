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


def appending(name: str) -> Any:
    """Return middleware that appends its name to those of inner middleware."""

    def note(request: Request) -> Iterator[None]:
        response: Any = yield
        response.headers["x-trace"] = response.headers.get("x-trace") + name

    return note


def async_appending(name: str) -> Any:
    """Return async middleware that does the same."""

    async def note(request: Request) -> AsyncIterator[None]:
        response: Any = yield
        response.headers["x-trace"] = response.headers.get("x-trace") + name

    return note


def plain() -> str:
    return "plain"


@middleware(appending("v"), async_appending("w"))
def both() -> str:
    return "both"


@middleware(appending("v"))
async def asynchronous() -> str:
    return "async"


@middleware(appending("a"))
@middleware(appending("b"))
def stacked() -> str:
    return "stacked"


@pytest.mark.parametrize(
    "app_middleware",
    [[appending("1"), appending("2")], [appending("1"), async_appending("2")], [async_appending("1"), appending("2")]],
)
@pytest.mark.parametrize("table_middleware", [(appending("t"), appending("u")), (appending("t"), async_appending("u"))])
def test_middleware_is_in_one_order_from_outside_in(site: Make, app_middleware: Any, table_middleware: Any) -> None:
    """App, then tables, then view; sync and async middleware may be mixed."""
    inner = {"/": plain, "/both": both, "/async": asynchronous, "/text": "text", "/r": Response("r")}
    client = site(
        {"/": plain, "/in": middleware(*table_middleware)({"/": plain, "/on": middleware(appending("x"))(inner)})},
        middleware=app_middleware,
    )
    traces = {
        path: client.get(path).headers["x-trace"] for path in ("/", "/in", "/in/on", "/in/on/both", "/in/on/async")
    }
    assert traces == {
        "/": "21",
        "/in": "ut21",
        "/in/on": "xut21",
        "/in/on/both": "wvxut21",
        "/in/on/async": "vxut21",
    }
    for _ in range(2):
        assert [client.get(f"/in/on/{each}").headers["x-trace"] for each in ("text", "r")] == ["xut21", "xut21"]


def test_the_upper_decorator_is_the_outer_one(site: Make) -> None:
    """Of two decorators on a view, the upper one is the outer middleware."""
    assert site({"/": stacked}).get("/").headers["x-trace"] == "ba"


def test_a_decorated_view_is_the_function_itself() -> None:
    """A decorated view can be called by a test as it is written, without its middleware."""
    assert both() == "both"


def test_middleware_wraps_a_single_value(site: Make) -> None:
    """A string, a template, a method or a response in the table may have middleware, in place."""

    class Views:
        def index(self) -> str:
            return "index"

    put = middleware(appending("s"))
    client = site({"/t": put("text"), "/h": put("a.html"), "/m": put(Views().index)}, pages={"a.html": "page"})
    assert [client.get(path).headers["x-trace"] for path in ("/t", "/h", "/m")] == ["s", "s", "s"]


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
    """Middleware may refuse, or respond for the views in its table; others are not affected."""
    app = site({"/open": divide, "/in": middleware(guard, lenient)({"/divide": divide})}).app
    with LiveServer(app) as server:
        statuses = []
        for path, field in (("/in/divide?by=0", ""), ("/in/divide?by=0", "authorization: x\r\n"), ("/open?by=0", "")):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{field}connection: close\r\n\r\n".encode())
                statuses.append(b"".join(iter(lambda: sock.recv(65536), b""))[9:12])
    assert statuses == [b"403", b"200", b"500"]


def test_the_middleware_of_a_table_can_not_be_lost(site: Make) -> None:
    """A table with middleware can't be spread into another, which would drop the middleware."""
    table: Any = middleware(guard)({"/": plain})
    with pytest.raises(TypeError):
        {**table}
    with pytest.raises(TypeError):
        {"/a": plain} | table


def test_any_mapping_may_have_middleware(site: Make) -> None:
    """Any mapping is a table; nested `with_middleware` calls add up."""
    client = site({"/": middleware(appending("a"))(middleware(appending("b"))(MappingProxyType({"/x": plain})))})
    assert client.get("/x").headers["x-trace"] == "ba"


def numbered(id: int) -> str:  # noqa: A002 - the name in the path
    return str(id)


def test_url_for_finds_a_view_with_middleware(site: Make) -> None:
    """Middleware does not change the name of a view."""
    app = site({"/a": middleware(appending("a"))({"/b": both, "/{id:int}": numbered})}).app
    assert (app.url_for(both), app.url_for(numbered, id=3)) == ("/a/b", "/a/3")


def no_generator(request: Request) -> None:
    return None


def test_invalid_middleware_of_a_table_is_reported_once(mistakes: Find) -> None:
    """A function without a yield is one mistake with its place, however many routes the table has."""
    (mistake,) = mistakes({"/a": middleware(no_generator)({"/b": plain, "/c": plain})})
    assert "no_generator has no yield" in mistake.message
    assert mistake.places[0].endswith(f"test_middleware_scope.py:{no_generator.__code__.co_firstlineno}")


def test_mistakes_in_a_table_with_middleware_have_their_lines(tmp_path: Path) -> None:
    """The place of a nested table is known, with or without middleware."""
    main = tmp_path / "main.py"
    main.write_text(
        "from fanlight import middleware\n"
        "def passing():\n"
        "    yield\n"
        "URLS = {\n"
        "    '/a': middleware(passing)({\n"
        "        '/b': 'one',\n"
        "        '/c': None,\n"
        "    }),\n"
        "}\n"
    )
    names: dict[str, Any] = {}
    exec(main.read_text(), names)
    with pytest.raises(Exception, match=r"main\.py:7"):
        App(names["URLS"], file=main)
