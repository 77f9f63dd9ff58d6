"""A table whose errors are JSON: problem details for every client that does not name HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import limits, table
from fanlight.app.application import Application
from fanlight.errors import Forbidden, HTTPError, NotFound
from fanlight.message.accept import names
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.message.with_middleware import middleware
from fanlight.pages.problem_details import PROBLEM
from fanlight.pages.static.static import Static
from fanlight.settings.limits import Limits
from fanlight.testing import Client

Make = Callable[..., Any]
ANY = {"accept": "*/*"}
CHROME = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def cats(request: Request) -> str:
    raise NotFound(f"no cat at {request.path}")


def broken() -> str:
    raise KeyError("hunter2")


def count(number: int) -> str:
    return str(number)


def save(name: str, age: int) -> str:
    return f"{name} {age}"


def take(request: Request) -> dict[str, Any]:
    return {"taken": request.json}


@limits(text_bytes=10)
def short(request: Request) -> str:
    return str(len(request.form))


def guard(request: Request) -> Iterator[None]:
    if "key" not in request.cookies:
        raise Forbidden("no key")
    yield


API = {
    "/": "The interface",
    "/cats": cats,
    "/broken": broken,
    "/count/{number}": count,
    "POST /save": save,
    "POST /take": take,
    "POST /short": short,
    "/files": Static("files"),
    "/slash/": "with a slash",
    "/inner": {"/cats": cats},
    "/guarded": middleware(guard)({"/": "inside"}),
}
URLS = {"/": "Home", "/api": table(API, json_errors=True), "/apis": "Another", "/cats": cats, "/broken": broken}


@pytest.fixture
def client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Client]:
    del caplog  # exceptions are logged
    (tmp_path / "files").mkdir()
    with Client(Application(URLS, folder=tmp_path), limits=Limits(content_bytes=4096)) as made:
        yield made


ERRORS: list[tuple[int, str, str, dict[str, Any]]] = [
    (404, "GET", "/api/cats", {}),
    (404, "GET", "/api/inner/cats", {}),
    (404, "GET", "/api/nowhere", {}),
    (404, "GET", "/api/nowhere/at/all", {}),
    (404, "GET", "/api//cats", {}),
    (404, "GET", "/api/inner/nowhere", {}),
    (404, "GET", "/%61pi/nowhere", {}),
    (404, "GET", "/api/../nowhere", {}),
    (404, "GET", "/api/files/none.txt", {}),
    (404, "GET", "/api/count/many", {}),
    (400, "GET", "/api/%ff", {}),
    (405, "POST", "/api/cats", {}),
    (405, "DELETE", "/api", {}),
    (501, "BREW", "/api/cats", {}),
    (413, "POST", "/api/take", {"content": b"x" * 5000, "headers": {"content-type": "text/plain"}}),
    (413, "POST", "/api/short", {"form": {"text": "x" * 50}}),
    (415, "POST", "/api/take", {"content": b"x", "headers": {"content-type": "text/plain"}}),
    (415, "POST", "/api/take", {"content": b"x", "headers": {"content-encoding": "gzip"}}),
    (422, "POST", "/api/save", {"form": {"name": "Tom", "age": "old"}}),
    (403, "GET", "/api/guarded", {}),
    (500, "GET", "/api/broken", {}),
]


@pytest.mark.parametrize(("status", "method", "path", "options"), ERRORS, ids=[f"{e[0]} {e[2]}" for e in ERRORS])
def test_every_error_below_the_table_is_json(
    client: Client, status: int, method: str, path: str, options: dict[str, Any]
) -> None:
    """Whatever the client accepts, unless it names HTML: then it gets the page."""
    given = options.pop("headers", {})
    for accept in ({}, ANY, {"accept": "image/png"}, {"accept": "text/*"}):
        response = client.request(method, path, headers=given | accept, **options)
        assert (response.status, response.headers["content-type"]) == (status, PROBLEM)
        assert response.json()["status"] == status
        assert response.headers["vary"].split(", ")[0] == "accept"
        assert "hunter2" not in response.text
    page = client.request(method, path, headers=given | CHROME, **options)
    assert (page.status, page.headers["content-type"]) == (status, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/cats", "/broken", "/nowhere", "/apis/x", "/ap", "/cats/api/x"])
def test_other_parts_of_the_site_are_as_ever(client: Client, path: str) -> None:
    """Outside the table a client that accepts anything gets a page."""
    assert client.get(path, headers=ANY).headers["content-type"] == "text/html; charset=utf-8"
    assert client.get(path, headers={"accept": "application/json"}).headers["content-type"] == PROBLEM


def test_what_is_no_error_is_untouched(client: Client) -> None:
    """Pages, redirects of slashes, and OPTIONS."""
    assert "<h1>The interface</h1>" in client.get("/api").text
    assert client.get("/api/slash").headers["location"] == "/api/slash/"
    assert client.get("/api/cats/").headers["location"] == "/api/cats"
    assert client.options("/api/cats").headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.head("/api/nowhere").headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("text/html", False),
        ("Text/HTML;q=0.1", False),
        ("text/html, */*", False),
        ("application/json, text/html", False),
        ("text/html;q=0.5, application/json", True),
        ("text/html;q=0.5, */*", True),
        ("text/html;q=0", True),
        ("text/html;q=0, */*", True),
        ("text/htmlx", True),
        ("application/xhtml+xml", True),
        ("text/plain; x=text/html", True),
        ("", True),
    ],
)
def test_html_is_for_clients_that_name_it(site: Make, accept: str, *, is_json: bool) -> None:
    """By "text/html" itself, with a weight that is not below that of JSON."""
    response = site({"/api": table({"/": cats}, json_errors=True)}).get("/api", fields={"accept": accept})
    assert (response.headers["content-type"] == PROBLEM) == is_json


@pytest.mark.parametrize("urls", [table(API, json_errors=True), table(table(API, name="api"), json_errors=True)])
def test_the_whole_site_may_be_such_a_table(site: Make, urls: Any, tmp_path: Path) -> None:
    """Then every error of it is JSON, wherever no route is, and every address is as it is written."""
    (tmp_path / "files").mkdir()
    client = site(urls)
    assert "<h1>The interface</h1>" in client.get("/").text
    for status, method, path in (
        (404, "GET", "/cats"),
        (404, "GET", "/nowhere/at/all"),
        (405, "POST", "/cats"),
        (400, "GET", "/%ff"),
        (501, "BREW", "/"),
        (500, "GET", "/broken"),
    ):
        response = client.send(method, path, fields=ANY)
        assert (response.status, response.headers["content-type"]) == (status, PROBLEM)
    assert client.get("/nowhere", fields=CHROME).headers["content-type"] == "text/html; charset=utf-8"


def test_a_named_type_is_no_substring_of_another() -> None:
    """`names` compares whole types, in any case, and leaves out what has no weight."""
    assert names("a/b, TEXT/HTML ;q=0.3", "text/html")
    assert not names("text/html2, x/y;text/html", "text/html")
    assert not names("text/html;q=0", "text/html")


def chosen(request: Request, error: HTTPError) -> str:
    return f"own {error.status} {request.path}"


def own_fields(error: HTTPError) -> Response:
    return Response(f"own {error.status}", headers={"x-own": "1"})


@pytest.mark.parametrize("page", ["a text", redirect("/login"), chosen, own_fields, "page.html"])
def test_the_error_pages_of_the_site_are_for_html(site: Make, page: Any) -> None:
    """An entry in `errors` is the page of clients that name HTML; the table's JSON goes before it for all others."""
    urls = {"/api": table({"/cats": cats}, json_errors=True), "/cats": cats}
    client = site(urls, errors={404: page}, pages={"page.html": "own {{ status }}"})
    for path in ("/api/cats", "/api/nowhere"):
        assert client.get(path, fields=ANY).json["status"] == 404
        assert client.get(path, fields=CHROME).text == client.get("/cats", fields=CHROME).text.replace("/cats", path)


@pytest.mark.parametrize("is_async", [False, True])
def test_errors_of_the_middleware_of_the_app_are_json_too(site: Make, *, is_async: bool) -> None:
    """The app's middleware raises into the part of the site that the request is for."""

    def sync_guard(request: Request) -> Iterator[None]:
        yield from guard(request)

    async def async_guard(request: Request) -> Any:
        if "key" not in request.cookies:
            raise Forbidden("no key")
        yield

    client = site(
        {"/api": table({"/": "x"}, json_errors=True), "/": "x"}, middleware=(async_guard if is_async else sync_guard,)
    )
    for path in ("/api", "/api/nowhere"):
        assert client.get(path, fields=ANY).json["detail"] == "no key"
    assert client.get("/", fields=ANY).text.startswith("<!doctype html>")


def test_a_parameter_in_the_address_of_the_table_matches_as_in_a_route(site: Make) -> None:
    """Its type and the text beside it decide, and a table at "/" is the whole site."""
    client = site({"/v{version:int}": {"/api/": table({"/cats": "cats"}, json_errors=True)}, "/": "home"})
    for path, is_json in (("/v2/api/x", True), ("/v2/api", True), ("/vx/api/x", False), ("/v2/x", False)):
        response = client.get(path, fields=ANY)
        assert (response.status, response.headers["content-type"] == PROBLEM) == (404, is_json)
    whole = site({"/": table({"/cats": cats}, json_errors=True)})
    assert whole.get("/nowhere", fields=ANY).headers["content-type"] == PROBLEM


def test_settings_of_a_table_go_with_its_middleware(site: Make) -> None:
    """`middleware(...)` and `table(...)` may be around each other in both orders."""
    inner = {"/": "inside"}
    for part in (middleware(guard)(table(inner, json_errors=True)), table(middleware(guard)(inner), json_errors=True)):
        assert site({"/api": part}).get("/api", fields=ANY).json["detail"] == "no key"


@pytest.mark.parametrize("value", [cats, "a text", None, Static("files")])
def test_only_a_dict_is_a_table(mistakes: Make, tmp_path: Path, value: Any) -> None:
    """A view or a text in `table(...)` is refused."""
    (tmp_path / "files").mkdir()
    (mistake,) = mistakes({"/x": table(value, json_errors=True)})
    assert 'table(...) at "/x" has a value of type' in mistake.message
    assert mistake.hint == "it takes a dict"
