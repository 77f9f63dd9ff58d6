"""Tables of routes, and for each path the route that it gets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from fanlight.routing.build import build
from fanlight.routing.entries import Inherited
from fanlight.routing.route import NoMatch, NoMatchReason
from fanlight.routing.table import Table

UUID_TEXT = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"


def answer(table: Table, method: str, raw_path: str) -> object:
    """Return (endpoint, parameters), or the kind of the miss."""
    found = table.find(method, raw_path)
    return found.kind if isinstance(found, NoMatch) else (found[0].endpoint, found[1])


SITE = build(
    {
        "/": "index",
        "/blog": {"/": "blog", "/new": "new", "/{slug}": "post", "POST /": "create", "/{slug}/edit": "edit"},
        "/shop/": {"/": "shop", "/{item:int}": "item"},
        "/user/{id:int}": "user",
        "/user/{name}": "named",
        "/price/{amount:float}": "price",
        "/day/{day:date}": "day",
        "/thing/{key:uuid}": "thing",
        "/file-{id:int}.txt": "numbered",
        "/{name}.json": "json",
        "/files/{path...}": "files",
        "/docs/{page:path}": "docs",
        "/docs/index": "docs index",
        "/café/{größe}": "umlaut",
        "/.well-known/security.txt": "security",
        "/a;b=c@d:e": "odd",
        "/slash/": "slash",
    }
)

FOUND = [
    ("/", "index", {}),
    ("/blog", "blog", {}),
    ("/blog/new", "new", {}),
    ("/blog/hello", "post", {"slug": "hello"}),
    ("/blog/new/edit", "edit", {"slug": "new"}),
    ("/shop/", "shop", {}),
    ("/shop/7", "item", {"item": 7}),
    ("/user/42", "user", {"id": 42}),
    ("/user/007", "user", {"id": 7}),
    ("/user/-3", "user", {"id": -3}),
    ("/user/4x", "named", {"name": "4x"}),
    ("/user/1e5", "named", {"name": "1e5"}),
    ("/price/3.50", "price", {"amount": 3.5}),
    ("/price/3", "price", {"amount": 3.0}),
    ("/day/2024-02-29", "day", {"day": date(2024, 2, 29)}),
    (f"/thing/{UUID_TEXT}", "thing", {"key": UUID(UUID_TEXT)}),
    (f"/thing/{UUID_TEXT.upper()}", "thing", {"key": UUID(UUID_TEXT)}),
    ("/file-12.txt", "numbered", {"id": 12}),
    ("/report.json", "json", {"name": "report"}),
    ("/.json.json", "json", {"name": ".json"}),
    ("/files/a", "files", {"path": "a"}),
    ("/files/a/b/c.css", "files", {"path": "a/b/c.css"}),
    ("/files/a/", "files", {"path": "a/"}),
    ("/files/.hidden", "files", {"path": ".hidden"}),
    ("/docs/index", "docs index", {}),
    ("/docs/index/more", "docs", {"page": "index/more"}),
    ("/caf%C3%A9/gro%C3%9F", "umlaut", {"größe": "groß"}),
    ("/.well-known/security.txt", "security", {}),
    ("/%2Ewell-known/security.txt", "security", {}),
    ("/a;b=c@d:e", "odd", {}),
    ("/a%3Bb%3Dc%40d%3Ae", "odd", {}),
    ("/slash/", "slash", {}),
    ("/%62log", "blog", {}),
    ("/blog/a%2Fb", "post", {"slug": "a/b"}),
    ("/blog/a%252Fb", "post", {"slug": "a%2Fb"}),
    ("/blog/a+b", "post", {"slug": "a+b"}),
    ("/blog/%F0%9F%90%88", "post", {"slug": "🐈"}),
    ("/blog/a..b", "post", {"slug": "a..b"}),
    ("/blog/...", "post", {"slug": "..."}),
    ("/blog/.x", "post", {"slug": ".x"}),
    ("/blog/a%0Ab", "post", {"slug": "a\nb"}),
]


@pytest.mark.parametrize(("path", "endpoint", "parameters"), FOUND, ids=[row[0] for row in FOUND])
def test_a_path_finds_its_route(path: str, endpoint: str, parameters: dict[str, object]) -> None:
    """A path leads to its route, with its parameters decoded and converted once."""
    assert answer(SITE, "GET", path) == (endpoint, parameters)


NOT_FOUND = [
    "/Blog",
    "/nothing",
    "/user/",
    "/user/1/2/3",
    "/price/abc",
    "/price/1e5",
    "/price/nan",
    "/price/1_000",
    "/price/%D9%A3",
    "/day/2023-02-29",
    "/day/2024-W01-1",
    "/day/20240101",
    "/thing/1234",
    "/thing/{" + UUID_TEXT + "}",
    "/thing/" + UUID_TEXT.replace("-", ""),
    "/file-.txt",
    "/file-x.txt",
    "/file-%C2%B2.txt",
    "/.json",
    "/files",
    "/files/",
    "/files//",
    "/files/a//b",
    "/files//a",
    "/files/a%2Fb",
    "//",
    "//blog",
    "/blog//hello",
    "/blog//edit",
    "/blog/hello//",
    "//evil.com/",
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_other_paths_find_nothing(path: str) -> None:
    """A path that only looks like a route's, or has an empty segment, is not found."""
    assert answer(SITE, "GET", path) == NoMatchReason.NOT_FOUND


def test_numbers_too_long_to_read_do_not_fit() -> None:
    """A number with more digits than anyone writes is no number, so reading it costs nothing."""
    table = build({"/{id:int}": "int", "/f/{x:float}": "float"})
    assert answer(table, "GET", "/" + "9" * 128) == ("int", {"id": int("9" * 128)})
    assert answer(table, "GET", "/" + "9" * 129) == NoMatchReason.NOT_FOUND
    assert answer(table, "GET", "/-" + "9" * 128) == NoMatchReason.NOT_FOUND
    assert answer(table, "GET", "/f/" + "9" * 400) == NoMatchReason.NOT_FOUND  # would be infinity
    assert answer(table, "GET", "/f/0." + "1" * 4000) == NoMatchReason.NOT_FOUND


def test_a_nested_slash_is_the_outer_key_as_written() -> None:
    """The key "/" inside "/blog" is "/blog", and inside "/shop/" it is "/shop/"."""
    table = build({"/blog": {"/": "1", "/x": "2"}, "/shop/": {"/": "3", "/x": "4"}, "/": {"/": "5", "/x": "6"}})
    assert [route.pattern for route in table.routes] == ["/blog", "/blog/x", "/shop/", "/shop/x", "/", "/x"]


def test_tables_nest_with_parameters() -> None:
    """A nested table's keys go below the outer key, parameters included, to any depth."""
    table = build({"/team/{team}": {"/": "team", "/member": {"/{id:int}": "member", "DELETE|PUT /{id:int}": "change"}}})
    assert answer(table, "GET", "/team/red") == ("team", {"team": "red"})
    assert answer(table, "GET", "/team/red/member/4") == ("member", {"team": "red", "id": 4})
    assert answer(table, "PUT", "/team/red/member/4") == ("change", {"team": "red", "id": 4})


def test_hints_give_the_types_that_a_key_leaves_open() -> None:
    """A view's annotations type its parameters; a type in the key stays."""
    path_types = {"post": {"id": "int", "more": "int"}, "file": {"name": "path"}}
    table = build({"/{id}/{more:float}": "post", "/f/{name}": "file"}, path_types=lambda value: path_types[str(value)])
    assert [route.pattern for route in table.routes] == ["/{id:int}/{more:float}", "/f/{name...}"]
    assert answer(table, "GET", "/4/5") == ("post", {"id": 4, "more": 5.0})
    assert answer(table, "GET", "/f/a/b") == ("file", {"name": "a/b"})


def test_a_route_describes_itself() -> None:
    """A route carries its pattern, methods, parameters, place, name and both its view and endpoint."""
    table = build(
        {"GET|POST /x/{id:int}": "view"},
        name_of=lambda value: f"name of {value}",
        endpoint_of=lambda value, pattern, methods, inherited: (value, pattern, methods, inherited),
    )
    (route,) = table.routes
    place = "URLS['GET|POST /x/{id:int}']"
    assert route.methods == {"GET", "POST"}
    assert (route.pattern, route.view) == ("/x/{id:int}", "view")
    assert (route.parameters, route.name, route.place) == ({"id": "int"}, "name of view", place)
    assert route.endpoint == ("view", "/x/{id:int}", frozenset({"GET", "POST"}), Inherited())


def test_a_static_route_is_found_ready_made() -> None:
    """A path without parameters gives the same tuple each time: nothing is made for it."""
    assert SITE.find("GET", "/blog") is SITE.find("GET", "/blog")


@pytest.mark.parametrize("path", ["/blog", "/%62log"])
def test_the_shared_parameters_can_not_be_changed(path: str) -> None:
    """The empty parameters that requests share refuse every change; others belong to one request."""
    table = build({"/blog": "blog", "/{a}": "a"})
    found = table.find("GET", path)
    assert not isinstance(found, NoMatch)
    parameters = found[1]
    if path == "/blog":
        changes: list[Callable[[], object]] = [
            lambda: parameters.update(a=1),
            lambda: parameters.setdefault("a", 1),
            lambda: parameters.__setitem__("a", 1),
            lambda: exec("parameters |= {'a': 1}", {"parameters": parameters}),
        ]
        for change in changes:
            with pytest.raises(TypeError, match="copy it"):
                change()
    else:
        parameters["a"] = 1
    assert answer(table, "GET", path) == ("blog", {})


def test_parameters_belong_to_one_request() -> None:
    """Two finds of one route give two dicts."""
    first, second = SITE.find("GET", "/blog/x"), SITE.find("GET", "/blog/x")
    assert not isinstance(first, NoMatch)
    assert not isinstance(second, NoMatch)
    first[1]["slug"] = "changed"
    assert second[1] == {"slug": "x"}


def test_ten_thousand_routes_all_are_found() -> None:
    """Each of many routes is found by its own path, with its own parameters."""
    table = build({f"/s{n}/{{id:int}}" if n % 2 else f"/s{n}/x": str(n) for n in range(10_000)})
    for n in range(0, 10_000, 97):
        expected = (str(n), {"id": n}) if n % 2 else (str(n), {})
        assert answer(table, "GET", f"/s{n}/{n}" if n % 2 else f"/s{n}/x") == expected


def test_threads_share_a_table() -> None:
    """Many threads that search at the same time all get their own results."""
    wrong: list[object] = []

    def search(number: int) -> None:
        for turn in range(300):
            name = f"n{number}-{turn}"
            expected = ("edit", {"slug": name})
            if answer(SITE, "GET", f"/blog/{name}/edit") != expected:
                wrong.append(name)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=search, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
