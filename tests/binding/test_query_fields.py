"""Parameters that the query fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
import pytest

from fanlight.message.request import Request

Make = Callable[..., Any]


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def search(q: str, page: int = 1) -> str:
    return f"{q!r} {page!r}"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?q=cats", "'cats' 1"),
        ("?q=cats&page=2", "'cats' 2"),
        ("?page=2&q=a+b%26c", "'a b&c' 2"),
        ("?q=", "'' 1"),
        ("?q=a&q=b", "'b' 1"),
        ("?q=a&page=", "'a' 1"),
        ("?q=a&unknown=1", "'a' 1"),
        ("?q=%C3%A4", "'ä' 1"),
    ],
)
def test_fields_are_read_by_name(site: Make, query: str, said: str) -> None:
    """A field fills the parameter of its name; of several values, the last."""
    assert site({"/": search}).get(f"/{query}").text == said


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("", [("query", "q", "is missing")]),
        ("?page=1", [("query", "q", "is missing")]),
        ("?q=a&page=x", [("query", "page", "'x' is not an integer")]),
        ("?page=x", [("query", "q", "is missing"), ("query", "page", "'x' is not an integer")]),
    ],
)
def test_every_bad_field_is_listed_at_once(site: Make, query: str, bad: list[tuple[str, str, str]]) -> None:
    """One 422 lists all missing and invalid fields."""
    assert site({"/": search}).get(f"/{query}").bad == bad


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_methods_without_content_have_the_query(site: Make, method: str) -> None:
    """GET, HEAD and DELETE fill parameters from the query, even with content."""
    client = site({"GET /": search, "DELETE /": search})
    assert client.send(method, "/?q=a", form={"q": "b"}).text == "'a' 1"


def listed(n: list[int], c: set[Color] | None = None, t: tuple[str, ...] = ("x",)) -> str:
    return f"{n} {c} {t}"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "[] None ('x',)"),
        ("?n=1&n=2", "[1, 2] None ('x',)"),
        ("?n=&n=2", "[2] None ('x',)"),
        ("?c=red&c=red", "[] {<Color.RED: 'red'>} ('x',)"),
        ("?t=a&t=b", "[] None ('a', 'b')"),
    ],
)
def test_a_list_takes_every_value_of_a_name(site: Make, query: str, said: str) -> None:
    """A repeated field is a list; without one the list is empty, or the default."""
    assert site({"/": listed}).get(f"/{query}").text == said


def test_every_item_of_a_list_is_checked(site: Make) -> None:
    """Each invalid value has its error."""
    bad = [("query", "n", "'x' is not an integer"), ("query", "n", "'y' is not an integer")]
    assert site({"/": listed}).get("/?n=x&n=1&n=y").bad == bad


def maybe_listed(n: list[int] | None) -> str:
    return repr(n)


def test_an_optional_list_is_none_if_nothing_is_sent(site: Make) -> None:
    """The annotation decides between None and an empty list."""
    client = site({"/": maybe_listed})
    assert [client.get("/").text, client.get("/?n=1").text] == ["None", "[1]"]


def test_a_long_list_of_invalid_values_has_a_short_response(site: Make) -> None:
    """At most a hundred errors are listed."""
    assert len(site({"/": listed}).get("/?" + "n=x&" * 500).bad) == 100


def bounded(n: Annotated[list[Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(min_length=1, max_length=2)]) -> str:
    return repr(n)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "must have at least 1 item"),
        ("?n=1&n=2&n=3", "must have at most 2 items"),
        ("?n=-1", "must be at least 0"),
    ],
)
def test_lists_and_items_have_constraints(site: Make, query: str, message: str) -> None:
    """Constraints hold for the list and for each of its items."""
    assert site({"/": bounded}).get(f"/{query}").bad == [("query", "n", message)]


def test_a_list_within_its_constraints_is_accepted(site: Make) -> None:
    """Constraints that hold change nothing."""
    assert site({"/": bounded}).get("/?n=1&n=0").text == "[1, 0]"


def several(n: Sequence[int], f: frozenset[str] = frozenset(), any_of: list = []) -> str:  # type: ignore[type-arg]  # noqa: B006 - a user may write it so
    return f"{n} {sorted(f)} {any_of}"


def test_other_collections_work_too(site: Make) -> None:
    """A Sequence is a list; the items of a bare list are strings."""
    assert site({"/": several}).get("/?n=1&f=b&f=a&any_of=5").text == "[1] ['a', 'b'] ['5']"


def optional(a: int | None, b: str | None, c: date | None = date(2026, 1, 1)) -> str:
    return f"{a} {b} {c}"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "None None 2026-01-01"),
        ("?a=&b=&c=", "None  2026-01-01"),
        ("?a=1&b=x&c=2026-02-02", "1 x 2026-02-02"),
    ],
)
def test_an_optional_field_may_be_missing(site: Make, query: str, said: str) -> None:
    """`X | None` without a default is None if it is not sent; a blank field counts as not sent, except for strings."""
    assert site({"/": optional}).get(f"/{query}").text == said


def shy(mail: Annotated[str, msgspec.Meta(pattern="@")] | None = None, kind: Literal["", "a"] = "a") -> str:
    return f"{mail} {kind!r}"


def test_an_optional_string_with_a_pattern_may_be_blank(site: Make) -> None:
    """A blank that violates a constraint of an optional string counts as not sent; one that is a choice counts."""
    assert site({"/": shy}).get("/?mail=&kind=").text == "None ''"


def loose(a=1, b=False, c="x", d=None, e=2.5) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - defaults say the types
    return f"{a!r} {b!r} {c!r} {d!r} {e!r}"


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "1 False 'x' None 2.5"), ("?a=2&b=on&c=3&d=4&e=5", "2 True '3' '4' 5.0")],
)
def test_the_default_has_the_type_if_there_is_no_annotation(site: Make, query: str, said: str) -> None:
    """`page=1` is a number when it is sent, too."""
    assert site({"/": loose}).get(f"/{query}").text == said


@dataclass
class Filters:
    color: Color
    most: int = 10
    tags: list[str] = field(default_factory=list)
    made: int = field(default=7, init=False)


def filtered(filters: Filters, page: int = 1) -> str:
    return f"{filters} {page}"


def test_a_dataclass_is_the_whole_query(site: Make) -> None:
    """Without content, the fields of a class come from the query, beside other parameters."""
    said = "Filters(color=<Color.RED: 'red'>, most=10, tags=['a', 'b'], made=7) 2"
    assert site({"/": filtered}).get("/?color=red&tags=a&tags=b&page=2&made=9").text == said


def test_all_errors_of_a_whole_query_are_listed(site: Make) -> None:
    """The fields of the class and those beside it are in one response."""
    bad = [("query", "page", "'y' is not an integer"), ("query", "color", "is missing")]
    assert site({"/": filtered}).get("/?page=y").bad == bad


def folder(name: str, root: str = "public") -> str:
    return f"{root}/{name}"


def test_a_query_does_not_override_a_partial(site: Make) -> None:
    """The author has set its arguments: no client may change them."""
    client = site({"/": partial(folder, root="private")})
    assert client.get("/?name=a&root=/etc").text == "private/a"


class Greeter:
    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, name: str = "you") -> str:
        return f"{self.word}, {name}"

    def method(self, name: str) -> str:
        return f"{self.word}! {name}"


def test_objects_and_methods_are_views_too(site: Make) -> None:
    """Any callable with a signature is bound alike."""
    client = site({"/a": Greeter("Hello"), "/b": Greeter("Hi").method})
    assert [client.get("/a").text, client.get("/a?name=x").text, client.get("/b?name=y").text] == [
        "Hello, you",
        "Hello, x",
        "Hi! y",
    ]


def ask_it(request, what: Request) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001 - by name it needs no annotation
    return f"{request is what} {request.path}"


def test_the_request_is_found_by_name_or_annotation(site: Make) -> None:
    """`request` is the request; so is a parameter with that annotation."""
    assert site({"/p": ask_it}).get("/p").text == "True /p"


def cut(x: str = "") -> str:
    return x


@pytest.mark.parametrize("query", ["?x=%FF", "?x=%C3"])
def test_a_query_that_can_not_be_decoded_is_400(site: Make, query: str) -> None:
    """It is no error of a field."""
    assert site({"/": cut}).get(f"/{query}").status == 400


def test_a_message_quotes_little_of_the_value(site: Make) -> None:
    """The value of a client is truncated before it is sent back."""
    ((_, _, message),) = site({"/": search}).get(f"/?q=a&page={quote('<b>' * 1000)}").bad
    assert len(message) < 80


def test_a_message_is_escaped_on_a_page(site: Make) -> None:
    """In a browser's 422 page, an invalid value is shown as text."""
    page = site({"/": search}).get("/?q=a&page=<script>", fields={"accept": "text/html"})
    assert page.status == 422
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
