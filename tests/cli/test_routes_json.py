"""`fanlight routes --json`: the routes as one document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest

from fanlight import (
    App,
    ContentStream,
    Cookie,
    EarlyHints,
    Field,
    FormErrors,
    Header,
    Request,
    State,
    Static,
    Upload,
    lane,
    limits,
    middleware,
    redirect,
    render,
    table,
)
from fanlight.cli.routes_json import routes_json


@dataclass
class Search:
    """A class that is a whole query, or a whole body."""

    q: str
    page: int = 1


def session(sid: Cookie[str], number: int = 0) -> str:
    return sid


def user(session: Annotated[str, session], x_key: Header[str | None] = None) -> Iterator[str]:
    yield session


def timing(request: Request) -> Iterator[None]:
    yield


def guard(request: Request) -> Iterator[None]:
    yield


@lane("thread")
@limits(content_bytes=5000, files=2)
@middleware(guard)
def upload(file: Upload, tags: list[str], when: Annotated[int, Field("w-hen")] = 3) -> None:
    """Take a form."""


async def show(key: UUID, n: Any, request: Request, user: Annotated[str, user], state: State) -> None:
    """Take a bit of everything."""


def find(search: Search | None) -> None:
    """Take a whole query or a whole body."""


def again(q: str, errors: FormErrors) -> None:
    """Show a form again."""


def rest(**parts: str) -> None:
    """Take whatever the path has."""


async def stream(content: ContentStream) -> None:
    """Take the content as a stream."""


def hints(hints: EarlyHints, *, names: dict[str, int] | None = None) -> None:
    """Send early hints."""


URLS: dict[str, Any] = {
    "/": "Hello",
    "/page/{x:int}": "page.html",
    "/upload": {"POST /": upload},
    "/show/{key}/{n:int}": show,
    "GET|POST /find": find,
    "GET|POST /again": again,
    "/rest/{a:date}/{b...}": rest,
    "PUT /stream": stream,
    "POST /hints": hints,
    "/static": Static("static"),
    "/old": redirect("/"),
    "/made": render("page.html", x=1),
    "/api": middleware(guard)(table({"/": find}, name="api", json_errors=True)),
}


@pytest.fixture
def routes(tmp_path: Path) -> dict[str, Any]:
    """Return each route of the document, by its pattern."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("{{ x }}")
    (tmp_path / "static").mkdir()
    (tmp_path / "main.py").write_text("")
    document = json.loads(routes_json(App(URLS, middleware=[timing], file=tmp_path / "main.py"), "main.py"))
    assert (document["version"], document["site"], document["folder"]) == (1, "main.py", str(tmp_path))
    return {route["pattern"]: route for route in document["routes"]}


def parameters(route: dict[str, Any]) -> list[tuple[Any, ...]]:
    keys = ("name", "in", "sent_as", "type", "required", "dependency")
    return [tuple(each[key] for key in keys) for each in route["parameters"]]


def test_every_member_is_always_there(routes: dict[str, Any]) -> None:
    """A reader needs to ask for none: what does not apply is null."""
    members = (
        "methods pattern name kind file line view_file view_line async lane limits middleware json_errors parameters"
    )
    assert {tuple(route) for route in routes.values()} == {tuple(members.split())}
    members = "name in sent_as type required methods dependency"
    found = {tuple(each) for route in routes.values() for each in route["parameters"]}
    assert found == {tuple(members.split())}


@pytest.mark.parametrize(
    ("pattern", "kind", "name"),
    [
        ("/", "text", "Hello"),
        ("/page/{x:int}", "template", "page.html"),
        ("/upload", "view", f"{__name__}.upload"),
        ("/static/", "static", "static"),
        ("/static/{path...}", "static", "static"),
        ("/old", "response", None),
        ("/made", "page", None),
        ("/api", "view", f"api:{__name__}.find"),
    ],
)
def test_a_route_has_its_kind_and_its_name(routes: dict[str, Any], pattern: str, kind: str, name: str) -> None:
    """The name is one that `url_for` takes."""
    assert (routes[pattern]["kind"], routes[pattern]["name"]) == (kind, name)


def test_a_route_has_what_is_around_its_view(routes: dict[str, Any]) -> None:
    """Its lane and limits if they are pinned, and middleware, the outermost first."""
    plain, pinned, part = routes["/"], routes["/upload"], routes["/api"]
    assert (plain["lane"], plain["limits"], plain["middleware"]) == (None, {}, [f"{__name__}.timing"])
    assert (pinned["lane"], pinned["limits"]) == ("thread", {"content_bytes": 5000, "files": 2})
    assert pinned["middleware"] == part["middleware"] == [f"{__name__}.timing", f"{__name__}.guard"]
    assert (plain["json_errors"], part["json_errors"]) == (False, True)
    assert [path for path, route in routes.items() if route["async"]] == ["/show/{key:uuid}/{n:int}", "/stream"]


def test_a_parameter_has_its_source_and_type(routes: dict[str, Any]) -> None:
    """Of the view, in its order, then of the dependencies."""
    assert parameters(routes["/upload"]) == [
        ("file", "form", "file", "Upload", True, None),
        ("tags", "body", "tags", "list[str]", False, None),
        ("when", "body", "w-hen", "int", False, None),
    ]
    assert parameters(routes["/show/{key:uuid}/{n:int}"]) == [
        ("key", "path", "key", "UUID", True, None),
        ("n", "path", "n", "Any", True, None),
        ("request", "request", None, "Request", False, None),
        ("user", "dependency", None, f"{__name__}.user", False, None),
        ("state", "state", None, "State", False, None),
        ("sid", "cookie", "sid", "str", True, f"{__name__}.session"),
        ("number", "query", "number", "int", False, f"{__name__}.session"),
        ("session", "dependency", None, f"{__name__}.session", False, f"{__name__}.user"),
        ("x_key", "header", "x-key", "str | None", False, f"{__name__}.user"),
    ]
    assert parameters(routes["/stream"]) == [("content", "stream", None, "ContentStream", False, None)]
    assert parameters(routes["/hints"]) == [
        ("hints", "early-hints", None, "EarlyHints", False, None),
        ("names", "body", "names", "dict[str, int] | None", False, None),
    ]


def test_a_path_has_parameters_whatever_takes_them(routes: dict[str, Any]) -> None:
    """A template, files, or a view with `**names`."""
    assert parameters(routes["/page/{x:int}"]) == [("x", "path", "x", "int", True, None)]
    assert parameters(routes["/static/{path...}"]) == [("path", "path", "path", "str", True, None)]
    assert parameters(routes["/rest/{a:date}/{b...}"]) == [
        ("a", "path", "a", "date", True, None),
        ("b", "path", "b", "str", True, None),
    ]


def test_a_parameter_may_come_from_elsewhere_with_another_method(routes: dict[str, Any]) -> None:
    """It is there twice, each time with its methods; one that is the same is there once."""
    found = [(each["name"], each["in"], each["sent_as"], each["methods"]) for each in routes["/find"]["parameters"]]
    assert found == [("search", "query", None, ["GET"]), ("search", "body", None, ["POST"])]
    found = [(each["name"], each["in"], each["sent_as"], each["methods"]) for each in routes["/again"]["parameters"]]
    assert found == [
        ("q", "query", "q", ["GET"]),
        ("errors", "errors", None, ["GET", "POST"]),
        ("q", "body", "q", ["POST"]),
    ]


def test_a_key_has_its_line_and_a_view_too(tmp_path: Path, routes: dict[str, Any]) -> None:
    """Relative to the folder of the site; null for a key that no file has."""
    assert (routes["/old"]["file"], routes["/old"]["line"]) == (None, None)
    assert routes["/old"]["view_file"] is None
    assert routes["/upload"]["view_file"] == __file__
    (tmp_path / "main.py").write_text("from fanlight import App\ndef home(): return ''\napp = App({\n'/': home})\n")
    names: dict[str, Any] = {}
    exec(compile((tmp_path / "main.py").read_text(), tmp_path / "main.py", "exec"), names)
    (route,) = json.loads(routes_json(names["app"], "x"))["routes"]
    assert [route[key] for key in ("file", "line", "view_file", "view_line")] == ["main.py", 4, "main.py", 2]
