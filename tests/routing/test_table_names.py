"""Tables with names: the routes in them are found by "shop:index"."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fanlight.app.endpoints import unwrap
from fanlight.errors import NoSuchURL, SetupError
from fanlight.message.nested_table import table
from fanlight.message.with_middleware import middleware
from fanlight.routing.build import build
from fanlight.routing.table import Table


def view_of(module: str, name: str) -> Any:
    """Return a view as it would be written in a module."""

    def view() -> str:
        return ""

    view.__module__, view.__qualname__ = module, name
    return view


def made(urls: object) -> Table:
    return build(urls, unwrap=unwrap)


HOME, SHOP, BLOG, ADMIN = (view_of(module, "index") for module in ("main", "shop.views", "blog.views", "admin.shop"))
POST, DAY = view_of("blog.views", "post"), view_of("blog.views", "day")
SITE = made(
    {
        "/": HOME,
        "/shop": table({"/": SHOP, "/about": "about.html"}, name="shop"),
        "/blog": table({"/": BLOG, "/{slug}": POST, "/on/{day:date}": DAY, "/about": "about.html"}, name="blog"),
        "/admin": table(
            {"/": "Admin", "/shop": table({"/": ADMIN, "/only": view_of("x", "only")}, name="shop")}, name="admin"
        ),
    }
)


@pytest.mark.parametrize(
    ("name", "given", "path"),
    [
        ("index", {}, "/"),
        ("main.index", {}, "/"),
        ("shop:index", {}, "/shop"),
        ("shop:views.index", {}, "/shop"),
        ("shop:shop.views.index", {}, "/shop"),
        ("blog:index", {}, "/blog"),
        ("admin:shop:index", {}, "/admin/shop"),
        ("admin:shop:admin.shop.index", {}, "/admin/shop"),
        ("shop:only", {}, "/admin/shop/only"),
        ("only", {}, "/admin/shop/only"),
        ("post", {"slug": "a b"}, "/blog/a%20b"),
        ("blog:post", {"slug": "x"}, "/blog/x"),
        ("blog:day", {"day": date(2026, 1, 2)}, "/blog/on/2026-01-02"),
        ("shop:about.html", {}, "/shop/about"),
        ("blog:about.html", {}, "/blog/about"),
        ("admin:Admin", {}, "/admin"),
        (SHOP, {}, "/shop"),
        (ADMIN, {}, "/admin/shop"),
    ],
)
def test_a_route_is_found_by_the_name_of_its_table(name: object, given: dict[str, object], path: str) -> None:
    """With the name of the table, and as much of both names as is needed; the view itself needs no name."""
    assert SITE.url_for(name, **given) == path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop:idnex", 'no view in URLS is named "shop:idnex"; did you mean "shop:index"'),
        ("views.index", '2 views are named "views.index"; write "shop:index" or "blog:index"'),
        ("about.html", '2 views are named "about.html"; write "shop:about.html" or "blog:about.html"'),
        ("admin:index", 'no view in URLS is named "admin:index"; did you mean'),
        ("shop:post", 'no view in URLS is named "shop:post"'),
        ("xyzzy:xyzzy", 'no view in URLS is named "xyzzy:xyzzy"; add it to URLS'),
        (view_of("other", "index"), 'index has no route; did you mean "index", "shop:index"'),
    ],
)
def test_a_name_that_means_no_view_or_several_is_refused(name: object, message: str) -> None:
    """The error has the closest names, or the shortest that mean one view each."""
    with pytest.raises(NoSuchURL) as caught:
        SITE.url_for(name)
    assert str(caught.value).startswith(message)


def test_a_suggestion_has_at_most_three_names_one_for_each_view() -> None:
    """The most similar is the first."""
    site = made({f"/{name}": view_of("pkg.views", name) for name in ("posts", "poster", "posted", "postal", "x")})
    with pytest.raises(NoSuchURL, match=r'; did you mean "posts", "poster" or "posted"\?$'):
        site.url_for("postss")


def test_a_table_may_be_in_two_places_under_two_names() -> None:
    """By its name each place is found; the view itself is the first."""
    blog = {"/{slug}": POST}
    site = made({"/news": table(blog, name="news"), "/blog": table(blog, name="blog")})
    assert site.url_for("news:post", slug="x") == "/news/x"
    assert site.url_for("blog:post", slug="x") == "/blog/x"
    assert site.url_for(POST, slug="x") == "/news/x"
    with pytest.raises(NoSuchURL, match='2 views are named "post"; write "news:post" or "blog:post"'):
        site.url_for("post", slug="x")


def test_a_full_name_is_never_ambiguous() -> None:
    """Also where it is the end of another."""
    site = made({"/a": view_of("views", "post"), "/b": view_of("blog.views", "post")})
    assert (site.url_for("views.post"), site.url_for("blog.views.post")) == ("/a", "/b")
    with pytest.raises(NoSuchURL, match=r'write "views\.post" or "blog\.views\.post"'):
        site.url_for("post")


def test_a_route_knows_its_full_name() -> None:
    """What `fanlight routes` lists is a name for `url_for`."""
    names = {route.pattern: route.full_name for route in SITE.routes}
    assert names["/"] == "main.index"
    assert names["/admin/shop"] == "admin:shop:admin.shop.index"
    values = {"slug": "x", "day": "2026-01-02"}
    for route in SITE.routes:
        given = {name: values[name] for name in route.parameters}
        found = SITE.find("GET", SITE.url_for(route.full_name, **given))
        assert isinstance(found, tuple)
        assert found[0] is route


def test_a_table_with_middleware_may_have_a_name() -> None:
    """Whichever of the two is outside."""

    def guard() -> Any:
        yield

    inner = {"/": SHOP}
    for part in (middleware(guard)(table(inner, name="shop")), table(middleware(guard)(inner), name="shop")):
        (route,) = made({"/x": part}).routes
        assert route.full_name == "shop:shop.views.index"


def test_the_outermost_table_may_have_settings() -> None:
    """They are for the whole site."""
    (route,) = made(table({"/": SHOP}, name="shop", json_errors=True)).routes
    assert (route.full_name, route.inherited.json_errors) == ("shop:shop.views.index", True)


def test_the_outermost_table_has_no_marks() -> None:
    """What belongs to a part of a site is put into a table, if that part is the whole."""
    with pytest.raises(SetupError, match=r"URLS is a \w+") as caught:
        made(table(middleware()({"/": SHOP}), json_errors=True))
    assert caught.value.mistakes[0].hint == 'put it into a dict: {"/": ...}'


def test_the_name_of_the_outermost_table_is_checked() -> None:
    """Like all names."""
    with pytest.raises(SetupError, match="'a b' is not a name for a table"):
        made(table({"/": SHOP}, name="a b"))


@pytest.mark.parametrize("name", ["a:", "a.b", " ", "1", "a b", 7, "-x", "ä/"])
def test_a_name_has_letters_and_digits(name: Any) -> None:
    """A colon or a dot in it could be read in two ways."""
    with pytest.raises(SetupError, match=f"{str(name)!r} is not a name for a table") as caught:
        made({"/x": table({"/": SHOP}, name=name)})
    (mistake,) = caught.value.mistakes
    assert mistake.places == ("URLS['/x']",)


def test_two_tables_have_two_names() -> None:
    """The second table with a name is refused, with both places; in different tables the name is another."""
    inner = {"/": SHOP}
    with pytest.raises(SetupError, match='two tables are named "shop"') as caught:
        made({"/a": table(inner, name="shop"), "/b": table(inner, name="shop")})
    (mistake,) = caught.value.mistakes
    assert mistake.places == ("URLS['/a']", "URLS['/b']")
    both = {f"/{each}": table({"/": table(inner, name="shop")}, name=each) for each in ("a", "b")}
    assert made(both).url_for("b:shop:index") == "/b"
