"""A view that renders its form again with its errors."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta

from fanlight.binding.markers import Cookie, Header
from fanlight.errors import Mistake
from fanlight.message.form import FormErrors
from fanlight.message.handler import Lane
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.upload import Upload
from fanlight.pages.page import render
from fanlight.testing import Client, LiveServer

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
PAGE = (
    '<form><input name=name value="{{ errors.posted.get("name") }}">{{ errors.name }}'
    '<input name=age value="{{ errors.posted.get("age") }}">{{ errors["age"] }}</form>'
)
Name = Annotated[str, Meta(min_length=1, max_length=9)]


def join(request: Request, errors: FormErrors, name: Name, age: int, news: bool = False) -> object:
    if errors or request.method == "GET":
        return render("join.html", errors=errors)
    return f"{name} {age} {news}"


async def join_async(request: Request, errors: FormErrors, name: Name, age: int, news: bool = False) -> object:
    return join(request, errors, name, age, news)


@pytest.mark.parametrize("view", [join, join_async])
@pytest.mark.parametrize("sent", ["form", "parts"])
def test_an_invalid_form_is_redisplayed(site: Make, view: object, sent: str) -> None:
    """The view is called with the errors and the posted values, escaped in the page; the status is 422."""
    client = site({"GET|POST /": view}, pages={"join.html": PAGE})
    values = {"name": '<"&>', "age": "x"}
    body: Any = values if sent == "form" else [(name, None, value) for name, value in values.items()]
    response = client.post("/", **{sent: body})
    assert response.status == 422
    assert 'name=name value="&lt;&#34;&amp;&gt;"><input' in response.text
    assert 'name=age value="x">&#39;x&#39; is not an integer</form>' in response.text


@pytest.mark.parametrize("view", [join, join_async])
def test_a_valid_form_has_no_errors(site: Make, view: object) -> None:
    """The errors are empty, and the status is that of the view."""
    client = site({"GET|POST /": view}, pages={"join.html": PAGE})
    response = client.post("/", form={"name": "Ada", "age": "3", "news": "on"})
    assert (response.status, response.text) == (200, "Ada 3 True")


@pytest.mark.parametrize("target", ["/", "/?name=Ada", "/?age=x&other=1"])
def test_a_get_beside_a_post_shows_the_form(site: Make, target: str) -> None:
    """A GET has sent nothing yet, so nothing is wrong; a query may prefill fields."""
    response = site({"GET|POST /": join}, pages={"join.html": PAGE}).get(target)
    assert response.status == 200
    assert "is missing" not in response.text
    assert ('value="Ada"' in response.text) == ("Ada" in target)


def kept(errors: FormErrors, name: str, age: int, size: int = 5, note: str | None = None) -> object:
    return {"args": [name, age, size, note], "errors": errors, "posted": dict(errors.posted.items())}


def test_invalid_fields_are_their_default_or_none(site: Make) -> None:
    """Valid fields keep their values beside invalid ones."""
    response = site({"POST /": kept}).post("/", form={"name": "Ada", "age": "x", "size": "y", "note": "n"})
    assert response.status == 422
    assert response.json == {
        "args": ["Ada", None, 5, "n"],
        "errors": {"age": "'x' is not an integer", "size": "'y' is not an integer"},
        "posted": {"name": "Ada", "age": "x", "size": "y", "note": "n"},
    }


def test_a_query_has_errors_too(site: Make) -> None:
    """A form that is sent as a query is redisplayed; without any of its fields it is shown for the first time."""
    client = site({"/": kept})
    assert client.get("/?name=A&age=x").json["errors"] == {"age": "'x' is not an integer"}
    assert client.get("/?name=A").status == 422
    for target in ("/", "/?utm_source=x"):
        response = client.get(target)
        assert (response.status, response.json["errors"], response.json["args"]) == (200, {}, [None, None, 5, None])


@dataclass
class Span:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is over high")


def span(errors: FormErrors, span: Span, dry: bool = False) -> object:
    return {"errors": errors, "span": span, "dry": dry}


def span_or(errors: FormErrors, span: Span = Span(1, 2)) -> object:  # noqa: B008 - it is never changed
    return {"errors": errors, "span": span}


def test_an_invalid_whole_form_is_none(site: Make) -> None:
    """The errors are those of its fields; an error of several of them has the name ""."""
    client = site({"POST /": span, "/": span, "POST /or": span_or, "/or": span_or})
    assert client.post("/", form={"low": "x"}).json == {
        "errors": {"low": "'x' is not an integer", "high": "is missing"},
        "span": None,
        "dry": False,
    }
    assert client.post("/", form={"low": 3, "high": 2}).json["errors"] == {"": "low is over high"}
    assert client.get("/?low=3&high=x").json["errors"] == {"high": "'x' is not an integer"}
    assert client.post("/or", form={"low": "x"}).json["span"] == {"low": 1, "high": 2}
    assert client.get("/or?low=x").json["span"] == {"low": 1, "high": 2}


def photo(errors: FormErrors, photo: Upload, title: str) -> object:
    return {"errors": errors, "has": photo is not None, "title": title}


def test_a_missing_file_is_an_error_of_the_form(site: Make) -> None:
    """A file field that was left empty has its error."""
    response = site({"POST /": photo}).post("/", parts=[("title", None, "T"), ("photo", "", "")])
    assert response.json == {"errors": {"photo": "is missing"}, "has": False, "title": "T"}


def listed(errors: FormErrors, numbers: list[int]) -> object:
    return {"errors": errors, "posted": errors.posted.get_all("numbers"), "numbers": numbers}


def test_a_field_has_one_message(site: Make) -> None:
    """The first one stays."""
    response = site({"POST /": listed}).post("/", form={"numbers": ["1", "x", "y"]})
    assert response.json == {"errors": {"numbers": "'x' is not an integer"}, "posted": ["1", "x", "y"], "numbers": None}


def own(errors: FormErrors, name: str) -> object:
    if name == "Bob":
        errors["name"] = "is taken"
    return dict(errors)


def test_a_view_may_add_errors_of_its_own(site: Make) -> None:
    """An error that only the view can find makes a 422 as well."""
    client = site({"POST /": own})
    assert (client.post("/", form={"name": "Bob"}).status, client.post("/", form={"name": "Ada"}).status) == (422, 200)


def made(errors: FormErrors, name: str, how: str = "") -> object:
    results: dict[str, Any] = {
        "tuple": ("x", 200),
        "none": None,
        "teapot": Response("x", 418),
        "response": Response("x"),
        "bytes": b"x",
        "stream": iter(["x"]),
    }
    return results[how]


@pytest.mark.parametrize(
    ("how", "status"),
    [("tuple", 200), ("none", 204), ("teapot", 418), ("response", 422), ("bytes", 422), ("stream", 422)],
)
def test_the_status_of_the_view_is_kept(site: Make, how: str, status: int) -> None:
    """The 422 is only for a response without another status."""
    assert site({"POST /": made}).post("/", form={"how": how}).status == status


def test_bad_json_cookies_and_headers_are_rejected(site: Make) -> None:
    """No form can correct them, so they are listed in a 422."""
    client = site({"POST /": kept, "POST /c": cookied})
    assert client.post("/", json={"name": "A"}).bad == [("json", "age", "is missing")]
    assert client.post("/", json={"name": "A", "age": 1}).json["errors"] == {}
    bad = [
        ("cookie", "theme", "'x' is not an integer"),
        ("header", "x-key", "is missing"),
        ("form", "name", "is missing"),
    ]
    assert sorted(client.post("/c", fields={"cookie": "theme=x"}).bad) == sorted(bad)


def cookied(errors: FormErrors, name: str, x_key: Header[str], theme: Cookie[int] = 1) -> str:
    return f"{name} {theme} {x_key}"


@lane("thread")
def pinned(errors: FormErrors, name: str) -> str:
    return name


def test_a_view_with_errors_keeps_its_lane(site: Make) -> None:
    """Its decorators still apply."""
    call = site({"POST /": pinned}).call("POST", "/")
    assert (call.lane, call.is_pinned) == (Lane.THREAD, True)


def twice(errors: FormErrors, more: FormErrors) -> str:
    return ""


def pathed(errors: FormErrors) -> str:
    return ""


def test_misplaced_form_errors_are_refused(mistakes: Find) -> None:
    """A view takes them once, and not as a part of the path."""
    assert "takes the errors of a form twice" in mistakes({"POST /": twice})[0].message
    assert '"errors" is the errors of a form in' in mistakes({"/{errors}": pathed})[0].message


def test_a_name_without_an_error_has_an_empty_message() -> None:
    """A template may look up the message of any field."""
    errors = FormErrors({"a": "is missing"})
    assert (errors["a"], errors["b"], "b" in errors, bool(FormErrors()), FormErrors().posted.get("x")) == (
        *("is missing", "", False, False),
        "",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.dictionaries(st.sampled_from(["name", "age", "size", "note", "x"]), st.text(max_size=8), max_size=5))
def test_any_form_has_a_response(site: Make, sent: dict[str, str]) -> None:
    """Every form is 200 with all fields, or 422 with errors; fields in neither have their default."""
    response = site({"POST /": kept}).post("/", form=sent)
    errors, (name, age, size, _) = response.json["errors"], response.json["args"]
    assert response.status == (422 if errors else 200)
    assert (name is None) == ("name" in errors)
    assert (age is None) == ("age" in errors)
    assert size == 5 if "size" in errors or not sent.get("size") else isinstance(size, int)


def test_curl_sees_the_form_again(site: Make) -> None:
    """Through a socket: the response to an invalid multipart form is its page, with 422 and HTML."""
    app = site({"GET|POST /": join}, pages={"join.html": PAGE}).app
    with LiveServer(app) as server:
        out = subprocess.run(
            ["curl", "-si", "-F", "name=Ada", "-F", "age=old", server.url], capture_output=True, text=True, check=True
        ).stdout
    assert out.startswith("HTTP/1.1 422 ")
    assert re.search(r"(?i)content-type: text/html", out)
    assert 'value="Ada"' in out
    assert "&#39;old&#39; is not an integer" in out


def test_the_test_client_sees_the_form_again(site: Make) -> None:
    """It posts a form like a browser."""
    with Client(site({"GET|POST /": join}, pages={"join.html": PAGE}).app) as client:
        assert client.post("/", form={"name": "", "age": "1"}).status == 422
