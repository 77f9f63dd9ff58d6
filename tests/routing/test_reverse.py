"""URLs of views: the table read backwards."""

from __future__ import annotations

import functools
from datetime import date
from uuid import UUID

import pytest

from fanlight.errors import NoSuchURL
from fanlight.routing.build import build
from fanlight.routing.route import NoMatch


def index() -> None:
    """Stand for a view."""


def post(slug: str) -> None:
    """Stand for a view with a parameter."""


def day(day: date) -> None:
    """Stand for a view with a date."""


def files(path: str) -> None:
    """Stand for a view with a rest."""


def cat(name: str) -> None:
    """Stand for a view with text beside its parameter."""


class Shop:
    """A thing with a method for a view, and a name that is already taken."""

    def item(self, number: int) -> None:
        """Stand for a view."""

    @staticmethod
    def post() -> None:
        """Another view called post."""


class Unhashable:
    """A value that can't be a key of a dict."""

    __hash__ = None  # type: ignore[assignment]  # that is how Python says so

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable)


SHOP, ONE, TWO = Shop(), Unhashable(), Unhashable()
PARTIAL = functools.partial(index)
TABLE = build(
    {
        "/": index,
        "/home": index,
        "/blog": {"/{slug}": post, "POST /{slug}": post, "/{slug}/{page:int}": post},
        "/day/{day:date}": day,
        "/files/{path...}": files,
        "/cat-{name}.html": cat,
        "/shop/{number:int}": SHOP.item,
        "/shop/post": Shop.post,
        "/thanks": "thanks.html",
        "/größe/ä b".replace(" ", "_"): "Größe",
        "/one": ONE,
        "/two": TWO,
        "/part": PARTIAL,
        "/uuid/{key:uuid}": "uuid",
        "/number/{x:float}/": "number",
    }
)
HERE = index.__module__
ID = UUID("0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d")

URLS = [
    (index, {}, "/"),
    ("index", {}, "/"),
    (f"{HERE}.index", {}, "/"),
    (post, {"slug": "hello"}, "/blog/hello"),
    (post, {"slug": "a b/c?d#e%f"}, "/blog/a%20b%2Fc%3Fd%23e%25f"),
    (post, {"slug": "größe 🐈"}, "/blog/gr%C3%B6%C3%9Fe%20%F0%9F%90%88"),
    (post, {"slug": "a\\b"}, "/blog/a%5Cb"),
    (post, {"slug": "a\r\nb"}, "/blog/a%0D%0Ab"),
    (post, {"slug": "!$&'()*+,;=:@-._~"}, "/blog/!$&'()*+,;=:@-._~"),
    (post, {"slug": 5}, "/blog/5"),
    (post, {"slug": "x", "page": 2}, "/blog/x/2"),
    (day, {"day": date(2024, 1, 31)}, "/day/2024-01-31"),
    ("day", {"day": "2024-01-31"}, "/day/2024-01-31"),
    (files, {"path": "a b/c.txt"}, "/files/a%20b/c.txt"),
    (files, {"path": "a/"}, "/files/a/"),
    ("cat", {"name": "tom"}, "/cat-tom.html"),
    (SHOP.item, {"number": 7}, "/shop/7"),
    ("item", {"number": "7"}, "/shop/7"),
    ("Shop.item", {"number": 7}, "/shop/7"),
    ("Shop.post", {}, "/shop/post"),
    (Shop.post, {}, "/shop/post"),
    ("thanks.html", {}, "/thanks"),
    ("Größe", {}, "/gr%C3%B6%C3%9Fe/%C3%A4_b"),
    (ONE, {}, "/one"),
    (TWO, {}, "/two"),
    (PARTIAL, {}, "/part"),
    ("uuid", {"key": ID}, f"/uuid/{ID}"),
    ("number", {"x": 0.5}, "/number/0.5/"),
]


@pytest.mark.parametrize(("view", "parameters", "url"), URLS)
def test_a_view_has_its_url(view: object, parameters: dict[str, object], url: str) -> None:
    """A view, or its name as far as it is clear, gives its path, converted and percent-encoded."""
    assert TABLE.url_for(view, **parameters) == url


@pytest.mark.parametrize(("view", "parameters", "url"), URLS)
def test_a_url_leads_back_to_its_view(view: object, parameters: dict[str, object], url: str) -> None:
    """The URL of a view finds a route with the same parameters."""
    found = TABLE.find("GET", url)
    assert not isinstance(found, NoMatch)
    assert found[1].keys() == parameters.keys()
    assert TABLE.url_for(found[0].view, **found[1]) == url


REFUSED = [
    ("pots", {}, 'no view in URLS is named "pots"; did you mean "test_reverse.post" or "Shop.post"?'),
    ("html", {}, 'no view in URLS is named "html"; add it to URLS'),
    ("xyzzy", {}, 'no view in URLS is named "xyzzy"; add it to URLS'),
    (print, {}, "print has no route; add it to URLS"),
    (3.5, {}, "3.5 has no route; add it to URLS"),
    ([], {}, "[] has no route; add it to URLS"),
    (None, {}, "None has no route; add it to URLS"),
    (Unhashable, {}, "Unhashable has no route; add it to URLS"),
    (day, {}, "the URL of day is /day/{day:date}; missing: day"),
    (index, {"x": 1, "y": 2}, "the URL of index is /; extra: x, y"),
    ("thanks.html", {"x": 1}, 'the URL of "thanks.html" is /thanks; extra: x'),
    (
        post,
        {"slog": "x"},
        'the URL of post is /blog/{slug}; missing: slug; extra: slog; did you mean "slug" by "slog"?',
    ),
    (post, {"slug": "x", "pag": 1}, "the URL of post is /blog/{slug}; extra: pag"),
    (SHOP.item, {"number": "x"}, "number='x' does not fit /shop/{number:int}: it takes a whole number like 42"),
    (SHOP.item, {"number": True}, "number=True does not fit /shop/{number:int}: it takes a whole number like 42"),
    (
        post,
        {"slug": ""},
        "slug='' does not fit /blog/{slug}: it takes a non-empty text without dot-segments",
    ),
    (
        post,
        {"slug": ".."},
        "slug='..' does not fit /blog/{slug}: it takes a non-empty text without dot-segments",
    ),
    (
        files,
        {"path": "../x"},
        "path='../x' does not fit /files/{path...}: it takes one or more segments, none of them empty or a dot-segment",
    ),
    (
        cat,
        {"name": "x/.."},
        "name='x/..' does not fit /cat-{name}.html: it takes a non-empty text without dot-segments",
    ),
]


@pytest.mark.parametrize(("view", "parameters", "said"), REFUSED)
def test_what_has_no_url_is_refused(view: object, parameters: dict[str, object], said: str) -> None:
    """For an unknown view, or parameters that do not fit, the error has a suggestion."""
    with pytest.raises(NoSuchURL) as caught:
        TABLE.url_for(view, **parameters)
    assert str(caught.value) == said


def test_an_ambiguous_name_is_refused() -> None:
    """If two views have the same name, the error lists the shortest names that mean one of them."""
    with pytest.raises(NoSuchURL) as caught:
        TABLE.url_for("post", slug="x")
    assert str(caught.value) == '2 views are named "post"; write "test_reverse.post" or "Shop.post"'
    assert TABLE.url_for(f"{HERE}.post", slug="x") == "/blog/x"


def test_a_suffix_that_would_make_a_segment_climb_is_refused() -> None:
    """A value is refused too when only the literal text beside it makes the segment climb."""
    table = build({"/{name}.": "view"})
    assert table.url_for("view", name="a") == "/a."
    with pytest.raises(NoSuchURL):
        table.url_for("view", name="a/")


@pytest.mark.parametrize("name", ["self", "view", "parameters"])
def test_any_name_may_be_a_parameter(name: str) -> None:
    """The names that `url_for` uses itself are free for the parameters of views."""
    assert build({f"/{{{name}}}": "x"}).url_for("x", **{name: "value"}) == "/value"


def test_names_are_handed_in_by_the_label() -> None:
    """`name_of` names a value; a value without a name is found by itself."""
    value, nameless = object(), object()
    table = build({"/x": value, "/y": nameless}, name_of=lambda it: "shop.static" if it is value else "")
    assert table.url_for("static") == table.url_for("shop.static") == table.url_for(value) == "/x"
    assert table.url_for(nameless) == "/y"
    with pytest.raises(NoSuchURL):
        table.url_for("")
