"""Every error becomes a response: the app's own page, or the built-in one."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import errors
from fanlight.errors import (
    BadField,
    HTTPError,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
    UnprocessableContent,
)
from fanlight.message.media_types import HTML
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.builtin_pages import plain_error_page
from fanlight.pages.pages import Pages

Write = Callable[[Mapping[str, str]], Path]
Site = Callable[[Mapping[str, str]], Pages]
Ask = Callable[..., Request]

LATIN = st.text(st.characters(max_codepoint=255), max_size=20)
HTTP_ERRORS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, HTTPError)]


def text_of(response: Response) -> str:
    """Return the content of a response as text."""
    assert isinstance(response.content, bytes)
    return response.content.decode()


def make(kind: type[HTTPError]) -> HTTPError:
    """Return an error of a kind, with a detail; one kind has its own."""
    return MethodNotAllowed("a detail", allow=["GET"]) if issubclass(kind, MethodNotAllowed) else kind("a detail")


@pytest.mark.parametrize("kind", HTTP_ERRORS)
def test_every_error_has_a_page_built_in(kind: type[HTTPError]) -> None:
    """Without templates, each error is an HTML page with its status and its detail."""
    error = make(kind)
    response = Pages(None).error(error)
    assert (response.status, response.media_type) == (kind.status, HTML)
    assert error.detail
    assert f"<p>{error.detail}</p>" in text_of(response)


def test_a_500_shows_the_id_of_its_request(ask: Ask) -> None:
    """The page of a 500, with a detail or without, asks to mention the id of the request."""
    request = ask("/", {"x-request-id": "abc-1"})
    for error in (InternalServerError(), InternalServerError("no luck")):
        page = text_of(Pages(None).error(error, request))
        assert "Mention this number if you report it:<br><code>abc-1</code>" in page


@pytest.mark.parametrize("given", ["<b>", "a b", "x" * 129, "é", ""])
def test_a_500_shows_a_generated_id_instead_of_a_malformed_one(ask: Ask, given: str) -> None:
    """What the client calls its request is on the page only if it is well-formed; else the id is the one generated."""
    request = ask("/", {"x-request-id": given})
    page = text_of(Pages(None).error(InternalServerError(), request))
    assert f"<code>{request.id}</code>" in page
    assert not given or f">{given}<" not in page


@pytest.mark.parametrize("kind", [each for each in HTTP_ERRORS if each.status != 500])
def test_no_other_error_shows_an_id(ask: Ask, kind: type[HTTPError]) -> None:
    """No other error has the id on its page or in its problem details, nor is one generated for it."""
    for fields in ({}, {"accept": "application/json"}):
        request = ask("/", fields)
        assert re.findall("<code>|request_id", text_of(Pages(None).error(make(kind), request))) == []
        assert not hasattr(request, "identity")


def test_a_500_without_a_request_has_no_id() -> None:
    """Where no request is known, the page is the plain one."""
    assert text_of(Pages(None).error(InternalServerError())) == plain_error_page(500).decode()


def test_an_error_without_a_detail_is_explained() -> None:
    """The built-in page has a sentence for an error without a detail."""
    assert "There is nothing at this address." in text_of(Pages(None).error(NotFound()))


def test_the_bad_fields_are_shown() -> None:
    """The page for 422 lists what is wrong with every field."""
    error = UnprocessableContent(
        fields=[
            BadField(source="query", name="page", message="must be a number"),
            BadField(source="form", name="q", message="missing"),
        ]
    )
    page = text_of(Pages(None).error(error))
    assert "<dt>page</dt><dd>must be a number</dd>" in page
    assert "<dt>q</dt><dd>missing</dd>" in page


def test_the_users_own_page_is_shown(site: Site, ask: Ask) -> None:
    """`error/error404.html` is the page for 404, and gets the whole error."""
    pages = site(
        {
            "base.html": "<{% block b %}{% endblock %}>",
            "error/error404.html": '{% extends "base.html" %}{% block b %}'
            "{{ status }} {{ reason }} {{ detail }} {{ error.status }} {{ request.path }}{% endblock %}",
        }
    )
    response = pages.error(NotFound("no post"), ask("/blog"))
    assert (response.status, response.media_type) == (404, HTML)
    assert text_of(response) == "<404 Not Found no post 404 /blog>"


def test_only_the_page_of_that_status_is_shown(site: Site) -> None:
    """A page for 404 is no page for 405, and none elsewhere than in `error/` is."""
    pages = site({"error/error404.html": "mine", "error405.html": "mine", "error/405.html": "mine"})
    assert "405" in text_of(pages.error(MethodNotAllowed(allow=["GET"])))


def test_the_users_own_page_works_without_a_request(site: Site) -> None:
    """An error page can be made where no request is known."""
    assert text_of(site({"error/error500.html": "{{ request }}"}).error(InternalServerError())) == "None"


@pytest.mark.parametrize(
    "template",
    [
        "\n{% if %}",
        "\n{{ nope }}",
        "\n{{ 1 / 0 }}",
        '\n{% include "nope.html" %}',
        '\n{% extends "error/error404.html" %}',
        "\n{{ raise_not_found() }}",
        "{% for a in b %}" * 30 + "{% endfor %}" * 30,
    ],
)
def test_a_broken_error_page_is_replaced_and_logged(
    write: Write, ask: Ask, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    """The error keeps its status and gets the built-in page; it is logged once, with the page's name."""

    def raise_not_found() -> None:
        raise NotFound("again")

    pages = Pages(write({"error/error404.html": template}), {"raise_not_found": raise_not_found})
    responses = [pages.error(NotFound("no post"), ask("/")) for _ in range(3)]
    assert {(each.status, text_of(each)) for each in responses} == {
        (404, text_of(Pages(None).error(NotFound("no post"))))
    }
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("fanlight.pages", logging.ERROR)
    assert record.getMessage().startswith(
        "the error page error/error404.html failed, the built-in one is sent instead: "
    )


def test_the_log_has_the_place_where_an_error_page_is_broken(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """The log line has file and line of the template, and the traceback below it."""
    site({"error/error500.html": "\n{{ nope }}"}).error(InternalServerError())
    assert "templates/error/error500.html:2: there is no `nope` here" in caplog.records[0].getMessage()
    assert caplog.records[0].exc_info is not None


def test_the_log_cannot_be_filled(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Error pages that fail in ever new ways are logged a limited number of times."""
    pages = site({"error/error404.html": "{{ [][error.detail] }}"})
    for number in range(500):
        pages.error(NotFound(f"detail {number}"))
    assert 0 < len(caplog.records) <= 64


def test_nothing_of_the_failure_is_shown(site: Site) -> None:
    """The built-in page in place of a broken one shows neither template, nor path, nor error."""
    pages = site({"error/error500.html": "{{ secret_name / 0 }}"})
    page = text_of(pages.error(InternalServerError()))
    assert page == text_of(Pages(None).error(InternalServerError()))
    assert "secret_name" not in page


def test_the_cause_of_an_error_is_not_shown() -> None:
    """What an error was raised from stays inside."""
    error = InternalServerError()
    error.__cause__ = LookupError("the password is 1234")
    assert "1234" not in text_of(Pages(None).error(error))


def test_the_headers_of_an_error_are_sent() -> None:
    """`Allow`, `Retry-After` and `WWW-Authenticate` reach the response."""
    pages = Pages(None)
    assert pages.error(MethodNotAllowed(allow=["GET", "HEAD"])).headers["allow"] == "GET, HEAD"
    assert pages.error(ServiceUnavailable(headers={"Retry-After": "30"})).headers["retry-after"] == "30"
    error = Unauthorized(headers={"WWW-Authenticate": 'Basic realm="x"'})
    assert pages.error(error).headers["www-authenticate"] == 'Basic realm="x"'


def test_the_headers_of_an_error_are_sent_with_the_users_own_page(site: Site, ask: Ask) -> None:
    """Whichever page is shown, and to a program too, `Allow` is there."""
    pages = site({"error/error405.html": "mine"})
    for fields in ({}, {"accept": "application/json"}):
        assert pages.error(MethodNotAllowed(allow=["GET"]), ask("/", fields)).headers["allow"] == "GET"


def test_an_error_cannot_say_what_its_content_is() -> None:
    """Content type and length are set with the content, and can't be overridden."""
    error = NotFound(headers={"Content-Type": "image/png", "content-length": "3"})
    assert Pages(None).error(error).headers.pairs() == [("content-type", HTML), ("vary", "accept")]


def test_a_cache_keeps_html_and_json_apart(ask: Ask) -> None:
    """Every error varies by `Accept`, beside what else it varies by."""
    error = NotFound(headers={"vary": "cookie"})
    for fields in ({}, {"accept": "application/json"}):
        assert sorted(Pages(None).error(error, ask("/", fields)).headers.get_all("vary")) == ["accept", "cookie"]


def test_a_header_that_cannot_be_sent_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A line end in a header begins no other header: the header is left out, and that is logged."""
    error = NotFound(headers={"x-name": "a\r\nset-cookie: evil=1", "bad name": "b", "x-good": "c"})
    response = Pages(None).error(error)
    assert [name for name, _ in response.headers.pairs()] == ["content-type", "vary", "x-good"]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("status", [200, 302, 399, 600, 0, -1, "404", None])
def test_a_status_that_is_no_error_becomes_500(caplog: pytest.LogCaptureFixture, status: object) -> None:
    """An error of the app's with an invalid status is sent as 500, and that is logged."""
    kind = type("Odd", (HTTPError,), {"status": status})
    assert Pages(None).error(kind("a detail")).status == 500
    assert "Odd should have a status from 400 to 599" in caplog.text


def test_an_error_of_the_users_own_becomes_a_response() -> None:
    """A class of the user's with a status of its own needs nothing more."""

    class Teapot(HTTPError):
        status = 418

    response = Pages(None).error(Teapot())
    assert (response.status, "I&#x27;m a Teapot" in text_of(response)) == (418, True)


def test_an_error_without_its_parts_becomes_a_response(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the app's that calls no `super().__init__` keeps its status, and that is logged."""

    class Payment(HTTPError):
        status = 402

        def __init__(self) -> None:
            pass

    assert Pages(None).error(Payment()).status == 402
    assert "Payment should have" in caplog.text


@pytest.mark.parametrize(
    ("part", "value"), [("headers", None), ("headers", [("a", "b")]), ("detail", None), ("detail", 7)]
)
def test_an_error_with_parts_of_another_kind_becomes_a_response(
    caplog: pytest.LogCaptureFixture, part: str, value: object
) -> None:
    """Headers that are no mapping, and a detail that is no string, are left out, and that is logged."""
    error = NotFound("a detail", headers={"x-name": "kept"})
    setattr(error, part, value)
    response = Pages(None).error(error)
    assert (response.status, "x-name" in response.headers, "a detail" in text_of(response)) == (
        404,
        part != "headers",
        part != "detail",
    )
    assert "NotFound should have" in caplog.text


@pytest.mark.parametrize("fields", [{}, {"accept": "application/json"}])
def test_half_a_surrogate_pair_can_be_shown(site: Site, ask: Ask, fields: Mapping[str, str]) -> None:
    """A detail that no UTF-8 can hold is sent with a question mark, by a template of the user's too."""
    own = site({"error/error404.html": "{{ detail }}"})
    for pages in (Pages(None), own):
        assert "?!" in text_of(pages.error(NotFound("\ud800!"), ask("/", fields)))


def test_errors_of_one_app_do_not_share_their_response() -> None:
    """Every error gets a response of its own, which middleware may change."""
    pages = Pages(None)
    first = pages.error(NotFound())
    first.headers["x-first"] = "1"
    assert "x-first" not in pages.error(NotFound()).headers


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.integers(300, 700),
    text=st.text(st.characters(codec=None), max_size=20),
    headers=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    accept=LATIN | st.from_regex(r"(application/json|\*/\*|;q=|,|0\.5)*"),
    target=LATIN,
)
def test_no_error_whatever_raises(
    ask: Ask, status: int, text: str, headers: dict[str, str], accept: str, target: str
) -> None:
    """Whatever an error and a request hold, there is a response with an error status and valid headers."""
    error = UnprocessableContent(text, fields=[BadField(source=text, name=text, message=text)])
    error.status, error.headers = status, headers
    response = Pages(None).error(error, ask(target, {"accept": accept}))
    assert 400 <= response.status <= 599
    assert text_of(response)
    assert not [value for _, value in response.fields() if {"\r", "\n", "\0"} & set(value)]
