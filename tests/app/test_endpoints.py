"""The responses of the values of URLS."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from fanlight.errors import NoSuchURL
from fanlight.message.handler import Lane
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.page import render

Make = Callable[..., Any]
PAGE = {"accept": "text/html"}


def index() -> str:
    return "index"


async def waited() -> str:
    return "waited"


class View:
    def __call__(self) -> str:
        return "object"

    def method(self) -> str:
        return "method"


class AsyncView:
    async def __call__(self, n: int = 0) -> str:
        return f"async object {n}"


def add(a: int, b: int) -> str:
    return str(a + b)


async def add_async(a: int, b: int) -> str:
    return str(a + b)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (index, "index"),
        (waited, "waited"),
        (View(), "object"),
        (View().method, "method"),
        (AsyncView(), "async object 0"),
        (partial(add, 1), "3"),
        (partial(add, 1, b=5), "6"),
        (partial(partial(add_async, 1), b=5), "6"),
        (lambda: "lambda", "lambda"),
        ("a.html", "<p>/</p>"),
        (render("b.html", x=1), "1"),
        (Response("constant"), "constant"),
        (cache(index), "index"),
    ],
)
def test_a_value_becomes_a_response(site: Make, value: Any, said: str) -> None:
    """Whatever can be called is a view; a string, a page and a response are responses themselves."""
    pages = {"a.html": "<p>{{ request.path }}</p>", "b.html": "{{ x }}"}
    for method in ("GET", "HEAD"):
        assert site({"/": value}, pages=pages).ask(method, "/?b=2").text == said


def test_a_text_is_a_page_with_the_text_as_heading(site: Make) -> None:
    """`"/hello": "Hello World"` is a whole page, and the text is escaped."""
    asked = site({"/": "home", "/blog": "Hello <World>"})
    assert "<h1>home</h1>" in asked.get("/").text
    assert "<h1>Hello &lt;World&gt;</h1>" in asked.get("/blog").text
    assert asked.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_a_template_gets_the_parameters_of_the_path(site: Make) -> None:
    """A template in URLS needs no view to show the parameters of the path."""
    asked = site({"/{name}/{n:int}": "a.html"}, pages={"a.html": "{{ name }} {{ n + 1 }}"})
    assert asked.get("/%3Cb%3E/1").text == "&lt;b&gt; 2"


def test_a_template_that_fails_is_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A template in URLS that misses a name is logged with the route, like a view."""
    assert site({"/x": "a.html"}, pages={"a.html": "{{ nothing }}"}).get("/x").status == 500
    assert "GET /x (a.html) failed" in caplog.text


def test_a_redirect_may_stand_in_the_table(site: Make) -> None:
    """`"/old": redirect("/new")` needs no view."""
    answer = site({"/old": redirect("/new", permanent=True)}).get("/old")
    assert (answer.status, answer.headers["location"]) == (308, "/new")


def test_templates_know_the_urls_of_views(site: Make) -> None:
    """`url_for` takes a view's name and parameters, and gives a path that leads there."""
    urls = {"/": "a.html", "/n/{a}/{b}": add, "/wrong": "b.html"}
    pages = {"a.html": '{{ url_for("add", a=1, b=2) }}', "b.html": '{{ url_for("none") }}'}
    asked = site(urls, pages=pages)
    assert asked.get("/").text == "/n/1/2"
    assert asked.app.url_for(add, a=1, b=2) == "/n/1/2"
    assert asked.get("/wrong").status == 500
    with pytest.raises(NoSuchURL):
        asked.app.url_for(index)


@lane("thread")
def slow() -> str:
    return ""


@lane("inline")
def quick(q: str = "") -> str:
    return q


class PinnedView:
    @lane("thread")
    def __call__(self) -> str:
        return ""


def content(request: Request) -> bytes:
    return request.content


def field(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("value", "lane_", "is_pinned"),
    [
        (index, Lane.MEASURED, False),
        (waited, Lane.TASK, False),
        (partial(add_async, 1, 2), Lane.TASK, False),
        (AsyncView(), Lane.TASK, False),
        (slow, Lane.THREAD, True),
        (quick, Lane.INLINE, True),
        (partial(slow), Lane.THREAD, True),
        (partial(quick), Lane.INLINE, True),
        (PinnedView(), Lane.THREAD, True),
        ("text", Lane.INLINE, False),
        ("a.html", Lane.MEASURED, False),
        (redirect("/"), Lane.INLINE, False),
    ],
)
def test_each_value_has_its_lane(site: Make, value: Any, lane_: Lane, is_pinned: bool) -> None:
    """Async views are tasks, sync ones run in place unless they are pinned elsewhere."""
    call = site({"/": value}, pages={"a.html": ""}).call("GET", "/")
    assert (call.lane, call.is_pinned) == (lane_, is_pinned)


@pytest.mark.parametrize(
    ("key", "value", "reads"),
    [
        ("POST /", content, True),
        ("GET /", content, True),
        ("POST /", field, True),
        ("GET /", field, False),
        ("GET|POST /", field, True),
        ("POST /", index, False),
        ("POST /", waited, False),
        ("POST /", "text", False),
        ("POST /{name}", field, False),
    ],
)
def test_content_is_kept_only_for_views_that_look_at_it(site: Make, key: str, value: Any, reads: bool) -> None:
    """Fields of a body, or the request itself: else the content is thrown away as it comes."""
    call = site({key: value}).call(key.partition(" ")[0].partition("|")[0], "/x" if "{" in key else "/")
    assert call.reads_content is reads


def test_a_call_is_named_for_logs(site: Make) -> None:
    """The name of a call has method, pattern and view."""
    asked = site({"GET|POST /n/{a}/{b}": add, "/t": "text", "/h": "a.html"}, pages={"a.html": ""})
    assert asked.call("GET", "/n/1/2").name == "GET|POST /n/{a:int}/{b:int} (tests.app.test_endpoints.add)"
    assert [asked.call("GET", path).name for path in ("/t", "/h")] == ["GET /t", "GET /h (a.html)"]
    assert "tests.app.test_endpoints.add" in repr(asked.call("GET", "/n/1/2"))


def test_a_route_has_one_call(site: Make) -> None:
    """A call is the same object for all requests, also for those without a route."""
    asked = site({"/n/{a}/{b}": add, "/s/": index})
    for path in ("/n/1/2", "/unknown", "/s", "/%FF"):
        assert asked.call("GET", path) is asked.call("GET", path)
    assert asked.call("POST", "/s/") is asked.call("DELETE", "/n/1/2")
    assert hash(asked.call("GET", "/s/"))


@pytest.mark.parametrize(
    ("method", "path", "status", "fields"),
    [
        ("GET", "/unknown", 404, {}),
        ("POST", "/unknown", 404, {}),
        ("FOO", "/unknown", 501, {}),
        ("TRACE", "/", 501, {}),
        ("get", "/", 501, {}),
        ("POST", "/", 405, {"allow": "GET, HEAD, OPTIONS"}),
        ("FOO", "/", 501, {}),
        ("QUERY", "/", 405, {"allow": "GET, HEAD, OPTIONS"}),
        ("GET", "/n/x", 405, {"allow": "POST, DELETE, OPTIONS"}),
        ("OPTIONS", "/n/x", 204, {"allow": "POST, DELETE, OPTIONS"}),
        ("OPTIONS", "*", 204, {"allow": "GET, HEAD, POST, DELETE, OPTIONS"}),
        ("OPTIONS", "/unknown", 404, {}),
        ("GET", "/s?a=1&b=%20", 308, {"location": "/s/?a=1&b=%20"}),
        ("GET", "//evil.example", 404, {}),
        ("GET", "/%zz", 400, {}),
        ("GET", "/%FF", 400, {}),
        ("GET", "/%00", 400, {}),
        ("GET", "/../etc/passwd", 404, {}),
    ],
)
def test_what_matches_no_route_gets_a_response(
    site: Make, method: str, path: str, status: int, fields: dict[str, str]
) -> None:
    """404, 405 and OPTIONS with `Allow`, 501 for no method, 308 for a slash, 400 for what is no path."""
    asked = site({"/": index, "POST /n/{name}": field, "DELETE /n/{name}": field, "/s/": index})
    for like in ({}, PAGE):
        answer = asked.ask(method, path, fields=like)
        assert answer.status == status
        assert {name: answer.headers[name] for name in fields} == fields
        assert (answer.text == "") == (status == 204)
    request = asked.request(method, path)
    assert not asked.app.find(request).reads_content
    assert request.params == {}


def test_options_may_have_a_view(site: Make) -> None:
    """A route for OPTIONS is a route like others."""
    assert site({"OPTIONS /": index, "/": index}).ask("OPTIONS", "/").text == "index"


def test_a_whole_request_line_in_the_redirect_is_harmless(site: Make) -> None:
    """A redirect for a slash leads to this site, whatever the path or the query hold."""
    asked = site({"/{x}/": lambda x: x})
    for path in ("/%2F%2Fevil.example", "/%5Cevil.example", "/x?%0d%0aset-cookie:a=b"):
        answer = asked.get(path)
        assert answer.status == 404 or not answer.headers["location"].startswith(("//", "/\\", "http"))
        assert "\n" not in answer.headers.get("location", "")


def test_requests_do_not_share_parameters(site: Make) -> None:
    """What one request's parameters are, another's are not."""
    asked = site({"/{name}": field, "/": index})
    first, second = asked.request("GET", "/a"), asked.request("GET", "/b")
    asked.app.find(first)
    asked.app.find(second)
    assert [first.params, second.params] == [{"name": "a"}, {"name": "b"}]
