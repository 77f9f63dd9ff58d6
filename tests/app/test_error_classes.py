"""Error views for exceptions of a class: which view, which status, and who sees the exception."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from http.client import IncompleteRead
from pathlib import Path
from typing import Annotated, Any

import pytest

from fanlight import Hosts, Part, WebSocket, WebSocketClosed, middleware, render, table
from fanlight.app.application import Application
from fanlight.errors import (
    ClientDisconnected,
    Conflict,
    FanlightError,
    HTTPError,
    NotFound,
    ServiceUnavailable,
    SignatureExpired,
)
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.testing import Client, WebSocketRefused

Make = Callable[..., Any]
PAGE = {"accept": "text/html"}


class ShopError(Exception):
    """The errors of a shop."""


class OutOfStock(ShopError):
    """One of them."""

    def __init__(self, item: str) -> None:
        super().__init__(item)
        self.item = item


class Taken(Conflict):
    """A 409 of the site's own."""


def buy() -> str:
    raise OutOfStock("tea")


async def buy_async() -> str:
    raise OutOfStock("tea")


def out_of_stock(error: OutOfStock) -> tuple[dict[str, str], int]:
    return {"item": error.item}, 409


def translated(error: OutOfStock) -> None:
    raise Conflict(f"There is no {error.item}.")


@pytest.mark.parametrize("view", [buy, buy_async])
@pytest.mark.parametrize("accept", [PAGE, {"accept": "application/json"}])
def test_the_view_of_a_class_responds_to_every_client(
    site: Make, caplog: pytest.LogCaptureFixture, view: Any, accept: dict[str, str]
) -> None:
    """Its status counts, and nothing is logged: the exception is handled."""
    response = site({"/": view}, errors={OutOfStock: out_of_stock}).get("/", fields=accept)
    assert (response.status, response.json) == (409, {"item": "tea"})
    assert not caplog.records


def test_a_view_may_raise_an_http_error(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """It is sent as if the view of the site had raised it: a page for people, problem details for programs."""
    client = site({"/": buy}, errors={OutOfStock: translated, 409: lambda error: f"own {error.detail}"})
    assert client.get("/").json["detail"] == "There is no tea."
    assert (client.get("/", fields=PAGE).status, client.get("/", fields=PAGE).text) == (409, "own There is no tea.")
    assert not caplog.records


@pytest.mark.parametrize(
    ("given", "status"),
    [("text", 500), (render("sorry.html"), 500), (("gone", 410), 410), (Response("busy", 503), 503)],
)
def test_a_response_without_a_status_is_a_500(site: Make, given: Any, status: int) -> None:
    """An exception has none of its own, and is no success."""
    pages = {"sorry.html": "sorry"}
    client = site({"/": buy}, errors={OutOfStock: lambda error: given}, pages=pages)
    assert client.get("/").status == status


def test_a_redirect_stays_one(site: Make) -> None:
    """A view may send people elsewhere."""
    client = site({"/": buy}, errors={OutOfStock: lambda: redirect("/sold-out")})
    assert (client.get("/").status, client.get("/").headers["location"]) == (303, "/sold-out")


@pytest.mark.parametrize("view", [lambda error: ("down", 503), lambda error: "down"])
def test_a_5xx_is_logged(site: Make, caplog: pytest.LogCaptureFixture, view: Any) -> None:
    """With the traceback, the route and the id: it is a failure of the site."""
    assert site({"/": buy}, errors={OutOfStock: view}).get("/").text == "down"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("fanlight.app", logging.ERROR)
    assert record.getMessage().startswith(f"GET / ({__name__}.buy) failed: GET /, id ")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OutOfStock)


def test_a_5xx_that_is_raised_is_logged_too(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Its fields are sent."""

    def busy() -> None:
        raise ServiceUnavailable(headers={"retry-after": "5"})

    response = site({"/": buy}, errors={OutOfStock: busy}).get("/")
    assert (response.status, response.headers["retry-after"]) == (503, "5")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OutOfStock)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        ({ShopError: lambda: ("shop", 400), OutOfStock: lambda: ("stock", 400)}, "stock"),
        ({OutOfStock: lambda: ("stock", 400), ShopError: lambda: ("shop", 400)}, "stock"),
        ({ShopError: lambda: ("shop", 400), 500: "any"}, "shop"),
    ],
)
def test_the_most_specific_class_wins(site: Make, errors: Any, text: str) -> None:
    """However the table is ordered; the page of the 500 is for what has no view."""
    assert site({"/": buy}, errors=errors).get("/").text == text


def test_other_exceptions_stay_a_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """They have no view."""

    def broken() -> str:
        raise KeyError("x")

    assert site({"/": broken}, errors={OutOfStock: out_of_stock}).get("/").status == 500
    assert len(caplog.records) == 1


def taken() -> str:
    raise Taken("That name is taken.", headers={"x-a": "1"})


def test_an_http_error_of_ones_own_may_have_a_view(site: Make) -> None:
    """It comes before that of its status, which stays; fields of the error are sent."""
    errors = {Taken: lambda error: f"taken: {error.detail}", 409: lambda: "conflict"}
    response = site({"/": taken}, errors=errors).get("/")
    assert (response.status, response.text, response.headers["x-a"]) == (409, "taken: That name is taken.", "1")


def test_an_error_of_fanlight_that_shares_its_status_may_have_a_view(site: Make) -> None:
    """A signature that has expired is one 400 of several."""

    def link() -> str:
        raise SignatureExpired

    errors = {SignatureExpired: lambda: "Ask for another link."}
    assert site({"/": link}, errors=errors).get("/").text == "Ask for another link."


def test_views_that_raise_each_others_errors_come_to_an_end(site: Make) -> None:
    """What the view of a class raises has the page of its status."""

    class First(HTTPError):
        status = 418

    class Second(HTTPError):
        status = 410

    def raise_second() -> None:
        raise Second("second")

    def raise_first() -> None:
        raise First("first")

    def view() -> str:
        raise First

    assert site({"/": view}, errors={First: raise_second, Second: raise_first}).get("/").status == 410


def failing() -> None:
    raise KeyError("of the error view")


def test_a_view_that_fails_is_a_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Both exceptions are in the log, in one entry."""
    assert site({"/": buy}, errors={OutOfStock: failing}).get("/").status == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    error = record.exc_info[1]
    assert isinstance(error, KeyError)
    assert isinstance(error.__context__, OutOfStock)


def test_the_view_for_an_http_error_that_fails_leaves_the_built_in_page(
    site: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """With its status, as for one of a status."""
    assert site({"/": taken}, errors={Taken: failing}).get("/").status == 409
    assert [each.getMessage() for each in caplog.records] == ["the handler for error 409 failed: GET /"]


def test_a_view_may_pass_an_exception_on(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """By raising it again: it is a 500, and its traceback begins where it was raised first."""

    def sometimes(error: OutOfStock) -> None:
        raise error

    assert site({"/": buy}, errors={OutOfStock: sometimes}).get("/").status == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    trace = record.exc_info[2]
    names = []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "buy"


def test_a_view_that_returns_nothing_is_a_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what it forgot."""
    assert site({"/": buy}, errors={OutOfStock: lambda error: None}).get("/").status == 500
    assert "returned None; did you forget `return`?" in str(caplog.records[0].exc_info)


# --- who sees the exception -------------------------------------------------------------------------------


class Seen:
    """What middleware and dependencies have seen."""

    def __init__(self) -> None:
        self.all: list[object] = []

    def middleware(self) -> Iterator[None]:
        try:
            self.all.append((yield).status)  # type: ignore[attr-defined]  # middleware gets a response
        except Exception as error:
            self.all.append(type(error))
            raise

    async def middleware_async(self) -> AsyncIterator[None]:
        try:
            self.all.append((yield).status)  # type: ignore[attr-defined]  # as above
        except Exception as error:
            self.all.append(type(error))
            raise


@pytest.mark.parametrize("kind", ["middleware", "middleware_async"])
@pytest.mark.parametrize("view", [buy, buy_async])
def test_middleware_gets_the_response(site: Make, kind: str, view: Any) -> None:
    """As for an HTTP error; for a 5xx it gets the exception, as for one without a view."""
    seen = Seen()
    around = (getattr(seen, kind),)
    assert site({"/": view}, errors={OutOfStock: out_of_stock}, middleware=around).get("/").status == 409
    assert seen.all == [409]
    down = {OutOfStock: lambda: ("down", 503)}
    response = site({"/": view}, errors=down, middleware=around).get("/")
    assert (response.status, response.text) == (503, "down")
    assert seen.all == [409, OutOfStock]


def watched(request: Request) -> Iterator[str]:
    try:
        yield "value"
    except Exception as error:
        request.state["seen"].append(type(error))
        raise


def around(value: Annotated[str, watched]) -> Iterator[None]:
    del value
    yield


def needy(value: Annotated[str, watched]) -> str:
    raise OutOfStock(value)


@pytest.mark.parametrize("middleware", [(), (around,)])
def test_dependencies_get_the_exception(site: Make, middleware: Any) -> None:
    """Whatever response it has become, and also those of middleware."""
    client = site({"/": needy}, errors={OutOfStock: out_of_stock}, middleware=middleware)
    request = client.make_request("GET", "/")
    request.state["seen"] = []
    assert client.app.find(request).run(request).status == 409
    assert request.state["seen"] == [OutOfStock]


def fails(request: Request) -> Iterator[None]:
    if request.query.get("early"):
        raise OutOfStock("early")
    yield
    raise OutOfStock("late")


def missing() -> str:
    raise OutOfStock("dependency")


def with_missing(value: Annotated[str, missing]) -> str:
    return value


def test_what_middleware_and_dependencies_raise_has_a_view(site: Make) -> None:
    """Not only what the view raises."""
    urls = {"/": middleware(fails)({"/": lambda: ""}), "/needs": with_missing}
    client = site(urls, errors={OutOfStock: out_of_stock})
    assert client.get("/?early=1").json == {"item": "early"}
    assert client.get("/").json == {"item": "late"}
    assert client.get("/needs").json == {"item": "dependency"}


def language(request: Request) -> str:
    return request.headers.get("accept-language")


def spoken_view(error: OutOfStock, request: Request, spoken: Annotated[str, language]) -> tuple[str, int]:
    return f"{error.item} {request.path} {spoken}", 409


def test_the_view_takes_the_request_and_dependencies(site: Make) -> None:
    """As each error view does."""
    client = site({"/": buy}, errors={OutOfStock: spoken_view})
    assert client.get("/", fields={"accept-language": "fi"}).text == "tea / fi"


# --- parts, hosts, tables with errors in JSON ---------------------------------------------------------------


def test_a_part_has_views_of_its_own(tmp_path: Path) -> None:
    """Before those of the site, which has the rest."""
    urls = {"/": buy, "/taken": taken}
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "main.py").touch()
    part = Part(urls, name="shop", errors={ShopError: lambda: ("the part", 400)}, file=tmp_path / "shop" / "main.py")
    errors = {OutOfStock: out_of_stock, Taken: lambda: "taken"}
    app = Application({"/": buy, "/shop": part}, errors=errors, folder=tmp_path)
    with Client(app) as client:
        assert client.get("/").json() == {"item": "tea"}
        assert client.get("/shop").text == "the part"
        assert client.get("/shop/taken").text == "taken"


def test_each_host_has_them(tmp_path: Path) -> None:
    """They are those of the app."""
    app = Application(Hosts({"a.example": {"/": buy}}), errors={OutOfStock: out_of_stock}, folder=tmp_path)
    with Client(app, base_url="http://a.example") as client:
        assert client.get("/").status == 409


def test_in_a_table_with_errors_in_json(site: Make) -> None:
    """An HTTP error that the view raises is problem details there, for a client that names nothing."""
    client = site({"/api": table({"/": buy}, json_errors=True)}, errors={OutOfStock: translated})
    response = client.get("/api", fields={"accept": "*/*"})
    assert (response.status, response.headers["content-type"]) == (409, "application/problem+json")
    assert response.json["detail"] == "There is no tea."


# --- streams, WebSockets ------------------------------------------------------------------------------------


def test_a_stream_that_has_begun_can_not_be_replaced(tmp_path: Path) -> None:
    """Its head may have been sent: it is cut off, as for every exception."""
    called = []

    def pieces() -> Iterator[str]:
        yield "first"
        raise OutOfStock("tea")

    def view(error: OutOfStock) -> tuple[str, int]:
        called.append(error)
        return "", 409

    app = Application({"/": pieces}, errors={OutOfStock: view}, folder=tmp_path)
    with Client(app) as client, pytest.raises(IncompleteRead):
        client.get("/")
    assert not called


async def early(socket: WebSocket) -> None:
    del socket
    raise OutOfStock("tea")


async def late(socket: WebSocket) -> None:
    await socket.accept()
    raise OutOfStock("tea")


@pytest.mark.parametrize(("status", "code"), [(409, 1008), (500, 1011), (503, 1013)])
def test_a_websocket_is_refused_or_closed(tmp_path: Path, status: int, code: int) -> None:
    """With the response before it is accepted; with the code for its status afterwards, as by an HTTP error."""
    errors = {OutOfStock: lambda error: (error.item, status)}
    app = Application({"/early": early, "/late": late}, errors=errors, folder=tmp_path)
    with Client(app) as client:
        with pytest.raises(WebSocketRefused) as refused, client.websocket("/early"):
            pass
        assert (refused.value.response.status, refused.value.response.text) == (status, "tea")
        with client.websocket("/late") as socket, pytest.raises(WebSocketClosed) as closed:
            socket.receive()
        assert closed.value.code == code


# --- what is refused before the port opens --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        (dict, "errors[dict]: it is no class of exceptions", "a key is a status from 400 to 599, or a class"),
        (KeyboardInterrupt, "errors[KeyboardInterrupt]: it ends a process or a task", "derives from Exception"),
        (SystemExit, "it ends a process or a task", "derives from Exception"),
        (GeneratorExit, "it ends a process or a task", "derives from Exception"),
        (asyncio.CancelledError, "it ends a process or a task", "derives from Exception"),
        (BaseException, "it ends a process or a task", "derives from Exception"),
        (Exception, "errors[Exception]: that is every exception", "write errors={500: ...}"),
        (HTTPError, "errors[HTTPError]: that is every HTTP error", "errors={404: ..., 409: ...}"),
        (FanlightError, "errors[FanlightError]: that is every HTTP error", "errors={404: ..., 409: ...}"),
        (NotFound, "errors[NotFound]: it stands for a status", "write errors={404: ...}"),
        (ClientDisconnected, "errors[ClientDisconnected]: no one receives a response to it", "remove it"),
        (OutOfStock("tea"), "errors[OutOfStock('tea')]: there is no such error", "the class, without calling it"),
    ],
)
def test_a_key_that_is_no_class_of_failures_is_refused(mistakes: Make, key: Any, message: str, hint: str) -> None:
    """The message says what to write instead."""
    (mistake,) = mistakes({"/": buy}, errors={key: out_of_stock})
    assert message in mistake.message
    assert hint in mistake.hint


@pytest.mark.parametrize("value", ["sorry.html", "Sorry", Response("", 409), render("x.html"), Conflict, None, 409])
def test_only_a_view_can_say_the_status_of_an_exception(mistakes: Make, value: Any) -> None:
    """Everything else is refused."""
    (mistake,) = mistakes({"/": buy}, errors={OutOfStock: value})
    assert "and only a view can say the status of an exception" in mistake.message
    assert 'raise Conflict("...")' in mistake.hint


async def out_of_stock_async(error: OutOfStock) -> str:
    return error.item


def other_parameters(error: OutOfStock, slug: str) -> str:
    return error.item + slug


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (out_of_stock_async, f"errors[OutOfStock]: {__name__}.out_of_stock_async is async"),
        (other_parameters, "takes other parameters"),
    ],
)
def test_a_view_is_checked_as_each_error_view(mistakes: Make, view: Any, message: str) -> None:
    """Its parameters, and that it is a plain function."""
    (mistake,) = mistakes({"/": buy}, errors={OutOfStock: view})
    assert message in mistake.message
