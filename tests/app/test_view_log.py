"""The log for a view's author: a missing return, a missing file, a header field that is not sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from tests.app.conftest import Site

from fanlight.app.observer import Observer
from fanlight.app.view_log import MAX_REASONS, ViewLog
from fanlight.errors import BadField, UnprocessableContent
from fanlight.message.response import Response

Make = Callable[..., Site]
HERE = Path(__file__).as_posix()


def line_of(view: Any) -> int:
    return int(view.__code__.co_firstlineno)


def at(view: Any) -> str:
    return f"{__name__}.{view.__qualname__} ({HERE}:{line_of(view)})"


def nothing() -> None:
    pass


async def nothing_async() -> None:
    pass


def number() -> int:
    return 5


def opaque() -> dict[str, Any]:
    return {"a": object()}


def bad_status() -> Any:
    return "x", 1000


def report() -> Path:
    return Path("nowhere/report.pdf")


def greet(name: str, times: int = 1) -> str:
    return name * times


def user(token: str) -> str:
    return token


def whoever(who: Annotated[str, user]) -> str:
    return who


def passes(request: Any) -> Any:
    yield


@pytest.mark.parametrize("view", [nothing, nothing_async])
@pytest.mark.parametrize("middleware", [[], [passes]], ids=["alone", "within steps"])
def test_a_view_that_returns_nothing_is_logged_once(
    site: Make, caplog: pytest.LogCaptureFixture, view: Any, middleware: list[Any]
) -> None:
    """It is 204 to the client; the log has the view, its line, and the hint to write `return`."""
    made = site({"/": view, "POST /": view, "/other": view}, middleware=middleware)
    for _ in range(3):
        assert made.get("/").status == 204
    assert made.post("/").status == 204
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"{at(view)} returned None; did you forget `return`?")
    assert "`return Response(status=204)`" in record.getMessage()
    made.get("/other")
    assert len(caplog.records) == 2


def test_a_form_whose_view_returns_nothing_is_logged(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A browser that has sent a form waits for a page as well; a script that has sent a request does not."""
    made = site({"POST /": nothing})
    made.post("/", fields={"sec-fetch-mode": "cors"})
    assert not caplog.records
    assert made.post("/", fields={"sec-fetch-mode": "navigate"}).status == 204
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [f"{at(nothing)} returned None"]


@pytest.mark.parametrize("view", [nothing, nothing_async])
def test_in_development_a_missing_return_is_an_error(site: Make, caplog: pytest.LogCaptureFixture, view: Any) -> None:
    """An observed app refuses None where a browser waits for a page, and names the view and its line."""
    made = Site(site({"/": view, "POST /": view, "/meant": lambda: Response(status=204)}).app.observed(Observer()))
    assert [made.get("/").status, made.post("/").status, made.get("/meant").status] == [500, 204, 204]
    assert f"InvalidResponse: {at(view)} returned None; did you forget `return`?" in caplog.text


def test_an_intended_204_is_not_logged(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """`return None, 204` and a Response mark an empty response as intended."""
    made = site({"/": lambda: (None, 204), "/response": lambda: Response(status=204), "DELETE /": nothing})
    assert [made.get("/").status, made.get("/response").status, made.send("DELETE", "/").status] == [204, 204, 204]
    assert made.get("/").text == ""
    assert not caplog.records


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (number, "a value of type int can't be sent; return str(...) of it, or a string"),
        (opaque, "this can't be sent as JSON"),
        (bad_status, "1000 is no status"),
    ],
)
def test_the_log_of_an_invalid_value_names_the_view_and_its_line(
    site: Make, caplog: pytest.LogCaptureFixture, view: Any, says: str
) -> None:
    """The traceback has only Fanlight's frames, so the message names the view."""
    assert site({"/": view}).get("/").status == 500
    assert f"InvalidResponse: {at(view)}: {says}" in caplog.text


def test_a_file_that_does_not_exist_is_logged(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets a 404 as for any URL; the log has the view and the file."""
    made = site({"/": report})
    assert [made.get("/").status, made.get("/").status] == [404, 404]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{at(report)} returned the file '{Path.cwd()}/nowhere/report.pdf'")


@pytest.mark.parametrize("middleware", [[], [passes]], ids=["alone", "within steps"])
def test_the_reason_of_a_422_is_logged_once(
    site: Make, caplog: pytest.LogCaptureFixture, middleware: list[Any]
) -> None:
    """View, line and the names of the fields are logged, the values that were sent are not."""
    caplog.set_level(logging.INFO)
    made = site({"/": greet, "POST /": greet, "/who": whoever}, middleware=middleware)
    for _ in range(2):
        assert made.get("/").status == 422
        assert made.get("/?name=a&times=secret").status == 422
    assert made.post("/", form={}).status == 422
    assert made.get("/who").status == 422
    assert [record.getMessage() for record in caplog.records] == [
        f"{at(greet)} was not called: 422, query field 'name' is missing (logged once)",
        f"{at(greet)} was not called: 422, query field 'times' is invalid (logged once)",
        f"{at(greet)} was not called: 422, form field 'name' is missing (logged once)",
        f"{at(whoever)} was not called: 422, query field 'token' is missing (logged once)",
    ]


def test_reasons_of_422_do_not_fill_the_log(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """After the first fifty of a view, reasons are logged at DEBUG; a name is shortened, and on one line."""
    caplog.set_level(logging.INFO)
    answered = ViewLog("view", "main.py:1").before(lambda _, __: "sent")
    request = site({"/": "x"}).make_request("POST", "/")
    for number in range(2 * MAX_REASONS):
        field = BadField(source="json", name=f"{number}\n{'x' * 1000}", message="is not an integer")
        assert answered(UnprocessableContent(fields=[field]), request) == "sent"
    assert len(caplog.records) == MAX_REASONS
    assert all("\n" not in each.getMessage() and len(each.getMessage()) < 200 for each in caplog.records)
