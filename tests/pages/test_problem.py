"""A client that prefers JSON gets errors as JSON (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fanlight.errors import BadField, BadRequest, HTTPError, InternalServerError, NotFound, UnprocessableContent
from fanlight.message.media_types import HTML
from fanlight.message.request import Request
from fanlight.pages.pages import Pages
from fanlight.pages.problem_details import PROBLEM, problem, wants_problem

Write = Callable[[Mapping[str, str]], Path]
Ask = Callable[..., Request]

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        # a browser, curl, an image, someone who says nothing
        ({"accept": CHROME}, False),
        ({"accept": "*/*"}, False),
        ({}, False),
        ({"accept": ""}, False),
        ({"accept": "image/png"}, False),
        ({"accept": "text/*"}, False),
        # a program that says so
        ({"accept": "application/json"}, True),
        ({"accept": "application/problem+json"}, True),
        ({"accept": "Application/JSON; charset=utf-8"}, True),
        ({"accept": "application/json, text/plain, */*"}, True),
        ({"accept": "application/*+json, */*"}, True),
        ({"accept": "application/json, */*;q=0.1"}, True),
        ({"accept": "text/html;q=0.5, application/json"}, True),
        ({"accept": "text/html, application/json;q=0.9"}, False),
        ({"accept": "application/json, text/html"}, False),
        ({"accept": "application/json;q=0"}, False),
        # a program that has sent JSON, and doesn't mind
        ({"accept": "*/*", "content-type": "application/json"}, True),
        ({"content-type": "application/json; charset=utf-8"}, True),
        ({"content-type": "application/merge-patch+json"}, True),
        ({"accept": CHROME, "content-type": "application/json"}, False),
        ({"accept": "image/png", "content-type": "application/json"}, False),
        ({"accept": "*/*", "content-type": "application/x-www-form-urlencoded"}, False),
    ],
)
def test_a_client_that_wants_json_gets_it(ask: Ask, fields: Mapping[str, str], wanted: bool) -> None:
    """JSON is for whoever likes it better than HTML; among equals, for whoever names only JSON, or has sent some."""
    request = ask("/", fields)
    response = Pages(None).error(NotFound(), request)
    assert (wants_problem(request), response.media_type) == (wanted, PROBLEM if wanted else HTML)


def told(error: HTTPError, request: Request) -> Any:
    """Return the document that a program gets."""
    content = Pages(None).error(error, request).content
    assert isinstance(content, bytes)
    return json.loads(content)


def test_a_problem_has_the_members_of_the_rfc(ask: Ask) -> None:
    """Type, title, status, detail and instance are there, and nothing else."""
    assert told(NotFound("no such post"), ask("/blog/snow?token=secret", {"accept": "application/json"})) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such post",
        "instance": "/blog/snow",
    }


def test_a_problem_is_sent_as_what_it_is(ask: Ask) -> None:
    """The response has the media type of problem details, and the status of the error."""
    response = Pages(None).error(NotFound(), ask("/", {"accept": "application/json"}))
    assert (response.status, response.headers["content-type"]) == (404, "application/problem+json")
    assert dict(response.fields())["content-type"] == PROBLEM


def test_an_error_without_a_message_has_no_detail(ask: Ask) -> None:
    """A detail that would only repeat the title is left out."""
    assert "detail" not in told(InternalServerError(), ask("/", {"accept": "application/json"}))


def test_a_problem_lists_every_bad_field(ask: Ask) -> None:
    """For 422, every bad field is there with where it was looked for and what is wrong."""
    error = UnprocessableContent(
        "2 fields are wrong",
        fields=[
            BadField(source="query", name="page", message="'x' is not an integer"),
            BadField(source="json", name="name", message="is missing"),
        ],
    )
    assert told(error, ask("/", {"accept": "application/json"}))["errors"] == [
        {"in": "query", "name": "page", "detail": "'x' is not an integer"},
        {"in": "json", "name": "name", "detail": "is missing"},
    ]


def test_422_without_fields_lists_none(ask: Ask) -> None:
    """Where no field is named, there is no list."""
    assert "errors" not in told(UnprocessableContent("odd"), ask("/", {"accept": "application/json"}))


@pytest.mark.parametrize("target", ["//evil.example/x", "*", "example.org:443"])
def test_the_instance_is_always_a_path_of_this_site(ask: Ask, target: str) -> None:
    """A target that would be read as a URL of another host, or is no path, is no instance."""
    assert "instance" not in told(BadRequest(), ask(target, {"accept": "application/json"}))


def test_a_problem_is_json_whatever_the_text(ask: Ask) -> None:
    """Quotes, HTML and line ends in a detail stay text."""
    detail = '"}\r\n<script>\u2028\x00'
    assert told(NotFound(detail), ask("/", {"accept": "application/json"}))["detail"] == detail


def test_the_users_own_error_page_is_not_for_programs(write: Write, ask: Ask) -> None:
    """A program gets JSON also where there is a page for people."""
    pages = Pages(write({"error/error404.html": "mine"}))
    assert pages.error(NotFound(), ask("/", {"accept": "application/json"})).media_type == PROBLEM


def test_a_problem_can_be_made_without_a_request() -> None:
    """`problem` describes an error without a request."""
    assert problem(NotFound("x")) == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "x"}


def test_a_500_has_the_id_of_its_request(ask: Ask) -> None:
    """A program gets the id by which the logs have its request."""
    request = ask("/", {"accept": "application/json", "x-request-id": "abc-1"})
    response = Pages(None).error(InternalServerError(), request)
    assert isinstance(response.content, bytes)
    assert json.loads(response.content)["request_id"] == "abc-1"
