"""Guards run outside the middleware of a route, and finish its response."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest

from fanlight.app.guards import guarded, guarded_async
from fanlight.errors import Forbidden, SetupError
from fanlight.message.finishing import finish_with, finishers_of
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.pages.request_function import RequestFunction
from fanlight.testing import FakeHead

Make = Callable[..., Any]
events: list[str] = []


def make_request() -> Request:
    return Request(FakeHead("GET", "/", None), "127.0.0.1", None)


@pytest.fixture(autouse=True)
def _no_events() -> None:
    events.clear()


class Noting(Guard):
    """Notes what it is called with; with `refuses` it refuses each request."""

    def __init__(self, name: str, *, refuses: bool = False, waits: bool = False) -> None:
        self._name, self._refuses, self.waits = name, refuses, waits

    def begin(self, request: Request) -> None:
        events.append(f"{self._name} begin {threading.current_thread() is threading.main_thread()}")
        if self._refuses:
            raise Forbidden

    def finish(self, request: Request, response: Response) -> None:
        events.append(f"{self._name} finish {response.status}")


def _finished(received: Any) -> list[str]:
    return [value for name, value in received.response.fields() if name == "x-finished"]


def _page(_: Request) -> Response:
    events.append("view")
    return Response("page")


async def _async_page(request: Request) -> Response:
    return _page(request)


def _error_page(error: BaseException, _: Request) -> Response:
    return Response(type(error).__name__, getattr(error, "status", 500))


def test_guards_run_the_outermost_first() -> None:
    """Each begins before those inside it, and finishes after them."""
    run = guarded(_page, [Noting("a"), Noting("b")], _error_page)
    assert run(make_request()).status == 200
    assert events == ["a begin True", "b begin True", "view", "b finish 200", "a finish 200"]


def test_a_refused_request_does_not_reach_the_view() -> None:
    """Its error page passes the guards further out, which add to it as to any response."""
    run = guarded(_page, [Noting("a"), Noting("b", refuses=True)], _error_page)
    assert run(make_request()).status == 403
    assert events == ["a begin True", "b begin True", "a finish 403"]


def test_guards_of_async_calls_are_the_same() -> None:
    """They run around a coroutine in the same order; one that waits does so in a thread."""
    run = guarded_async(_async_page, [Noting("a"), Noting("b", waits=True)], _error_page)

    async def respond() -> Response:
        return await run(make_request())

    assert asyncio.run(respond()).status == 200
    assert events == ["a begin True", "b begin False", "view", "b finish 200", "a finish 200"]


def test_a_cancelled_call_is_not_answered() -> None:
    """The cancellation passes the guards: `on_error` decides about it, as for any exception."""

    async def wait(_: Request) -> Response:
        raise asyncio.CancelledError

    def on_error(error: BaseException, _: Request) -> Response:
        raise error

    run: Callable[[Request], Awaitable[Response]] = guarded_async(wait, [Noting("a")], on_error)

    async def respond() -> Response:
        return await run(make_request())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(respond())


class Signing:
    """A finisher that adds a field; with `fails` it refuses to."""

    waits = False

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self._name, self._fails = name, fails

    def finish(self, request: Request, response: Response) -> None:
        if self._fails:
            raise Forbidden
        response.headers.add("x-finished", self._name)


def test_what_a_request_has_opened_finishes_its_response_once() -> None:
    """Finishers run in their order, and never a second time."""
    request = make_request()
    finish_with(request, Signing("a"))
    finish_with(request, Signing("b"))
    response = guarded(_page, [], _error_page, opens=True)(request)
    assert [value for name, value in response.fields() if name == "x-finished"] == ["a", "b"]
    assert list(finishers_of(request)) == []


class Visit:
    """A type that provides itself: it signs the response of each request that has one."""

    def __init__(self, thread: str) -> None:
        self.thread = thread

    @classmethod
    def __fanlight_provider__(cls, argument: type | None) -> TypeProvider:
        if argument is not None:
            raise TypeError("Visit takes no argument")
        return VISIT


class VisitProvider(TypeProvider):
    """Opens a visit."""

    description = "a visit"

    def __call__(self, request: Request) -> Visit:
        finish_with(request, Signing("sync"))
        return Visit("sync")

    async def open_async(self, request: Request) -> Visit:
        finish_with(request, Signing("async"))
        return Visit("async")


VISIT = VisitProvider()


def _depends(visit: Visit) -> str:
    return visit.thread


def sync_view(visit: Visit, other: Annotated[str, _depends]) -> str:
    return f"{visit.thread} {other}"


async def async_view(visit: Visit, other: Annotated[str, _depends]) -> str:
    return f"{visit.thread} {other}"


def through_dependency(other: Annotated[str, _depends]) -> str:
    return other


@pytest.mark.parametrize(
    ("view", "shown", "finished"),
    [(sync_view, "sync sync", "sync"), (async_view, "async async", "async"), (through_dependency, "sync", "sync")],
)
def test_a_type_provides_itself(site: Make, view: Any, shown: str, finished: str) -> None:
    """It is opened once for a request, as its view is run, and finishes the response."""
    response = site({"/": view}).get("/")
    assert (response.text, _finished(response)) == (shown, [finished])


def test_middleware_and_error_views_have_it_too(site: Make) -> None:
    """Middleware opens it around the view, and the page of an error may have it."""

    def step(visit: Visit) -> Iterator[None]:
        response: Any = yield
        response.headers["x-seen"] = visit.thread

    def not_found(visit: Visit) -> str:
        return visit.thread

    client = site({"/": "home"}, middleware=[step], errors={404: not_found})
    response = client.get("/nope", fields={"accept": "text/html"})
    assert (response.status, response.text, response.headers["x-seen"]) == (404, "sync", "sync")
    assert _finished(response) == ["sync"]


def test_a_client_never_fills_it(site: Make) -> None:
    """A field of the same name in the query changes nothing."""
    assert site({"/": sync_view}).get("/?visit=mine&other=mine").text == "sync sync"


@pytest.mark.parametrize(
    ("annotation", "message"),
    [(Annotated[str, Visit], "can't follow another type"), (list[Visit], "can't be")],
)
def test_a_wrong_place_for_it_is_refused(site: Make, annotation: Any, message: str) -> None:
    """As metadata it would be called as a dependency, and in a list it could not be filled."""

    def view(visit: Any) -> str:
        return "page"

    view.__annotations__["visit"] = annotation
    with pytest.raises(SetupError, match=message):
        site({"/": view})


def test_a_template_may_open_something(tmp_path: Any) -> None:
    """A function of templates gets the request; what it opens finishes the response."""
    from fanlight.pages.page import Page
    from fanlight.pages.pages import Pages

    (tmp_path / "page.html").write_text("{{ visit('x') }}", encoding="utf-8")

    def visit(request: Request, name: str) -> str:
        finish_with(request, Signing(name))
        return "opened"

    pages = Pages(tmp_path, {"visit": RequestFunction(visit), "other": RequestFunction(visit)})
    request = make_request()
    assert pages.opens_for_request
    assert pages.render(Page("page.html", {}), request) == "opened"
    assert len(list(finishers_of(request))) == 1


def test_templates_without_such_functions_open_nothing(tmp_path: Any) -> None:
    """A site whose templates do not mention them pays nothing for them."""
    from fanlight.pages.pages import Pages

    (tmp_path / "page.html").write_text("visits", encoding="utf-8")
    assert not Pages(tmp_path, {"visit()": RequestFunction(lambda _: "")}).opens_for_request
