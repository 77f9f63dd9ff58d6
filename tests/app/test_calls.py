"""Every form of view, with every outcome of a call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from fanlight.errors import Gone
from fanlight.message.request import Request
from fanlight.message.response import Response

Make = Callable[..., Any]


def outcome(wanted: str) -> object:
    """Return or raise the given outcome of a view."""
    if wanted == "error":
        raise Gone("it was here")
    if wanted == "exception":
        raise RuntimeError("oops")
    return {"text": "<p>", "json": {"a": 1}, "wrong": 5, "response": Response("r", 299)}[wanted]


def forms(wanted: str) -> dict[str, Callable[..., Any]]:
    """Return a view of each form: its parameters, and whether it is async."""

    async def waited() -> object:
        return outcome(wanted)

    async def waited_path(x: int) -> object:
        return outcome(wanted)

    async def waited_query(q: str = "") -> object:
        return outcome(wanted)

    async def waited_request(request: Request, x: int) -> object:
        await asyncio.sleep(0)
        return outcome(wanted)

    return {
        "/": lambda: outcome(wanted),
        "/{x:int}": lambda x: outcome(wanted),
        "/q": lambda q="": outcome(wanted),
        "/r": lambda request: outcome(wanted),
        "/r/{x:int}": lambda request, x: outcome(wanted),
        "/r/{x:int}/q": lambda request, x, q="": outcome(wanted),
        "/a": waited,
        "/a/{x}": waited_path,
        "/a/q": waited_query,
        "/a/r/{x}": waited_request,
    }


# outcome -> status, part of the content, log records
OUTCOMES = {
    "text": (200, "<p>", 0),
    "json": (200, '{"a":1}', 0),
    "response": (299, "r", 0),
    "error": (410, "it was here", 0),
    "exception": (500, "Internal Server Error", 1),
    "wrong": (500, "Internal Server Error", 1),
}
PATHS = [key.replace("{x:int}", "1").replace("{x}", "1") for key in forms("text")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("wanted", OUTCOMES)
@pytest.mark.parametrize("has_middleware", [False, True])
def test_every_form_of_view_has_every_outcome(
    site: Make, caplog: pytest.LogCaptureFixture, path: str, wanted: str, has_middleware: bool
) -> None:
    """Views of every form have the same responses, with middleware or without."""

    def passing() -> Any:
        yield

    status, said, logged = OUTCOMES[wanted]
    response = site(forms(wanted), middleware=[passing] if has_middleware else []).get(path)
    assert response.status == status
    assert said in response.text
    assert len(caplog.records) == logged


@pytest.mark.parametrize("has_middleware", [False, True])
def test_an_invalid_field_of_an_async_view_is_422(site: Make, has_middleware: bool) -> None:
    """Binding is part of the call, so an invalid request becomes a response like an exception of the view."""

    async def view(n: int) -> str:
        return ""

    def passing() -> Any:
        yield

    response = site({"/": view}, middleware=[passing] if has_middleware else []).get("/?n=x")
    assert response.bad == [("query", "n", "'x' is not an integer")]


def test_request_and_path_are_given_together(site: Make) -> None:
    """A view of the request and a segment gets both, and nothing is cached between calls."""
    client = site({"/{x}": lambda request, x: f"{request.path} {x} {request.params}"})
    assert client.get("/a").text == "/a a {'x': 'a'}"


def test_a_view_without_parameters_is_called_without_any(site: Make) -> None:
    """Such a view is one frame below the call."""
    depths = []

    def view(**names: object) -> str:
        assert not names
        frame = sys._getframe(1)
        depths.append(frame.f_code.co_name)
        return ""

    site({"/": view, "/{x}": lambda **names: view()}).get("/")
    assert depths == ["run"]


def test_a_run_is_a_plain_function(site: Make) -> None:
    """`run` is an attribute of the call itself, not a method that is looked up on its class."""
    call = site({"/": lambda: ""}).call("GET", "/")
    assert not hasattr(call, "__dict__")
    assert call.run.__class__.__name__ == "function"


def test_many_requests_leak_no_memory(site: Make) -> None:
    """After many requests of every kind an app holds no more memory than before."""
    client = site({"/": lambda: "", "/{x:int}": lambda x: "", "/s/": "text", "/q": lambda n=1: {"n": n}})
    targets = ["/", "/1", "/s", "/q?n=x", "/unknown", "/%FF"]

    def request_all() -> int:
        for number in range(50):
            for target in targets:
                client.get(target if target != "/unknown" else f"/unknown{number}")
        return sys.getallocatedblocks()

    request_all()
    before = request_all()
    assert min(request_all() for _ in range(3)) - before < 100
