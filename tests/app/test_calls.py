"""Every form of call, with everything that may come of it."""

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
    """Return, or raise, what a test wants a view to do."""
    if wanted == "error":
        raise Gone("it was here")
    if wanted == "exception":
        raise RuntimeError("oops")
    return {"text": "<p>", "json": {"a": 1}, "wrong": 5, "response": Response("r", 299)}[wanted]


def forms(wanted: str) -> dict[str, Callable[..., Any]]:
    """Return a view of each form: what it takes, and whether it is async."""

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


# what is wanted -> status, part of the content, entries in the log
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
@pytest.mark.parametrize("has_steps", [False, True])
def test_every_form_of_view_has_every_outcome(
    site: Make, caplog: pytest.LogCaptureFixture, path: str, wanted: str, has_steps: bool
) -> None:
    """Whatever a view takes and is, it has the same responses, with middleware or without."""

    def step() -> Any:
        yield

    status, said, logged = OUTCOMES[wanted]
    answer = site(forms(wanted), middleware=[step] if has_steps else []).get(path)
    assert answer.status == status
    assert said in answer.text
    assert len(caplog.records) == logged


@pytest.mark.parametrize("has_steps", [False, True])
def test_a_bad_field_of_an_async_view_is_422(site: Make, has_steps: bool) -> None:
    """Binding is part of the call, so a mistake in a request becomes a response like an exception of the view."""

    async def view(n: int) -> str:
        return ""

    def step() -> Any:
        yield

    answer = site({"/": view}, middleware=[step] if has_steps else []).get("/?n=x")
    assert answer.bad == [("query", "n", "'x' is not an integer")]


def test_request_and_path_are_given_together(site: Make) -> None:
    """A view of the request and a segment gets both, and nothing that is kept."""
    asked = site({"/{x}": lambda request, x: f"{request.path} {x} {request.params}"})
    assert asked.get("/a").text == "/a a {'x': 'a'}"


def test_a_view_without_parameters_is_called_without_any(site: Make) -> None:
    """Nothing stands between the call and such a view: it is one frame below."""
    depths = []

    def view(**names: object) -> str:
        assert not names
        frame = sys._getframe(1)
        depths.append(frame.f_code.co_name)
        return ""

    site({"/": view, "/{x}": lambda **names: view()}).get("/")
    assert depths == ["run"]


def test_a_run_is_a_plain_function(site: Make) -> None:
    """What the server calls for each request is not looked up on a class."""
    call = site({"/": lambda: ""}).call("GET", "/")
    assert not hasattr(call, "__dict__")
    assert call.run.__class__.__name__ == "function"


def test_many_requests_leave_nothing_behind(site: Make) -> None:
    """An app holds no more memory after many requests than before, whatever they are."""
    asked = site({"/": lambda: "", "/{x:int}": lambda x: "", "/s/": "text", "/q": lambda n=1: {"n": n}})
    targets = ["/", "/1", "/s", "/q?n=x", "/unknown", "/%FF"]

    def ask_all() -> int:
        for number in range(50):
            for target in targets:
                asked.get(target if target != "/unknown" else f"/unknown{number}")
        return sys.getallocatedblocks()

    ask_all()
    before = ask_all()
    assert min(ask_all() for _ in range(3)) - before < 100
