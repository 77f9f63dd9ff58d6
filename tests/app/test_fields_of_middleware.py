"""Whatever goes wrong, the response has the fields that middleware sets: CORS, security, ids."""

from __future__ import annotations

import http.client
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest

from fanlight import App, Limits
from fanlight.errors import NotFound, SetupError
from fanlight.message.request import Request
from fanlight.message.response import SERVER_FIELDS, Response
from fanlight.message.upload import Upload
from fanlight.message.with_middleware import middleware
from fanlight.pages.page import render
from fanlight.pages.templates import Templates
from fanlight.testing import Client
from fanlight.wire.http1 import response_writer

PAGE = {"accept": "text/html"}


def cors() -> Iterator[None]:
    response: Any = yield
    response.headers["x-cors"] = "*"


async def cors_async() -> AsyncIterator[None]:
    response: Any = yield
    response.headers["x-cors"] = "*"


def value() -> int:
    return 1


def cors_with_dependency(value: Annotated[int, value]) -> Iterator[None]:
    response: Any = yield
    response.headers["x-cors"] = "*"


async def cors_async_with_dependency(value: Annotated[int, value]) -> AsyncIterator[None]:
    response: Any = yield
    response.headers["x-cors"] = "*"


STEPS = [cors, cors_async, cors_with_dependency, cors_async_with_dependency]


def broken() -> str:
    raise KeyError


async def broken_async() -> str:
    raise KeyError


def opening() -> Iterator[int]:
    raise KeyError
    yield 1


def closing() -> Iterator[int]:
    yield 1
    raise KeyError


async def closing_async() -> AsyncIterator[int]:
    yield 1
    raise KeyError


def of_opening(x: Annotated[int, opening]) -> str:
    return ""


def of_closing(x: Annotated[int, closing]) -> str:
    return ""


async def of_closing_async(x: Annotated[int, closing_async]) -> str:
    return ""


class Odd(Response):
    """A response of the app's own class, whose fields can't be read."""

    def fields(self) -> Any:
        raise KeyError


class Unreadable:
    def __iter__(self) -> Iterator[bytes]:
        raise KeyError


def with_bad_field() -> Response:
    response = Response("x")
    response.headers["x-a"] = "line\nend"
    return response


def with_own_field(name: str) -> Callable[[], object]:
    def view() -> Response:
        response = Response("x")
        response.headers[name] = "7"
        return response

    return view


def of_odd_length() -> Response:
    response = Response(iter([b"x"]))
    response._length = -1
    return response


def returning(result: object) -> Callable[[], Any]:
    return lambda: result


async def returning_unsendable() -> Any:
    return Response(b"x", 999)


FAILING: dict[str, Any] = {
    "view": broken,
    "async view": broken_async,
    "dependency that is opened": of_opening,
    "dependency that is closed": of_closing,
    "async dependency": of_closing_async,
    "template": lambda: render("broken.html"),
    "missing template": lambda: render("none.html"),
    "template of the table": "broken.html",
    "value": returning({1}),
    "coroutine": lambda: broken_async(),  # noqa: PLW0108 - a plain function that returns one
    "status": returning(("x", 99)),
    "JSON": returning({"x": object()}),
    "field": with_bad_field,
    "status of a response": returning(Response("x", 999)),
    "status of a response of an async view": returning_unsendable,
    "interim status": returning(Response("x", 101)),
    "status that is no number": lambda: Response("x", "200"),  # type: ignore[arg-type]  # a mistake of the app
    "media type": returning(Response(b"x", media_type="text/plain\r\nx-evil: 1")),
    "character in a media type": returning(Response(b"x", media_type="text/\u2603")),
    "field of the server": with_own_field("content-length"),
    "date": with_own_field("date"),
    "length": of_odd_length,
    "fields of the app's class": lambda: Odd("x"),
    "content": returning(Response(5)),  # type: ignore[arg-type]  # a mistake of the app
}


def missing() -> str:
    raise NotFound


def number(n: int) -> str:
    return f"{n}"


def posted(request: Request) -> bytes:
    return request.content


def photo(photo: Upload, x: Annotated[int, value]) -> str:
    return ""


def answering() -> Iterator[Any]:
    yield Response("x", 999)


async def answering_async() -> AsyncIterator[Any]:
    yield None
    yield Response("x", 999)


def client_of(urls: Any, step: Any, *, is_table: bool = False, **settings: Any) -> Client:
    table = {"/x": middleware(step)(urls)} if is_table else {"/x": urls}
    return Client(App(table, middleware=() if is_table else (step,), **settings), limits=Limits(content_bytes=1000))


@pytest.fixture(autouse=True)
def _pages(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").touch()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "broken.html").write_text("{{ 1 // nothing }}")
    (tmp_path / "templates" / "fine.html").write_text("fine")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("is_table", [False, True])
def test_every_500_has_the_fields_of_middleware(tmp_path: Any, step: Any, *, is_table: bool) -> None:
    """Of an app and of a table, sync and async, with and without dependencies."""
    urls = {f"/{number}": each for number, each in enumerate(FAILING.values())}
    with client_of(urls, step, is_table=is_table, file=tmp_path / "main.py") as client:
        got = {}
        for number, name in enumerate(FAILING):
            response = client.get(f"/x/{number}")
            got[name] = response.status, response.headers.get("x-cors")
    assert got == dict.fromkeys(FAILING, (500, "*"))


OTHERS: dict[int, tuple[str, str, dict[str, Any]]] = {
    404: ("GET", "/x/missing", {}),
    405: ("DELETE", "/x/missing", {}),
    422: ("GET", "/x/number?n=a", {}),
    413: ("POST", "/x/post", {"content": b"x" * 2000}),
    415: ("POST", "/x/post", {"content": b"x", "headers": {"content-encoding": "gzip"}}),
    400: ("GET", "/x/%ff", {}),
    308: ("GET", "/x/slash", {}),
    204: ("OPTIONS", "/x/missing", {}),
    501: ("BREW", "/x/missing", {}),
}
URLS = {"/missing": missing, "/number": number, "POST /post": posted, "POST /photo": photo, "/slash/": "slash"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("status", OTHERS)
def test_every_other_error_has_them_too(step: Any, accept: str, status: int) -> None:
    """Without a route, with invalid input, with content that is refused; as a page and as JSON."""
    method, target, sent = OTHERS[status]
    with client_of(URLS, step) as client:
        headers = {"accept": accept, **sent.get("headers", {})}
        response = client.request(method, target, **{**sent, "headers": headers}, follow_redirects=False)
    assert (response.status, response.headers.get("x-cors")) == (status, "*")


@pytest.mark.parametrize("step", STEPS)
def test_the_errors_of_a_route_have_the_fields_of_its_table(step: Any) -> None:
    """Those of a view, and of content that is refused in its place; not those without a route in the table."""
    with client_of(URLS, step, is_table=True) as client:
        for status in (404, 422, 413, 415):
            method, target, sent = OTHERS[status]
            response = client.request(method, target, **sent)
            assert (response.status, response.headers.get("x-cors")) == (status, "*")
        too_large = client.post("/x/photo", files={"photo": ("a", b"x" * 2000)})
        assert (too_large.status, too_large.headers.get("x-cors")) == (413, "*")
        assert "x-cors" not in client.get("/x/none").headers


@pytest.mark.parametrize("step", STEPS)
def test_a_context_function_that_fails_is_a_500_with_them(tmp_path: Any, step: Any) -> None:
    """Of a view's page, and of the page of an error."""

    def failing() -> str:
        raise KeyError

    urls = {"/": "fine.html", "/view": lambda: render("fine.html")}
    settings = {"templates": Templates(context={"x": failing}), "file": tmp_path / "main.py"}
    with client_of(urls, step, **settings) as client:
        for path, status in (("/x", 500), ("/x/view", 500), ("/x/none", 404)):
            response = client.get(path, headers=PAGE)
            assert (response.status, response.headers.get("x-cors")) == (status, "*")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("inner", [answering, answering_async])
def test_an_unsendable_response_of_middleware_is_a_500_with_them(step: Any, inner: Any) -> None:
    """It is replaced before it reaches the middleware further out."""
    with Client(App({"/": "x"}, middleware=(step, inner))) as client:
        response = client.get("/")
    assert (response.status, response.headers.get("x-cors")) == (500, "*")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("errors", [{404: lambda: Response("x", 999)}, {404: lambda: ("x", 99)}, {404: lambda: {1}}])
def test_an_unsendable_response_of_an_error_view_is_the_built_in_page(step: Any, errors: Any) -> None:
    """With the first error's status, and with the fields of middleware."""
    with Client(App({}, middleware=(step,), errors=errors)) as client:
        response = client.get("/none", headers=PAGE)
    assert (response.status, response.headers.get("x-cors")) == (404, "*")
    assert "Not Found" in response.text


def stream() -> Iterator[bytes]:
    raise KeyError
    yield b""


async def stream_async() -> AsyncIterator[bytes]:
    raise KeyError
    yield b""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("view", [stream, stream_async])
def test_a_stream_that_fails_before_its_first_piece_has_them(step: Any, view: Any) -> None:
    """Its head is sent when the view has returned; then the response is cut off, not to pass for a complete one."""
    with client_of({"/": view}, step) as client:
        head = client.send(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nx-cors: *\r\n" in head
        assert not head.endswith(b"0\r\n\r\n")
        with pytest.raises(http.client.IncompleteRead):
            client.get("/x")


@pytest.mark.parametrize("step", [cors_with_dependency, cors_async_with_dependency])
def test_a_stream_whose_iterator_can_not_be_made_is_a_500_with_them(step: Any) -> None:
    """It is made before the head is sent where dependencies have to be closed at its end."""

    def of_open(x: Annotated[int, generator]) -> Response:
        return Response(Unreadable())

    with client_of({"/": of_open}, step) as client:
        response = client.get("/x")
    assert (response.status, response.headers.get("x-cors")) == (500, "*")


def generator() -> Iterator[int]:
    yield 1


def test_a_response_in_the_table_that_can_not_be_sent_is_a_mistake() -> None:
    """Before the port opens: it would fail for every request."""
    with pytest.raises(SetupError, match="the response at / can't be sent: 999 is no status that can be sent"):
        App({"/": Response("x", 999)})


def test_the_fields_of_the_server_are_those_of_the_wire() -> None:
    """What is refused before middleware ends is what the wire refuses."""
    assert response_writer._OURS == SERVER_FIELDS
