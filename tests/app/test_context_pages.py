"""What an app registers for its templates: globals, filters, tests, and context functions with dependencies."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from fanlight.app.application import Application
from fanlight.binding.markers import Cookie
from fanlight.errors import HTTPError, Mistake, NotFound, SetupError, Unauthorized
from fanlight.message.app_state import State
from fanlight.message.content import ContentStream
from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.pages.page import render
from fanlight.pages.templates import Templates
from fanlight.testing import Client

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
PAGE = {"accept": "text/html"}
events: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    events.clear()


def price(cents: int) -> str:
    return f"{cents / 100:.2f} <EUR>"


def even(number: int) -> bool:
    return number % 2 == 0


def test_globals_filters_and_tests_are_in_every_template(site: Make) -> None:
    """Also in those that a page includes or imports, and what a filter returns is escaped like any value."""
    registered = Templates(
        globals={"version": "<7>", "twice": lambda x: x * 2}, filters={"price": price}, tests={"even_number": even}
    )
    source = "{{ version }} {{ twice(4) }} {{ 250 | price }} {{ 3 is even_number }}"
    pages = {
        "a.html": source,
        "b.txt": source,
        "c.html": '{% include "b.txt" %}',
        "d.html": '{% from "m.html" import show %}{{ show() }}',
        "m.html": f"{{% macro show() %}}{source}{{% endmacro %}}",
    }
    client = site({f"/{name}": lambda name=name: render(name) for name in pages}, templates=registered, pages=pages)
    escaped = "&lt;7&gt; 8 2.50 &lt;EUR&gt; False"
    assert [client.get(f"/{name}").text for name in pages] == [escaped, "<7> 8 2.50 <EUR> False", escaped, escaped, ""]


def test_templates_may_be_elsewhere(site: Make, tmp_path: Path) -> None:
    """A folder is a string, a path, or the first parameter of Templates."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("page")
    for templates in ("pages", tmp_path / "pages", Templates("pages"), Templates(folder=Path("pages"))):
        assert site({"/": "a.html"}, templates=templates).get("/").text == "page"


# --- context functions ------------------------------------------------------------------------------------------


class Connection:
    """A fake database."""


def database() -> Iterator[Connection]:
    events.append("open")
    try:
        yield Connection()
        events.append("commit")
    except BaseException as error:
        events.append(f"rollback {type(error).__name__}")
        raise


Database = Annotated[Connection, database]


def user(request: Request, db: Database, session: Cookie[str] = "nobody") -> str:
    events.append("user")
    return f"{session} at {request.path}"


User = Annotated[str, user]


def year(state: State) -> object:
    events.append("year")
    return state.get("year", 2000)


CONTEXT = Templates(context={"user": user, "year": year})
BASE = "{{ user }} {{ year }} {% block b %}{% endblock %}"
CHILD = '{% extends "base.html" %}{% block b %}{{ user }}{% endblock %}'
PAGES = {"base.html": BASE, "a.html": CHILD}


def shown() -> object:
    return render("a.html")


async def shown_async() -> object:
    return render("a.html"), 201


def replaced() -> object:
    return render("a.html", user="me")


@pytest.mark.parametrize("value", ["a.html", shown, shown_async, render("a.html")])
def test_context_functions_give_values_to_every_template(site: Make, value: Any) -> None:
    """They are dependencies, opened for the page and closed behind it."""
    client = site({"/": value}, templates=CONTEXT, pages=PAGES)
    client.app.state["year"] = 2001
    response = client.get("/", fields={"cookie": "session=<ann>"})
    assert response.text == "&lt;ann&gt; at / 2001 &lt;ann&gt; at /"
    assert events == ["open", "user", "year", "commit"]


def test_a_value_of_the_view_comes_first(site: Make) -> None:
    """A page has what its view gives it, as have the parameters of a path."""
    client = site({"/": replaced, "/{user}": "a.html"}, templates=CONTEXT, pages=PAGES)
    assert [client.get(path).text for path in ("/", "/eve")] == ["me 2000 me", "eve 2000 eve"]


def test_without_a_template_they_are_not_called(site: Make) -> None:
    """A text, JSON and a built-in error page need no context."""
    client = site({"/": "text", "/json": lambda: {"a": 1}, "/a": "a.html"}, templates=CONTEXT, pages=PAGES)
    assert [client.get(path, fields=PAGE).status for path in ("/", "/json", "/none")] == [200, 200, 404]
    assert events == []


def test_without_a_request_they_are_not_called(site: Make) -> None:
    """A page that a test renders by itself has only what it is given."""
    pages = site({}, templates=CONTEXT, pages={**PAGES, "error/error404.html": "{{ user is defined }}"}).app.pages
    assert pages.render(render("a.html", user="me", year=7)) == "me 7 me"
    assert pages.error(NotFound()).content == b"False"
    assert events == []


def of_view(user: User, db: Database) -> object:
    events.append(f"view {user}")
    return render("a.html")


async def of_view_async(user: User, db: Database) -> object:
    events.append(f"view {user}")
    return render("a.html")


def step(db: Database) -> Iterator[None]:
    events.append("in")
    yield
    events.append("out")


@pytest.mark.parametrize("view", [of_view, of_view_async])
def test_a_page_shares_the_dependencies_of_its_view(site: Make, view: Any) -> None:
    """A context function that the view depends on is called once, and what both need is opened once."""
    client = site({"/": view}, templates=CONTEXT, pages=PAGES)
    assert client.get("/").text == "nobody at / 2000 nobody at /"
    assert events == ["open", "user", "view nobody at /", "year", "commit"]


def test_a_page_shares_the_dependencies_of_middleware(site: Make) -> None:
    """What middleware has open stays open behind the page."""
    client = site({"/": "a.html", "/v": of_view}, templates=CONTEXT, pages=PAGES, middleware=[step])
    for path, between in (("/", ["user", "year"]), ("/v", ["user", "view nobody at /v", "year"])):
        events.clear()
        assert client.get(path).status == 200
        assert events == ["open", "in", *between, "out", "commit"]


def test_a_test_overrides_a_context_function(site: Make) -> None:
    """It is a dependency of the app like others."""
    app = site({"/": "a.html"}, templates=CONTEXT, pages=PAGES).app
    with Client(app, overrides={user: lambda: "fake"}) as client:
        assert client.get("/").text == "fake 2000 fake"


def session() -> Iterator[str]:
    events.append("open")
    yield "s"
    events.append("close")


def test_a_context_function_may_be_a_generator(site: Make) -> None:
    """It is closed when the page is rendered."""
    client = site({"/": "a.html"}, templates=Templates(context={"s": session}), pages={"a.html": "{{ s }}"})
    assert client.get("/").text == "s"
    assert events == ["open", "close"]


def test_an_error_of_a_template_is_raised_in_what_is_open(site: Make) -> None:
    """A page that can't be rendered is no reason to commit."""
    client = site({"/": "a.html"}, templates=CONTEXT, pages={"a.html": "{{ 1 // 0 }}"})
    assert client.get("/").status == 500
    assert events == ["open", "user", "year", "rollback TemplateError"]


def refusing(request: Request) -> str:
    events.append("refusing")
    raise Unauthorized("sign in")


def failing(request: Request) -> str:
    events.append("failing")
    raise KeyError("secret")


@pytest.mark.parametrize(("function", "status"), [(refusing, 401), (failing, 500)])
def test_a_context_function_that_fails_is_the_error_of_the_page(site: Make, function: Any, status: int) -> None:
    """An HTTP error is its response, any other exception a 500 that reveals nothing."""
    client = site({"/": "a.html"}, templates=Templates(context={"x": function}), pages={"a.html": "page"})
    response = client.get("/", fields=PAGE)
    assert response.status == status
    assert "secret" not in response.text


def returning_coroutine(request: Request) -> object:
    async def never() -> None: ...

    return never()


def test_a_coroutine_is_no_value(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A function that returns one is a mistake, which the log names."""
    templates = Templates(context={"x": returning_coroutine})
    assert site({"/": "a.html"}, templates=templates, pages={"a.html": "{{ x }}"}).get("/").status == 500
    assert "returning_coroutine returned a coroutine: declare it with async def" in caplog.text


def test_a_suggestion_knows_the_context(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A misspelled name of the context gets the right one."""
    assert site({"/": "a.html"}, templates=CONTEXT, pages={"a.html": "{{ usr }}"}).get("/").status == 500
    assert "there is no `usr` here; did you mean `user`?" in caplog.text


async def user_async(session: Cookie[str] = "nobody") -> str:
    events.append("user")
    return session


async def with_user(user: Annotated[str, user_async]) -> AsyncIterator[None]:
    yield


def test_a_context_function_may_be_async_where_middleware_depends_on_it(site: Make) -> None:
    """Pages of sync and of async views, and error pages, have its value; it is called once."""
    pages = {"a.html": "{{ user }}", "error/error404.html": "lost, {{ user }}"}
    templates = Templates(context={"user": user_async})
    urls = {"/": "a.html", "/sync": lambda: render("a.html"), "/async": shown_async}
    client = site(urls, templates=templates, pages=pages, middleware=[with_user])
    for path, text in (("/", "ann"), ("/sync", "ann"), ("/async", "ann"), ("/none", "lost, ann")):
        events.clear()
        assert client.get(path, fields={"cookie": "session=ann", **PAGE}).text == text
        assert events == ["user"]


# --- error pages ------------------------------------------------------------------------------------------------


def lost() -> str:
    raise NotFound("no such cat")


def own_page(error: HTTPError) -> object:
    return render("lost.html", detail=error.detail)


ERROR_PAGES = {"error/error404.html": "{{ user }}: {{ detail }}", "lost.html": "{{ user }}: {{ detail }}"}


@pytest.mark.parametrize("errors", [{}, {404: "lost.html"}, {404: own_page}])
def test_error_pages_have_the_context(site: Make, errors: Any) -> None:
    """The site's error templates, and the pages of error views; also without a route."""
    client = site({"/": lost}, templates=CONTEXT, pages=ERROR_PAGES, errors=errors)
    assert client.get("/", fields=PAGE).text == "nobody at /: no such cat"
    assert client.get("/none", fields=PAGE).text == "nobody at /none: "
    assert events == ["open", "user", "year", "commit"] * 2
    assert client.get("/").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("errors", [{}, {404: "lost.html"}, {404: own_page}])
@pytest.mark.parametrize("function", [refusing, failing])
def test_an_error_page_comes_without_what_fails(
    site: Make, caplog: pytest.LogCaptureFixture, function: Any, errors: Any
) -> None:
    """The other names are there, and the failure is logged, once."""
    page = "{{ year }} {{ x is defined }} {{ detail }}"
    templates = Templates(context={"x": function, "year": year})
    pages = {"error/error404.html": page, "lost.html": page}
    client = site({"/": lost}, templates=templates, pages=pages, errors=errors)
    for _ in range(2):
        response = client.get("/", fields=PAGE)
        assert (response.status, response.text) == (404, "2000 False no such cat")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("error pages are sent without x: ")
    assert record.exc_info


def test_an_error_page_that_needs_what_fails_is_the_built_in_one(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A name that is left out is not defined: the page can test that, or give way."""
    pages = {"error/error404.html": "{{ x }}"}
    client = site({"/": lost}, templates=Templates(context={"x": failing}), pages=pages)
    response = client.get("/", fields=PAGE)
    assert (response.status, "</small>" in response.text) == (404, True)
    assert "there is no `x` here" in caplog.text


def test_the_page_of_a_500_by_a_context_function_is_no_loop(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The function has failed for the page, and fails again for the error page, which comes without it."""
    pages = {"a.html": "{{ x }}", "error/error500.html": "sorry {{ x | default('!') }}"}
    client = site({"/": "a.html"}, templates=Templates(context={"x": failing}), pages=pages)
    response = client.get("/", fields=PAGE)
    assert (response.status, response.text) == (500, "sorry !")
    assert events == ["failing", "failing"]
    assert len(caplog.records) == 2


def uncommitted() -> Iterator[str]:
    yield "x"
    raise KeyError("too late")


def test_an_error_page_comes_though_its_context_can_not_be_closed(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """On a page of a view that is a 500; on an error page it is logged."""
    pages = {"a.html": "{{ x }}", "error/error404.html": "lost {{ x }}"}
    client = site({"/": "a.html"}, templates=Templates(context={"x": uncommitted}), pages=pages)
    assert client.get("/").status == 500
    caplog.clear()
    assert client.get("/none", fields=PAGE).text == "lost x"
    assert "what an error page had open can't be closed: KeyError: 'too late'" in caplog.text


# --- mistakes ---------------------------------------------------------------------------------------------------


async def fetch() -> str:
    return ""


async def fetch_session() -> AsyncIterator[str]:
    yield ""


def of_fetch(x: Annotated[str, fetch]) -> str:
    return x


def search(q: str = "") -> str:
    return q


def of_search(q: Annotated[str, search]) -> str:
    return q


def with_file(photo: Upload) -> str:
    return ""


def with_stream(content: ContentStream) -> str:
    return ""


@pytest.mark.parametrize(
    ("templates", "message", "hint"),
    [
        ({"globals": {"url_for": 1}}, "globals['url_for']: templates have url_for already", "give yours another"),
        ({"globals": {"asset": 1}}, "globals['asset']: templates have asset already", "another name"),
        ({"context": {"request": year}}, "context['request']: templates have request already", "another name"),
        ({"context": {"detail": year}}, "context['detail']: templates have detail already", "another name"),
        ({"globals": {"range": 1}}, "globals['range']: range is a name of Jinja's own", "another name"),
        ({"filters": {"upper": str}}, "filters['upper']: upper is a filter of Jinja's own", "another name"),
        ({"tests": {"even": even}}, "tests['even']: even is a test of Jinja's own", "another name"),
        ({"globals": {"a": 1}, "context": {"a": year}}, "Templates has 'a' in globals and in context", "rename one"),
        ({"globals": {"my-name": 1}}, "globals['my-name']: no template can use that name", "underscores"),
        ({"filters": {"": str}}, "filters['']: no template can use that name", "underscores"),
        ({"context": {"loop": year}}, "context['loop']: no template can use that name", "underscores"),
        ({"globals": {3: 1}}, "globals[3]: no template can use that name", "underscores"),
        ({"filters": {"price": "x"}}, "filters['price'] is a str, which can't be called", "give a function"),
        ({"tests": {"odd_one": None}}, "tests['odd_one'] is a NoneType, which can't be called", "give a function"),
        ({"context": {"x": 7}}, "context['x'] is a int, which can't be called", "a value goes into globals"),
        ({"filters": {"price": fetch}}, "filters['price'] is async, and a template can't await", "write def"),
        ({"globals": {"fetch": fetch}}, "globals['fetch'] is async, and a template can't await", "async view"),
        ({"filters": price}, "filters of Templates is one function", 'filters={"name": ...}'),
        ({"context": [year]}, "context of Templates is a list", 'context={"name": ...}'),
        ({"folder": 7}, "the folder of Templates is a int", "give its name"),
        ({"folder": "pags"}, 'templates="pags" names no folder', "create the folder"),
        (
            {"context": {"x": fetch}},
            "the context function x needs tests.app.test_context_pages.fetch, which",
            "async mi",
        ),
        ({"context": {"x": fetch_session}}, "the context function x needs tests.app.test_context_pages.fetch", "def"),
        (
            {"context": {"x": of_fetch}},
            "the context function x needs tests.app.test_context_pages.fetch",
            "depend on it",
        ),
        ({"context": {"x": search}}, "search takes q, but the context function x runs for paths without", "request"),
        ({"context": {"x": of_search}}, "search takes q, but the context function x runs for paths", "read request"),
        ({"context": {"x": with_file}}, "takes the file photo, but a dependency can't read a form", "take the request"),
        ({"context": {"x": with_stream}}, "with_stream takes the content as a stream", "only a view can"),
    ],
)
def test_what_can_not_be_registered_is_a_mistake(
    mistakes: Find, tmp_path: Path, templates: dict[str, Any], message: str, hint: str
) -> None:
    """Before the port opens, with what to write instead; templates that use it are not complained about as well."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text("{{ 1 | price }}")
    (mistake,) = mistakes({"/": "text"}, templates=Templates(**templates))
    assert message in mistake.message
    assert hint in mistake.hint


def test_every_mistake_is_reported(mistakes: Find) -> None:
    """Of what is registered, of the context functions, and of the folder."""
    found = mistakes(
        {"/": "text"}, templates=Templates("pags", filters={"upper": str}, context={"q": search, "x": fetch})
    )
    starts = ["filters['upper']", "tests.app.test_context_pages.search takes q", "the context function x", "templates="]
    assert [each.message.startswith(start) for each, start in zip(found, starts, strict=True)] == [True] * 4


def test_another_value_is_a_mistake(mistakes: Find) -> None:
    """The templates are a folder, or Templates."""
    (mistake,) = mistakes({"/": "text"}, templates=["pages"])
    assert mistake.message == "templates is a list"


def test_templates_without_a_folder_is_a_mistake(tmp_path: Path) -> None:
    """What is registered is meant for templates; without `Templates` a site need not have any."""
    with pytest.raises(SetupError, match='templates="templates" names no folder'):
        Application({"/": "x"}, folder=tmp_path, templates=Templates(filters={"price": price}))
    Application({"/": "x"}, folder=tmp_path)


class Unhashable:
    """A callable that can't be the key of a dict."""

    __hash__ = None  # type: ignore[assignment]  # as for an object of a dataclass

    def __call__(self, request: Request) -> str:
        return request.path


def test_any_callable_is_a_context_function(site: Make) -> None:
    """An object, also one that is not hashable."""
    templates = Templates(context={"path": Unhashable()})
    assert site({"/": "a.html"}, templates=templates, pages={"a.html": "{{ path }}"}).get("/").text == "/"
