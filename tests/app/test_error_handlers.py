"""Errors and exceptions of views, and their responses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from fanlight.errors import Conflict, HTTPError, NotFound, ServiceUnavailable, Unauthorized, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.page import render

Make = Callable[..., Any]
PAGE = {"accept": "text/html"}


def missing() -> str:
    raise NotFound("no such cat")


def busy() -> str:
    raise ServiceUnavailable(headers={"retry-after": "5"})


def broken() -> str:
    secret = "hunter2"
    raise KeyError(secret)


async def broken_async() -> str:
    raise KeyError("hunter2")


@pytest.mark.parametrize("view", [broken, broken_async])
def test_an_exception_is_500_without_internals(site: Make, caplog: pytest.LogCaptureFixture, view: Any) -> None:
    """The response has no details but the request's id; the log has route, request, the same id and the traceback."""
    response = site({"/a/{x}": lambda x: "", "/b": view}).get("/b?q=1", fields=PAGE | {"x-request-id": "abc-1"})
    assert response.status == 500
    assert "hunter2" not in response.text
    assert "KeyError" not in response.text
    assert "<code>abc-1</code>" in response.text
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("fanlight.app", logging.ERROR)
    assert record.getMessage() == f"GET /b (tests.app.test_error_handlers.{view.__name__}) failed: GET /b?q=1, id abc-1"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


def test_a_log_entry_is_one_line(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A request target can't add a second line to the log."""
    client = site({"/": broken})
    request = client.make_request("GET", "/?a=\r\n2026 ERROR forged\x1b[2J")
    client.app.find(request).run(request)
    assert caplog.records[0].getMessage().isprintable()
    assert "\\r\\n" in caplog.records[0].getMessage()


def test_an_http_error_is_its_own_response(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An HTTP error that a view raises is sent with its header fields, and is not logged as a failure."""
    client = site({"/missing": missing, "/busy": busy})
    assert (client.get("/missing").status, client.get("/missing").json["detail"]) == (404, "no such cat")
    assert "no such cat" in client.get("/missing", fields=PAGE).text
    assert (client.get("/busy").status, client.get("/busy").headers["retry-after"]) == (503, "5")
    assert not caplog.records


def nothing() -> str:
    return "<h1>own page</h1>"


def of_error(error: HTTPError) -> str:
    return f"own {error.status} {error.detail}"


def of_both(request: Request, error: HTTPError) -> tuple[str, int]:
    return f"own {request.path} {error.detail}", error.status


def of_request(request: Request, more: str = "default", *rest: object, **names: object) -> str:
    return f"own {request.path} {more}"


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (nothing, "<h1>own page</h1>"),
        (of_error, "own 404 no such cat"),
        (of_both, "own /missing no such cat"),
        (of_request, "own /missing default"),
        (Response("own"), "own"),
        (render("e.html", name="<"), "&lt;"),
        ("e2.html", "404 Not Found no such cat /missing"),
    ],
)
def test_the_table_of_errors_has_the_page(site: Make, view: Any, said: str) -> None:
    """A view, a response or a template in `errors` is the page, with the error's status."""
    pages = {"e.html": "{{ name }}", "e2.html": "{{ status }} {{ reason }} {{ detail }} {{ request.path }}"}
    client = site({"/missing": missing}, errors={404: view}, pages=pages)
    for _ in range(2):
        response = client.get("/missing", fields=PAGE)
        assert (response.status, response.text) == (404, said)
    assert client.get("/unknown", fields=PAGE).status == 404


def test_a_text_in_the_table_is_a_heading(site: Make) -> None:
    """A text is a page with the text as its heading, as in URLS."""
    response = site({"/": missing}, errors={404: "Nothing <here>"}).get("/", fields=PAGE)
    assert response.status == 404
    assert "<h1>Nothing &lt;here&gt;</h1>" in response.text


def test_a_response_of_another_status_keeps_it(site: Make) -> None:
    """Only a response without a status of its own gets that of the error: a redirect stays one."""

    def locked() -> str:
        raise Unauthorized(headers={"www-authenticate": "Basic"})

    client = site({"/": locked}, errors={401: redirect("/login")})
    for _ in range(2):
        response = client.get("/", fields=PAGE)
        assert (response.status, response.headers["location"]) == (303, "/login")
        assert response.headers["www-authenticate"] == "Basic"


def test_the_header_fields_of_an_error_are_not_sent_twice(site: Make) -> None:
    """A field that the app's own response sets is not overwritten."""
    response = site({"/": busy}, errors={503: lambda: ("wait", 503, {"retry-after": "60"})}).get("/", fields=PAGE)
    assert response.headers["retry-after"] == "60"


def test_405_keeps_allow_with_the_app_s_own_page(site: Make) -> None:
    """Allow is in the response, whichever page it has."""
    response = site({"/": nothing}, errors={405: nothing}).send("DELETE", "/", fields=PAGE)
    assert (response.status, response.headers["allow"], response.text) == (
        405,
        "GET, HEAD, OPTIONS",
        "<h1>own page</h1>",
    )


@pytest.mark.parametrize("view", [nothing, of_error, "text", "e.html", Response("x")])
def test_a_client_that_prefers_json_gets_json(site: Make, view: Any) -> None:
    """An HTML page is not sent to a client that prefers JSON."""
    response = site({"/": missing}, errors={404: view}, pages={"e.html": "x"}).get("/")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json["detail"] == "no such cat"


def test_an_error_view_with_the_request_serves_all_clients(site: Make) -> None:
    """A view that takes the request is called whatever media type the client prefers."""
    assert site({"/missing": missing}, errors={404: of_both}).get("/missing").text == "own /missing no such cat"


def failing_page() -> str:
    raise ZeroDivisionError


def raising_page() -> str:
    raise NotFound("again")


def wrong_page() -> int:
    return 5


@pytest.mark.parametrize("view", [failing_page, raising_page, wrong_page, render("e.html")])
def test_an_error_in_an_error_page_is_logged_once(site: Make, caplog: pytest.LogCaptureFixture, view: Any) -> None:
    """The built-in page of the first error is sent instead, and the second error is logged, once."""
    response = site({"/": missing}, errors={404: view, 500: view}, pages={"e.html": "{{ x }}"}).get("/", fields=PAGE)
    assert response.status == 404
    assert "no such cat" in response.text
    (record,) = caplog.records
    assert "the handler for error 404 failed" in record.getMessage()


def test_500_may_have_a_page(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The handler for 500 is called like any other, without the exception."""
    response = site({"/": broken}, errors={500: of_error}).get("/", fields=PAGE)
    assert (response.status, response.text) == (500, "own 500 ")


def test_a_folder_of_error_pages_needs_no_table(site: Make) -> None:
    """templates/error/error404.html is the page of every 404, those of unknown URLs included."""
    client = site({"/": missing}, pages={"error/error404.html": "<h1>gone fishing</h1>{{ detail }}"})
    assert client.get("/", fields=PAGE).text == "<h1>gone fishing</h1>no such cat"
    assert client.get("/unknown", fields=PAGE).text == "<h1>gone fishing</h1>"


class Strange(HTTPError):
    """An error that calls no super().__init__."""

    status = 418

    def __init__(self) -> None:
        pass


class Odd(HTTPError):
    status = [404]  # type: ignore[assignment]  # noqa: RUF012 - as wrong as can be


@pytest.mark.parametrize("error", [Strange, Odd])
@pytest.mark.parametrize("errors", [None, {418: nothing, 500: nothing}])
def test_malformed_errors_become_responses(site: Make, error: Any, errors: Any) -> None:
    """An error class of the app may be malformed: the client still gets a response."""

    def raising() -> str:
        raise error

    assert site({"/": raising}, errors=errors).get("/", fields=PAGE).status in (418, 500)


def test_a_view_may_raise_422_itself(site: Make) -> None:
    """Its invalid fields are listed like those of binding; without any it is an error like others."""

    def refuse() -> str:
        raise UnprocessableContent("the dates overlap")

    assert site({"/": refuse}).get("/").json["detail"] == "the dates overlap"


def in_a_helper() -> None:
    raise Conflict("taken")


def through_a_helper() -> str:
    in_a_helper()
    return ""


def test_an_error_may_be_raised_by_a_helper(site: Make) -> None:
    """An HTTP error may be raised by any function that the view calls."""
    assert site({"/": through_a_helper}).get("/").status == 409


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({200: nothing}, "errors[200]: there is no such error"),
        ({"404": nothing}, "errors['404']: there is no such error"),
        ({NotFound: nothing}, "errors[NotFound]: it stands for a status"),
        ({True: nothing}, "errors[True]: there is no such error"),
        ({404: 5}, "errors[404] is a int, which is no response"),
        ({404: Response}, "errors[404] is a type, which is no response"),
        ({404: None}, "errors[404] is a NoneType"),
        ({404: broken_async}, "errors[404]: tests.app.test_error_handlers.broken_async is async"),
        ({404: lambda error, slug: ""}, "takes other parameters"),
        ({404: lambda error, /: ""}, "takes other parameters"),
        ({404: min}, "takes other parameters"),
        ({404: "<h1>Sorry</h1>"}, "errors[404] is HTML source (<h1>Sorry</h1>"),
        ({404: "missing.html"}, 'errors[404] names the template "missing.html", which does not exist'),
        ([nothing], "errors is a list"),
    ],
)
def test_a_mistake_in_the_table_is_found_before_the_port_opens(mistakes: Make, errors: Any, message: str) -> None:
    """Keys that are not errors, values that are not responses, views with other parameters."""
    (mistake,) = mistakes({"/": nothing}, errors=errors)
    assert message in mistake.message
    assert mistake.hint


def test_an_error_view_that_returns_nothing_gets_the_builtin_page(
    site: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A forgotten `return` in the view of an error is logged; the error keeps its status and a page."""

    def gone() -> None:
        pass

    made = site({}, errors={404: gone})
    assert made.get("/nowhere", fields={"accept": "text/html"}).status == 404
    assert "gone returned None; did you forget `return`?" in caplog.text
