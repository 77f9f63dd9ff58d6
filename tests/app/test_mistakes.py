"""The mistakes of an app, found before the port opens."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fanlight.errors import Mistake, SetupError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.upload import Upload
from fanlight.pages.page import render

if TYPE_CHECKING:
    from decimal import Decimal

Find = Callable[..., list[Mistake]]
Make = Callable[..., Any]


class Own:
    pass


@dataclass
class Item:
    name: str


class Bag(msgspec.Struct):
    items: list[Item]


@dataclass
class Holder:
    own: Own


def none() -> str:
    return ""


def one(slug: str) -> str:
    return slug


def own(x: Own) -> str:
    return ""


def held(x: Holder) -> str:
    return ""


def moment(x: datetime) -> str:
    return ""


def number(x: int) -> str:
    return ""


def listed(x: list[int]) -> str:
    return ""


def either(x: int | list[int]) -> str:
    return ""


def item(item: Item) -> str:
    return ""


def short(req) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as users of other frameworks write it
    return ""


class Views:
    def home(self) -> str:
        return ""


def typed(req: str, self: str = "") -> str:
    return req


def pair(request: Request, left: str, right: int) -> str:
    return left


def paged(page: int = 1) -> str:
    return ""


def bag(bag: Bag) -> str:
    return ""


def two(first: Item, second: Bag) -> str:
    return ""


def nested(x: dict[str, int]) -> str:
    return ""


def file(photo: Upload) -> str:
    return ""


def file_and_nested(photo: Upload, x: dict[str, int]) -> str:
    return ""


def file_and_bag(photo: Upload, bag: Bag) -> str:
    return ""


def beside(item: Item, x: dict[str, int]) -> str:
    return ""


def positional(x: str, /) -> str:
    return x


def unread(x: Decimal) -> str:
    return ""


def unwritten(x: "no such [type") -> str:  # type: ignore[valid-type]  # noqa: F722 - it is meant to be wrong
    return ""


def misnamed(x: Path.nothing) -> str:  # type: ignore[name-defined]  # it is meant to be wrong
    return ""


def requested(request: str) -> str:
    return ""


def fetched(request: Request) -> str:
    return ""


def sent(x: "list[Item] | dict[str, Item] | Item | Bag") -> str:  # noqa: UP037 - as some write it
    return ""


@pytest.mark.parametrize(
    ("key", "view", "message", "hint"),
    [
        ("/{slug}", none, "the path has {slug}, but NAME.none takes no slug", "write def none(slug)"),
        ("/{slgu}", one, "the path has {slgu}, but NAME.one takes no slgu", 'did you mean "slug"?'),
        ("/{a}/{slug}", one, "the path has {a}, but NAME.one takes no a", "write def one(slug, a)"),
        (
            "/{x}",
            one,
            "but NAME.one takes no x",
            "write def one(x), or def one(slug, x) if slug is no part of the path",
        ),
        (
            "POST /{x}",
            one,
            "NAME.one takes no x",
            "write def one(x), or def one(slug, x) if slug is no part of the path",
        ),
        (
            "/{x}",
            pair,
            "takes no x",
            "def pair(request, left, right, x), or give one of left, right the name in the path",
        ),
        ("/{x}", paged, "takes no x", "write def paged(page, x)"),
        ("POST /{x}", item, "takes no x", "write def item(item, x)"),
        ("/{slug}", partial(one, slug="x"), "the path has {slug}, which is set already in NAME.one", "remove it"),
        ("/{request}", fetched, '"request" is the request in NAME.fetched, and a part of the path', "rename one"),
        ("/{x:str}", listed, "x: list[int] in NAME.listed can't come from the path", "a part of a path is"),
        ("/{x}", partial(item), "the path has {x}, but NAME.item takes no x", "did you mean|write def"),
        (
            "/{x}",
            either,
            "x: int | list[int] in NAME.either can't come from the path",
            "a part of a path is one string",
        ),
        (
            "/{x:int}",
            moment,
            "the path converts x to int, but NAME.moment takes datetime",
            'write "{x}" in the key, or x: int',
        ),
        ("/{x:uuid}", number, "the path converts x to uuid, but NAME.number takes int", "x: UUID in the view"),
        (
            "/{x}",
            own,
            "x: Own in NAME.own can't be read: Own can't be converted from text or JSON",
            "make it a dataclass",
        ),
        ("/", own, "x: Own in NAME.own can't be read: Own can't be converted from text or JSON", "make it a dataclass"),
        ("/", held, "x: Holder in NAME.held can't be read: Own can't be converted from text or JSON", "dataclass"),
        ("/", nested, "x: dict[str, int] in NAME.nested can't come from a query", "a query has strings"),
        ("/", either, "x: int | list[int] in NAME.either can't come from a query", "a query has strings"),
        ("/", bag, "bag: Bag in NAME.bag can't come from a query", "nested ones need a POST"),
        ("/", two, "NAME.two takes the whole body twice, as first and second", "put them into one class"),
        ("POST /", two, "NAME.two takes the whole body twice, as first and second", "put them into one class"),
        ("/", file, "NAME.file takes the file photo, but its methods have no body", '"POST /path"'),
        ("GET|POST /", file, "NAME.file takes the file photo, but its methods have no body", "POST"),
        ("POST /", file_and_nested, "x: dict[str, int] in NAME.file_and_nested needs JSON", "split the view in two"),
        ("POST /", file_and_bag, "bag: Bag in NAME.file_and_bag can't come from a form", "files come in a form"),
        ("POST /", beside, "x: dict[str, int] in NAME.beside can't come from a query", "put all into one class"),
        ("/", positional, "NAME.positional takes x by position only", 'remove the "/" after "x"'),
        (
            "/",
            unread,
            "the annotation of x in NAME.unread can't be read: name 'Decimal' is not defined",
            "TYPE_CHECKING",
        ),
        ("/", unwritten, "the annotation of x in NAME.unwritten can't be read", "write a type"),
        ("/", misnamed, "the annotation of x in NAME.misnamed can't be read", "write a type"),
        ("/", requested, "request in NAME.requested is str", "give this one another name"),
        ("POST /", sent, "can't be read", ""),
    ],
)
def test_a_view_with_unbindable_parameters_is_reported(
    mistakes: Find, key: str, view: Any, message: str, hint: str
) -> None:
    """The message has the mistake, the place of the view, the place of the key, and a hint."""
    (mistake,) = mistakes({key: view})
    assert message.replace("NAME", "tests.app.test_mistakes") in mistake.message
    assert any(each in mistake.hint for each in hint.split("|"))
    assert "test_mistakes.py:" in mistake.places[0]
    assert mistake.places[-1] == f"URLS[{key!r}]"


def test_a_field_may_have_a_common_name_of_the_request(site: Make) -> None:
    """With its type, or in the path, `req` is a name like any other."""
    made = site({"/": typed, "/{req}": short, "/own": Views().home})
    assert [made.get(path).text for path in ("/?req=a", "/b", "/own")] == ["a", "", ""]


PAIR = (
    "write def pair(request, x, y), or def pair(request, left, right, x, y) if left and right are no part of the path"
)


@pytest.mark.parametrize(
    ("view", "hint"),
    [
        (one, "write def one(x, y), or def one(slug, x, y) if slug is no part of the path"),
        (pair, PAIR),
        (none, "write def none(x, y)"),
    ],
)
def test_path_parameters_with_other_names_in_the_view_are_suggested(mistakes: Find, view: Any, hint: str) -> None:
    """A parameter without a source is taken for a path parameter of another name, in order."""
    found = mistakes({"/{x}/{y}": view})
    assert [mistake.hint for mistake in found] == [hint, hint]


def test_the_place_of_a_view_is_its_line(mistakes: Find) -> None:
    """A mistake names the line on which the view begins."""
    (mistake,) = mistakes({"/{slug}": none})
    assert mistake.places[0].endswith(f"tests/app/test_mistakes.py:{none.__code__.co_firstlineno}")


def several(a: Own, b: dict[str, int], c: Upload, /, d: int) -> str:
    return ""


def several_by_name(a: Own, b: Own) -> str:
    return ""


def test_all_mistakes_of_a_view_are_reported(mistakes: Find) -> None:
    """All mistakes of a view are reported at once."""
    assert len(mistakes({"/": several})) == 3
    assert len(mistakes({"/{x}/{y}": several_by_name})) == 4


async def coroutine() -> str:
    return ""


def generator() -> Iterator[str]:
    yield ""


async def async_generator() -> AsyncIterator[str]:
    yield ""


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: Own, "Own at / is a class", "give a function"),
        (lambda: Response, "Response at / is a class", "give a function"),
        (coroutine, "the view at / has been called", "without parentheses"),
        (generator, "the view at / has been called", "without parentheses"),
        (async_generator, "the view at / has been called", "without parentheses"),
        (lambda: "<!doctype html><p>Hello", "the string at / is HTML source (<!doctype", "into a template"),
        (lambda: " \n<h1>Hello</h1>", "the string at / is HTML source (<h1>Hello</h1>", "home, not home()"),
        (lambda: "\ufeff<p>see a.html", "the string at / is HTML source", "def home()"),
        (lambda: "Hello <b>world</b>", "the string at / is HTML source (Hello <b>world</b>", "home, not home()"),
        (lambda: "Hello <html lang=en>", "the string at / is HTML source", "home, not home()"),
        (Own, "a value of type Own at / is no response", "give a view"),
        (lambda: b"bytes", "a value of type bytes at / is no response", "give a view"),
        (lambda: Path("x"), "is no response", "give a view"),
        (lambda: Response(generator()), "the response at / is a stream", "return it from a view"),
        (lambda: "hom.html", 'URLS names the template "hom.html", which does not exist', 'did you mean "home.html"?'),
        (lambda: "templates/home.html", "which does not exist", 'did you mean "home.html"?'),
        (lambda: "../home.html", "which does not exist", "did you mean"),
        (lambda: "zzz.html", "which does not exist", "create "),
        (lambda: render("zzz.html"), "which does not exist", "create "),
        (lambda: None, 'the value of "/" is None', ""),
        (lambda: 5, "int", ""),
    ],
)
def test_a_value_that_is_no_response_is_reported(mistakes: Find, make: Any, message: str, hint: str) -> None:
    """Classes, called views, streams and missing templates are not values of URLS."""
    (mistake,) = mistakes({"/": make()}, pages={"home.html": ""})
    assert message in mistake.message
    assert hint in mistake.hint
    assert "URLS['/']" in mistake.places


def test_all_mistakes_are_reported_at_once(mistakes: Find, tmp_path: Path) -> None:
    """Table, views, errors, middleware, lifespan and templates: one start reports all mistakes."""
    found = mistakes(
        {"/": none, "GET /": none, "blog": one, "/a/{slug}": none, "/t": "missing.html"},
        pages={"broken.html": "\n{% if %}", "dangling.html": '{% extends "nothing.html" %}'},
        errors={200: none},
        middleware=[none],
        lifespan=none,
    )
    text = str(SetupError(found))
    for each in [
        '"GET /"',
        '"blog" does not begin with "/"',
        "takes no slug",
        '"missing.html"',
        "errors[200]",
        "has no yield",
        "broken.html",
        "nothing.html",
        "the lifespan",
    ]:
        assert each in text
    assert len(found) == 9


def test_mistakes_have_their_lines_if_the_file_is_known(mistakes: Find, tmp_path: Path) -> None:
    """With a source, a mistake has the line of the key, and the template's own file."""
    file = tmp_path / "main.py"
    file.write_text('URLS = {\n    "/a": "x",\n    "/t": "missing.html",\n}\n', encoding="utf-8")
    (mistake,) = mistakes({"/a": "x", "/t": "missing.html"}, source=file)
    assert mistake.places == ("main.py:3",)


def test_places_in_the_app_s_folder_are_short(mistakes: Find, tmp_path: Path) -> None:
    """The path of a view in the app's folder is relative."""
    space: dict[str, Any] = {"__name__": "views"}
    exec(compile("\n\ndef post(): return ''\n", str(tmp_path / "views.py"), "exec"), space)
    (mistake,) = mistakes({"/{slug}": space["post"]})
    assert mistake.places[0] == "views.py:3"
    assert "views.post takes no slug" in mistake.message


def test_a_named_folder_of_templates_must_exist(mistakes: Find, site: Make) -> None:
    """The default folder may be missing; one that is set may not."""
    (mistake,) = mistakes({"/": none}, templates="pages")
    assert 'templates="pages" names no folder' in mistake.message
    assert site({"/": none}).get("/").status == 200
    assert site({"/": none}, templates=None).get("/").status == 200


def test_a_template_without_a_folder_is_reported(mistakes: Find) -> None:
    """Without a folder of templates, a template is a mistake."""
    (mistake,) = mistakes({"/": "a.html"}, templates=None)
    assert mistake.hint == "the app has no templates folder"
    (mistake,) = mistakes({"/": "a.html"})
    assert "there is no folder" in mistake.hint


def wrapping(view: Any) -> Any:
    @wraps(view)
    def wrapper(*args: object, **names: object) -> object:
        return f"wrapped {view(*args, **names)}"

    return wrapper


@wrapping
def wrapped(n: int) -> str:
    return repr(n)


def test_a_decorated_view_is_read_through_its_decorator(site: Make, mistakes: Find) -> None:
    """A decorator that uses functools.wraps changes neither parameters nor the place."""
    assert site({"/{n}": wrapped}).get("/5").text == "wrapped 5"
    (mistake,) = mistakes({"/": wrapped, "/{m}": wrapped})
    assert "takes no m" in mistake.message
    assert "test_mistakes.py" in mistake.places[0]


class Opaque:
    __signature__ = "none"

    def __call__(self, text: str) -> str:
        return text


def bare(view: Any) -> Any:
    def wrapper(*args: object, **names: object) -> object:
        return view(*args, **names)

    return wrapper


def test_a_decorator_without_wraps_still_passes_the_path(site: Make) -> None:
    """A bare `*args, **kwargs` gets the path parameters as strings."""
    assert site({"/{slug}": bare(one)}).get("/a").text == "a"


def test_a_view_may_use_a_class_of_the_function_around_it(site: Make) -> None:
    """Annotations in quotes are also looked up in the function that contains the view."""

    @dataclass
    class Local:
        n: int

    def view(body: Local) -> str:
        return repr(Local(body.n).n)

    assert site({"POST /": view}).post("/", json={"n": 3}).text == "3"


def test_a_class_that_is_defined_later_is_reported(mistakes: Find) -> None:
    """A name that the containing function has not assigned yet can't be resolved."""

    def view(body: Later) -> str:
        return repr(Later)

    for mistake in mistakes({"POST /": view, "POST /{x}": view}):
        assert "the annotation of body in" in mistake.message

    class Later:
        pass


def test_a_builtin_without_a_signature_is_reported(site: Make, mistakes: Find) -> None:
    """A callable with a signature is bound, whatever language it is written in."""
    assert site({"/": "abc".upper}).get("/").text == "ABC"
    (mistake,) = mistakes({"/": min})
    assert "the parameters of builtins.min can't be read" in mistake.message
    (mistake,) = mistakes({"/": partial(Opaque(), "abc")})
    assert "the parameters of tests.app.test_mistakes.Opaque can't be read" in mistake.message
    (mistake,) = mistakes({"/": operator.methodcaller("upper")})
    assert "operator.methodcaller" in mistake.message


def test_the_name_of_a_function_in_quotation_marks_is_reported(mistakes: Find, site: Make, tmp_path: Path) -> None:
    """A string that is the name of a function in the file was meant as the function; any other is a heading."""
    file = tmp_path / "main.py"
    file.write_text('def home(): ...\n\nURLS = {"/": "home",\n "/about": "about"}\n')
    (mistake,) = mistakes({"/": "home", "/about": "about"}, source=file)
    assert str(mistake) == (
        'the string at / is "home", the name of a function in this file\n'
        "  at main.py:3\n"
        "  write home without quotation marks; a string is the heading of a page"
    )
    assert site({"/": "Home"}, source=file).get("/").status == 200
