"""What a request has opened finishes its response; if that fails, nothing of the response stays open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest

from fanlight import App
from fanlight.app.guards import guarded, guarded_async
from fanlight.errors import ServiceUnavailable, TooManyRequests
from fanlight.message.finishing import finish_with, finishers_of
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.testing import Client, FakeHead

events: list[str] = []


@pytest.fixture(autouse=True)
def _no_events() -> None:
    events.clear()


class Failing:
    """A finisher that fails."""

    waits = False

    def finish(self, request: Request, response: Response) -> None:
        events.append(f"finish {response.status}")
        raise ServiceUnavailable


class Adding:
    """A finisher that adds a field."""

    waits = True

    def finish(self, request: Request, response: Response) -> None:
        response.headers.add("x-finished", str(response.status))


class Opened:
    """A type that provides itself, and whose finisher fails."""

    @classmethod
    def __fanlight_provider__(cls, _: Any) -> TypeProvider:
        return OPENED


class OpenedProvider(TypeProvider):
    """Opens it."""

    def __call__(self, request: Request) -> Opened:
        finish_with(request, Failing())
        finish_with(request, Adding())
        return Opened()


OPENED = OpenedProvider()


def resource() -> Iterator[str]:
    yield "open"
    events.append("closed")


def stream(opened: Opened, resource: Annotated[str, resource]) -> Iterator[str]:
    assert isinstance(opened, Opened)
    events.append("pulled")
    yield resource


async def async_stream(opened: Opened, resource: Annotated[str, resource]) -> AsyncIterator[str]:
    assert isinstance(opened, Opened)
    events.append("pulled")
    yield resource


@pytest.mark.parametrize("view", [stream, async_stream])
def test_a_stream_that_is_not_sent_is_closed(view: Any) -> None:
    """Its dependencies are closed although no piece of it was pulled; the client gets the error page, finished."""
    with Client(App({"/": view})) as client:
        response = client.get("/")
    assert (response.status, response.headers["x-finished"]) == (503, "503")
    assert events == ["finish 200", "closed"]


def test_a_stream_that_cannot_be_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An error in closing does not take the place of the error page."""

    class Stubborn:
        def __iter__(self) -> Iterator[bytes]:
            return iter(())

        def close(self) -> None:
            raise RuntimeError("stubborn")

    def view(opened: Opened) -> Response:
        assert isinstance(opened, Opened)
        return Response(Stubborn())

    with Client(App({"/": view})) as client, caplog.at_level(logging.ERROR):
        assert client.get("/").status == 503
    assert "can't be closed" in caplog.text


def test_the_page_of_a_guards_error_is_finished() -> None:
    """A guard outside refuses a request, and the page for that opens something."""

    class Refusing(Guard):
        def begin(self, request: Request) -> None:
            raise TooManyRequests

    def error_page(error: BaseException, request: Request) -> Response:
        finish_with(request, Adding())
        return Response("page", getattr(error, "status", 500))

    request = Request(FakeHead("GET", "/", None), None, None)
    run = guarded(lambda _: Response("view"), [Refusing()], error_page, opens=True)
    assert run(request).headers["x-finished"] == "429"


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_page_that_fails_to_finish_is_sent(*, is_async: bool) -> None:
    """If the page of an error opens what fails as well, that is not tried for ever."""

    def error_page(error: BaseException, request: Request) -> Response:
        finish_with(request, Failing())
        return Response("page", getattr(error, "status", 500))

    def view(request: Request) -> Response:
        finish_with(request, Failing())
        return Response("view")

    async def async_view(request: Request) -> Response:
        return view(request)

    request = Request(FakeHead("GET", "/", None), None, None)
    if is_async:

        async def respond() -> Response:
            return await guarded_async(async_view, [], error_page, opens=True)(request)

        response = asyncio.run(respond())
    else:
        response = guarded(view, [], error_page, opens=True)(request)
    assert response.status == 503
    assert events == ["finish 200", "finish 503"]
    assert len(list(finishers_of(request))) == 1
