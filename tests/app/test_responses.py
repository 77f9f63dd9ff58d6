"""The values that a view returns, and their responses."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import msgspec
import pytest

from fanlight.errors import NotFound
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.page import render

Make = Callable[..., Any]
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"


@dataclasses.dataclass
class Point:
    x: int
    when: date


class Struct(msgspec.Struct):
    price: Decimal


class Pair(NamedTuple):
    body: str
    status: int


class Word(StrEnum):
    HELLO = "hello"


class Markup(str):
    """A string whose own methods do more than those of str."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        raise AssertionError

    def __str__(self) -> str:
        raise AssertionError


@attrs.define
class Attrs:
    x: int


class Own(Response):
    pass


ID = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"
MADE = Response("made", 202, headers={"x-a": "b"})


@pytest.mark.parametrize(
    ("result", "status", "kind", "text"),
    [
        ("<p>ä", 200, HTML, "<p>ä"),
        ("", 200, HTML, ""),
        (Word.HELLO, 200, HTML, "hello"),
        (b"abc", 200, BYTES, "abc"),
        (bytearray(b"abc"), 200, BYTES, "abc"),
        (memoryview(b"abc"), 200, BYTES, "abc"),
        ({"a": [1, None]}, 200, JSON, '{"a":[1,null]}'),
        ({}, 200, JSON, "{}"),
        ([1, "ä"], 200, JSON, '[1,"ä"]'),
        (OrderedDict(a=1), 200, JSON, '{"a":1}'),
        (Point(1, date(2026, 1, 31)), 200, JSON, '{"x":1,"when":"2026-01-31"}'),
        (Attrs(1), 200, JSON, '{"x":1}'),
        (Struct(Decimal("1.10")), 200, JSON, '{"price":"1.10"}'),
        ({"id": UUID(ID)}, 200, JSON, f'{{"id":"{ID}"}}'),
        (None, 204, None, ""),
        (Response(b"x", 418, media_type="image/png"), 418, "image/png", "x"),
        (Own("x"), 200, HTML, "x"),
        (redirect("/there"), 303, HTML, None),
        (("text", 201), 201, HTML, "text"),
        (({"a": 1}, HTTPStatus.CREATED), 201, JSON, '{"a":1}'),
        ((None, 404), 404, None, ""),
        (("text", 200, {"content-type": "text/csv"}), 200, "text/csv", "text"),
        (("text", 200, None), 200, HTML, "text"),
        ((MADE, 203), 203, HTML, "made"),
    ],
)
def test_a_value_becomes_a_response(site: Make, result: Any, status: int, kind: str | None, text: str | None) -> None:
    """The type of the value determines the media type; the default status is 200."""
    response = site({"/": lambda: result}).get("/")
    assert (response.status, response.headers.get("content-type")) == (status, kind)
    if text is not None:
        assert response.text == text


def test_a_subclass_of_str_is_sent_as_its_text(site: Make) -> None:
    """The methods of a subclass of str are not called."""
    response = site({"/": lambda: Markup("<b>")}).get("/")
    assert (response.text, response.headers["content-type"]) == ("<b>", HTML)


def test_a_value_is_the_same_response_from_every_kind_of_view(site: Make) -> None:
    """With or without parameters, async or not: the same value is the same response."""

    async def waited() -> object:
        return {"a": 1}

    async def waited_path(x: str) -> object:
        return {"a": 1}

    async def waited_query(q: str = "") -> object:
        return {"a": 1}

    client = site(
        {
            "/": lambda: {"a": 1},
            "/p/{x}": lambda x: {"a": 1},
            "/q": lambda q="": {"a": 1},
            "/async": waited,
            "/async/{x}": waited_path,
            "/async-q": waited_query,
        }
    )
    paths = ["/", "/p/x", "/q", "/async", "/async/x", "/async-q"]
    assert [client.get(path).text for path in paths] == ['{"a":1}'] * 6


def test_a_tuple_has_status_and_headers(site: Make) -> None:
    """(body, status, headers) sets both, and does not change a response that a view returns again."""
    client = site({"/": lambda: (MADE, 203, {"X-More": "1"})})
    for _ in range(2):
        response = client.get("/")
        assert (response.status, response.headers["x-a"], response.headers["x-more"]) == (203, "b", "1")
    assert (MADE.status, "x-more" in MADE.headers) == (202, False)


def numbers() -> Iterator[str]:
    yield "1\n"
    yield "2\n"


async def later() -> AsyncIterator[str]:
    yield "1\n"


def iterating(kind: Any) -> object:
    return kind()


class Asks:
    def __aiter__(self) -> Asks:
        return self

    async def __anext__(self) -> str:
        raise StopAsyncIteration


@pytest.mark.parametrize("view", [numbers, later, lambda: iter(["1"]), lambda: map(str, [1]), Asks])
def test_a_generator_is_a_stream_of_text(site: Make, view: Any) -> None:
    """Its pieces are sent one by one as plain text; the view itself ends at once."""
    make = view if not isinstance(view, type) else functools.partial(iterating, view)
    response = site({"/": make}).get("/").response
    assert not isinstance(response.content, bytes)
    assert (response.status, response.length, response.media_type) == (200, None, TEXT)


def test_a_stream_may_have_another_media_type(site: Make) -> None:
    """The headers in a tuple set the media type."""
    got = site({"/": lambda: (numbers(), 200, {"content-type": "text/csv"})}).get("/")
    assert got.headers["content-type"] == "text/csv"
    assert list(got.response.content) == ["1\n", "2\n"]


def test_a_page_is_rendered(site: Make) -> None:
    """The result of `render` becomes the page, with the request in it; its extension sets the media type."""
    pages = {
        "a.html": "<p>{{ name }} {{ request.path }}",
        "b.txt": "{{ name }}",
        "c.xml": "<a>{{ name }}</a>",
        "d.unheard": "{{ name }}",
    }
    urls = {f"/{name}": (lambda name=name: render(name, name="<&>")) for name in pages}
    client = site({path: functools.partial(view) for path, view in urls.items()}, pages=pages)
    found = {path: client.get(path) for path in urls}
    assert found["/a.html"].text == "<p>&lt;&amp;&gt; /a.html"
    assert found["/b.txt"].text == "<&>"
    kinds = [response.headers["content-type"] for response in found.values()]
    assert kinds[0] == HTML
    assert kinds[1] == TEXT
    assert kinds[2] == "application/xml"
    assert kinds[3] == HTML


def test_a_path_is_a_file(site: Make, tmp_path: Path) -> None:
    """The file is sent in pieces, with its length and media type."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"content")
    response = site({"/": lambda: file}).get("/").response
    assert b"".join(response.content) == b"content"
    assert response.length == 7
    assert dict(response.fields())["content-type"] == TEXT


@pytest.mark.parametrize("name", ["missing.txt", ".", "a.txt/b"])
def test_a_missing_file_is_404(site: Make, tmp_path: Path, name: str) -> None:
    """A path without a file, or of a folder, is not found."""
    (tmp_path / "a.txt").write_bytes(b"content")
    assert site({"/": lambda: tmp_path / name}).get("/").status == 404


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (5, "a value of type int can't be sent"),
        (1.5, "a value of type float can't be sent"),
        (True, "a value of type bool can't be sent"),
        ({1, 2}, "a value of type set can't be sent"),
        (SimpleNamespace(), "a value of type SimpleNamespace can't be sent"),
        (Pair("x", 201), "a value of type Pair can't be sent"),
        (dict, "dict itself was returned; call it"),
        (Point, "Point itself was returned; call it"),
        (numbers, "numbers itself was returned; call it"),
        (NotFound("x"), "NotFound was returned; raise it"),
        ((), "a tuple of 0 can't be sent"),
        (("a",), "a tuple of 1 can't be sent"),
        (("a", 200, {}, 1), "a tuple of 4 can't be sent"),
        (("a", "200"), "'200' is no status"),
        (("a", True), "True is no status"),
        (("a", 99), "99 is no status"),
        (("a", 101), "101 is no status"),
        (("a", 600), "600 is no status"),
        (("a", {"x": "y"}), "{'x': 'y'} is no status"),
        (("a", 200, [("x", "y")]), "are no headers"),
        ((("a", 201), 200), "a tuple in a tuple can't be sent"),
        (("a", 200, {"x": "a\r\nb: c"}), "the value of x"),
        ((5, 200), "a value of type int can't be sent"),
        ({"a": object()}, "can't be sent as JSON"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_an_invalid_value_is_500_and_logged_with_a_hint(
    site: Make, caplog: pytest.LogCaptureFixture, result: Any, reason: str
) -> None:
    """The log has the route and what to return; the client gets no details."""
    with caplog.at_level(logging.ERROR):
        response = site({"/x": lambda: result}).get("/x")
    assert response.status == 500
    assert reason not in response.text
    assert "GET /x" in caplog.text
    assert reason in caplog.text


def test_a_coroutine_is_never_silently_dropped(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """For a sync view that returns a coroutine, the log has a hint, once."""

    async def work() -> str:
        return "done"

    def forgetful() -> object:
        return work()

    assert site({"/": forgetful}).get("/").status == 500
    assert 'write "await"' in caplog.text


def test_a_template_that_fails_is_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A missing name in a template is a mistake of the app; the log has its place."""
    client = site({"/": lambda: render("a.html"), "/none": lambda: render("b.html")}, pages={"a.html": "\n{{ name }}"})
    assert [client.get("/").status, client.get("/none").status] == [500, 500]
    assert "a.html:2" in caplog.text
    assert "b.html" in caplog.text


def test_the_cache_of_types_is_bounded(site: Make) -> None:
    """An app that makes a class for each response does not grow by it."""
    client = site({"/": lambda: type("Text", (str,), {})("x")})
    assert {client.get("/").text for _ in range(600)} == {"x"}


KEPT = Response("the same", headers={"x-kept": "yes"})
BROWSER = {"accept": "text/html"}


def greet(request: Request) -> Generator[None, Response, None]:
    """Set a cookie for one visitor."""
    response = yield
    if "login" in request.query:
        response.set_cookie("session", request.query["login"])


async def greet_async(request: Request) -> AsyncGenerator[None, Response]:
    """Set a cookie for one visitor."""
    response = yield
    if "login" in request.query:
        response.set_cookie("session", request.query["login"])


def deny(_: Request) -> Generator[None, Response, Response]:
    """Respond instead of the view, always with the same response."""
    return KEPT
    yield


@pytest.mark.parametrize(
    "settings",
    [
        {"middleware": (greet,)},
        {"middleware": (greet_async,)},
        {"middleware": (greet, deny)},
        {"middleware": (greet,), "errors": {404: lambda: KEPT}},
    ],
    ids=["a view", "async middleware", "middleware", "an error's view"],
)
def test_a_shared_response_carries_nothing_between_requests(site: Make, settings: Any) -> None:
    """Header fields that middleware adds, like a client's session, are in one response only."""
    app = site({"/": lambda: KEPT}, **settings)
    path = "/nowhere" if "errors" in settings else "/"
    assert "session=ada" in app.get(f"{path}?login=ada", fields=BROWSER).headers["set-cookie"]
    later = app.get(path, fields=BROWSER)
    assert (later.text, later.headers["x-kept"]) == ("the same", "yes")
    assert "set-cookie" not in later.headers
    assert "set-cookie" not in KEPT.headers
