"""Methods: which requests a key's methods match, and `Allow` for the others."""

from __future__ import annotations

import pytest

from fanlight.routing.build import build
from fanlight.routing.route import NoMatch, NoMatchReason

TABLE = build(
    {
        "/": "index",
        "POST /": "create",
        "PUT|DELETE /x": "x",
        "GET /users/me": "me",
        "POST /users/{id}": "change",
        "HEAD /own": "own head",
        "/own": "own",
        "/only-get": "only",
        "HEAD /{any}": "any head",
        "OPTIONS /options": "options",
        "QUERY /q": "q",
        "REPORT /q": "r",
    }
)

FOUND = [
    ("GET", "/", "index"),
    ("HEAD", "/", "index"),
    ("POST", "/", "create"),
    ("PUT", "/x", "x"),
    ("DELETE", "/x", "x"),
    ("HEAD", "/own", "own head"),
    ("GET", "/own", "own"),
    ("HEAD", "/only-get", "only"),
    ("HEAD", "/other", "any head"),
    ("OPTIONS", "/options", "options"),
    ("QUERY", "/q", "q"),
    # The method narrows the choice first: nothing but the parameter's route takes a POST.
    ("POST", "/users/me", "change"),
    ("GET", "/users/me", "me"),
]


@pytest.mark.parametrize(("method", "path", "endpoint"), FOUND)
def test_a_method_finds_its_route(method: str, path: str, endpoint: str) -> None:
    """A key's methods decide, GET includes HEAD, and an explicit HEAD has precedence."""
    found = TABLE.find(method, path)
    assert not isinstance(found, NoMatch)
    assert found[0].endpoint == endpoint


ALLOWED = [
    ("PUT", "/", ("GET", "HEAD", "POST", "OPTIONS")),
    ("OPTIONS", "/", ("GET", "HEAD", "POST", "OPTIONS")),
    ("GET", "/x", ("HEAD", "PUT", "DELETE", "OPTIONS")),
    ("PUT", "/users/me", ("GET", "HEAD", "POST", "OPTIONS")),
    ("PUT", "/users/you", ("POST", "OPTIONS")),
    ("BREW", "/", ("GET", "HEAD", "POST", "OPTIONS")),
    ("get", "/", ("GET", "HEAD", "POST", "OPTIONS")),
    ("", "/", ("GET", "HEAD", "POST", "OPTIONS")),
    ("PUT", "/q", ("HEAD", "OPTIONS", "QUERY", "REPORT")),
]


@pytest.mark.parametrize(("method", "path", "allow"), ALLOWED)
def test_another_method_gets_the_allowed_ones(method: str, path: str, allow: tuple[str, ...]) -> None:
    """`Allow` names the methods of all patterns that match the path, HEAD and OPTIONS included, each once."""
    assert TABLE.find(method, path) == NoMatch(NoMatchReason.WRONG_METHOD, allow=allow)


def test_options_for_the_server_names_all_methods() -> None:
    """`OPTIONS *` gets every method of the site; `*` with another method is a bad path."""
    found = TABLE.find("OPTIONS", "*")
    assert found == NoMatch(
        NoMatchReason.WRONG_METHOD, allow=("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "QUERY", "REPORT")
    )
    assert TABLE.find("GET", "*") == NoMatch(NoMatchReason.BAD_PATH)


def test_what_does_not_begin_with_a_slash_is_no_parameter() -> None:
    """A parameter in the root matches the text behind the slash, and not `*`, nor a text without one."""
    table = build({"OPTIONS|GET /{any}": "any"})
    assert table.find("OPTIONS", "*") == NoMatch(NoMatchReason.WRONG_METHOD, allow=("GET", "HEAD", "OPTIONS"))
    assert table.find("GET", "any") == NoMatch(NoMatchReason.BAD_PATH)


def test_a_site_without_get_has_no_head() -> None:
    """HEAD comes with GET and not without it."""
    table = build({"POST /": "send"})
    assert table.find("HEAD", "/") == NoMatch(NoMatchReason.WRONG_METHOD, allow=("POST", "OPTIONS"))


def test_an_empty_site_finds_nothing() -> None:
    """A table without a key is allowed, and gives 404 for everything."""
    assert build({}).find("GET", "/") == NoMatch(NoMatchReason.NOT_FOUND)
