"""Parameters that a JSON body fills."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import Doc

from fanlight.binding.body import JSONDecoder
from fanlight.binding.kinds import kind_of
from fanlight.errors import BadField
from fanlight.testing import LiveServer

Make = Callable[..., Any]
KIND = {"content-type": "application/json"}


def send(name: str, age: int, born: date | None = None, tags: list[str] = ["x"]) -> str:  # noqa: B006 - it is never changed
    return f"{name!r} {age} {born} {tags}"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.api+json"])
def test_the_fields_of_an_object_fill_the_parameters(site: Make, kind: str) -> None:
    """A JSON object is read like a form, with the types of JSON."""
    content = b'{"age": 3, "name": "A", "born": "2026-01-31", "unknown": [1]}'
    response = site({"POST /": send}).post("/", content=content, fields={"content-type": kind})
    assert response.text == "'A' 3 2026-01-31 ['x']"


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({}, [("name", "is missing"), ("age", "is missing")]),
        ({"name": 1, "age": "3"}, [("name", "1 is not a string"), ("age", "'3' is not an integer")]),
        ({"name": None, "age": 1.5}, [("name", "null is not a string"), ("age", "1.5 is not an integer")]),
        ({"name": "A", "age": True}, [("age", "true is not an integer")]),
        ({"name": {}, "age": []}, [("name", "an object is not a string"), ("age", "a list is not an integer")]),
        ({"name": "A", "age": 1, "born": "x"}, [("born", "'x' is not a date like 2026-01-31")]),
        ({"name": "A", "age": 1, "tags": "x"}, [("tags", "'x' is not a list")]),
        (
            {"name": "A", "age": 1, "tags": ["x", 1, None]},
            [("tags[1]", "1 is not a string"), ("tags[2]", "null is not a string")],
        ),
        ([], [("", "a list is not an object")]),
        (5, [("", "5 is not an object")]),
    ],
)
def test_every_bad_field_is_listed_at_once(site: Make, body: object, bad: list[tuple[str, str]]) -> None:
    """One 422 lists all missing and invalid fields, in the order of the parameters."""
    assert site({"POST /": send}).post("/", json=body).bad == [("json", *each) for each in bad]


@pytest.mark.parametrize(
    "content", [b"{", b"", b"nope", b'{"name":"A","age":1} x', b'{"name": 1, ', b"\xff", b'"\xff"', b"[" * 100_000]
)
def test_malformed_json_is_400(site: Make, content: bytes) -> None:
    """It is no error of a field, also if it is malformed behind an invalid value."""
    response = site({"POST /": send}).post("/", content=content, fields=KIND)
    assert response.status == 400
    assert "JSON" in response.text


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Line:
    name: str
    price: Annotated[Decimal, Doc("in euros")]
    count: Annotated[int, msgspec.Meta(ge=1, le=99)] = 1


class Order(msgspec.Struct):
    id: UUID
    lines: Annotated[list[Line], msgspec.Meta(min_length=1)]
    color: Color
    kind: Literal["new", "used"] = "new"
    extra: dict[str, int] = {}
    note: str | None = None


ID = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"
GOOD = {"id": ID, "lines": [{"name": "a", "price": "1.10"}], "color": "red"}


def order(order: Order, dry: bool = False) -> str:
    return f"{order.id} {order.lines} {order.color.value} {order.kind} {order.extra} {order.note} {dry}"


def test_a_struct_is_the_whole_body(site: Make) -> None:
    """A Struct, with dataclasses inside, is validated while it is decoded; other parameters are in the query."""
    said = f"{ID} [Line(name='a', price=Decimal('1.10'), count=1)] red new {{}} None True"
    assert site({"POST /": order}).post("/?dry=yes", json=GOOD).text == said


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({"id": "x"}, [("id", "'x' is not a UUID")]),
        ({"lines": []}, [("lines", "must have at least 1 item")]),
        ({"lines": {}}, [("lines", "an object is not a list")]),
        ({"lines": [1]}, [("lines[0]", "1 is not an object")]),
        (
            {"lines": [{"price": "x"}, {"name": "b", "price": 1, "count": 100}]},
            [
                ("lines[0].name", "is missing"),
                ("lines[0].price", "'x' is not a number"),
                ("lines[1].count", "must be at most 99"),
            ],
        ),
        ({"color": "RED"}, [("color", "'RED' is not one of red, blue")]),
        ({"color": 1}, [("color", "1 is not one of red, blue")]),
        ({"kind": "old"}, [("kind", "'old' is not one of new, used")]),
        ({"extra": {"a": 1, "b": "x"}}, [("extra.b", "'x' is not an integer")]),
        ({"extra": 1}, [("extra", "1 is not an object")]),
        ({"note": 1}, [("note", "1 is not a string")]),
        ({"id": 1, "color": None}, [("id", "1 is not a UUID"), ("color", "null is not one of red, blue")]),
    ],
)
def test_nested_errors_have_their_location(site: Make, change: dict[str, Any], bad: list[tuple[str, str]]) -> None:
    """The name of a field is the path to it, through any container."""
    assert site({"POST /": order}).post("/", json=GOOD | change).bad == [("json", *each) for each in bad]


def test_errors_of_query_and_body_are_listed_together(site: Make) -> None:
    """One 422 has both."""
    response = site({"POST /": order}).post("/?dry=x", json=GOOD | {"color": "x"})
    assert sorted(each[0] for each in response.bad) == ["json", "query"]


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    full_name: str


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class Checked(msgspec.Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is over high")


class Point(NamedTuple):
    x: int
    y: int


class Row(msgspec.Struct, array_like=True):
    x: int


class Typed(TypedDict):
    a: int


@dataclass
class Mixed:
    any: object = None
    either: int | str = 0
    pair: tuple[int, str] = (1, "a")
    pet: Cat | Dog | None = None
    typed: Typed | None = None
    point: Point | None = None
    row: Row | None = None
    data: bytes = b""
    unique: set[int] = field(default_factory=set)
    number: float = 0.0
    flag: bool = False
    inner: dict[str, list[Strict]] = field(default_factory=dict)


@dataclass
class Ranges:
    whole: Checked | None = None
    many: list[Checked] = field(default_factory=list)
    pairs: list[tuple[int, Checked]] = field(default_factory=list)
    named: dict[str, Checked] = field(default_factory=dict)


def ranges(body: Ranges) -> str:
    return "ok"


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"whole": {"low": 2, "high": 1}}, "/whole"),
        ({"many": [{"low": 1, "high": 1}, {"low": 2, "high": 1}]}, "/many/1"),
        ({"pairs": [[1, {"low": 2, "high": 1}]]}, "/pairs/0/1"),
        ({"named": {"$ - at `x`": {"low": 2, "high": 1}}}, "/named/$ - at `x`"),
    ],
)
def test_the_error_of_a_struct_has_its_location(site: Make, sent: object, pointer: str) -> None:
    """A ValueError of a Struct's `__post_init__` keeps its message, and has a pointer."""
    response = site({"POST /": ranges}).post("/", json=sent)
    (error,) = response.json["errors"]
    assert (response.status, error["pointer"], error["detail"]) == (422, pointer, "low is over high")


def strict(body: Strict) -> str:
    return body.full_name


def checked(body: Checked) -> str:
    return f"{body.low}"


def mixed(body: Mixed) -> str:
    return repr(body)


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        (
            {"fullName": "A", "more": 1, "other": 2},
            [("more", "is not a known field"), ("other", "is not a known field")],
        ),
        ({"full_name": "A"}, [("fullName", "is missing"), ("full_name", "is not a known field")]),
    ],
)
def test_a_strict_struct_rejects_unknown_fields(site: Make, body: object, bad: list[tuple[str, str]]) -> None:
    """They are listed by name."""
    assert site({"POST /": strict}).post("/", json=body).bad == [("json", *each) for each in bad]


def test_a_value_error_of_a_class_is_a_bad_body(site: Make) -> None:
    """A ValueError of `__post_init__` is a 422 with its own message."""
    ((source, name, message),) = site({"POST /": checked}).post("/", json={"low": 3, "high": 2}).bad
    assert (source, name) == ("json", "")
    assert "low is over high" in message


@pytest.mark.parametrize(
    ("body", "bad"),
    [
        ({"any": [1, {"b": None}], "either": "x"}, None),
        ({"either": 1.5}, [("either", "1.5 is not an integer or a string")]),
        ({"pair": "x"}, [("pair", "'x' is not a list")]),
        ({"pair": [1]}, [("pair", "must have 2 items")]),
        ({"pair": ["a", 1]}, [("pair[0]", "'a' is not an integer"), ("pair[1]", "1 is not a string")]),
        ({"typed": {}}, [("typed.a", "is missing")]),
        ({"typed": {"a": "x"}}, [("typed.a", "'x' is not an integer")]),
        ({"point": 1}, [("point", "1 is not a list")]),
        ({"row": {"x": 1}}, [("row", "an object is not a list")]),
        ({"unique": [1, "x"]}, [("unique[1]", "'x' is not an integer")]),
        ({"number": "1"}, [("number", "'1' is not a number")]),
        ({"flag": 1}, [("flag", "1 is not true or false")]),
        ({"inner": {"k": [{"fullName": 1}]}}, [("inner.k[0].fullName", "1 is not a string")]),
        ({"flag": 1, "number": None}, [("number", "null is not a number"), ("flag", "1 is not true or false")]),
    ],
)
def test_every_kind_has_plain_messages(site: Make, body: object, bad: list[tuple[str, str]] | None) -> None:
    """Unions, tuples, typed dicts and the like, too."""
    response = site({"POST /": mixed}).post("/", json=body)
    if bad is None:
        assert response.status == 200
    else:
        assert response.bad == [("json", *each) for each in bad]


@pytest.mark.parametrize(
    "body",
    [
        {"pet": {"type": "cow"}},
        {"pet": {"type": "cat"}},
        {"data": "not base64!"},
        {"row": []},
        {"point": ["x", 1]},
        {"number": 10**400},
    ],
)
def test_other_errors_have_the_message_of_msgspec(site: Make, body: object) -> None:
    """There is always at least one bad field, with a message."""
    bad = site({"POST /": mixed}).post("/", json=body).bad
    assert bad
    assert all(message for _, _, message in bad)


def whole(contact: Strict | None) -> str:
    return str(contact)


def test_a_whole_body_may_be_null(site: Make) -> None:
    """`X | None` accepts null, and no content."""
    client = site({"POST /": whole})
    assert client.post("/", content=b"null", fields=KIND).text == "None"
    assert client.post("/").text == "None"


def whole_nested(body: Nested | None = None) -> str:
    return str(body)


def test_a_whole_body_that_only_json_can_hold_may_be_missing(site: Make) -> None:
    """If nothing is sent, its type can't be wrong."""
    client = site({"POST /": whole_nested})
    assert client.post("/").text == "None"
    assert client.post("/", content=b"", fields=KIND).text == "None"
    assert client.post("/", form={"items": "x"}).status == 415


class Nested(msgspec.Struct):
    items: list[Strict]


def nested(body: Nested) -> str:
    return str(len(body.items))


def batch(items: list[Strict], names: dict[str, int]) -> str:
    return f"{[item.full_name for item in items]} {names}"


@pytest.mark.parametrize("path", ["/nested", "/batch"])
def test_a_view_with_nested_values_rejects_forms(site: Make, path: str) -> None:
    """The response says that JSON is needed."""
    client = site({"POST /nested": nested, "POST /batch": batch})
    response = client.post(path, form={"items": "x"})
    assert response.status == 415
    assert "send JSON, not application/x-www-form-urlencoded" in response.text
    assert client.post(path).status == 415


def test_nested_parameters_come_from_json(site: Make) -> None:
    """Lists of Structs and dicts may be parameters."""
    client = site({"POST /": batch})
    assert client.post("/", json={"items": [{"fullName": "A"}], "names": {"a": 1}}).text == "['A'] {'a': 1}"
    assert client.post("/", json={"items": [{}], "names": 1}).bad == [
        ("json", "items[0].fullName", "is missing"),
        ("json", "names", "1 is not an object"),
    ]


def free(n: list[int], o: int | None, d: list[int] = [7]) -> str:  # noqa: B006 - it is never changed
    return f"{n} {o} {d}"


def test_optional_fields_are_the_same_as_in_a_form(site: Make) -> None:
    """A list, an optional and a default may be left out of JSON, too."""
    assert site({"POST /": free}).post("/", json={}).text == "[] None [7]"


class Tree(msgspec.Struct):
    left: Tree | None = None


def climb(tree: Tree) -> str:
    return "climbed"


def test_deeply_nested_json_is_400(site: Make) -> None:
    """Also when it is searched for errors: the stack of Python is not exhausted."""
    for depth in (200, 900, 5000, 100_000):
        content = b'{"left":' * depth + b"1" + b"}" * depth
        response = site({"POST /": climb}).post("/", content=content, fields=KIND)
        assert response.status in (400, 422)


def test_the_response_to_a_huge_invalid_body_is_small(site: Make) -> None:
    """The number of errors is bounded, and so is the length of each message and name."""
    client = site({"POST /": send, "POST /mixed": mixed})
    response = client.post("/", json={"name": "x" * 100_000, "age": "y" * 100_000, "tags": [1] * 100_000})
    assert len(response.bad) == 100
    assert len(response.text) < 10_000
    response = client.post("/mixed", json={"pet": {"type": "x" * 100_000}})
    assert len(response.text) < 1000
    many = {f"{number}" + "k" * 10_000: "x" for number in range(200)}
    response = client.post("/mixed", json={"inner": many})
    assert len(response.text) < 20_000


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list("abcxy")), inner, max_size=3),
    max_leaves=10,
)
_KINDS: list[Any] = [Order, Mixed, Strict, Checked, Tree, list[Line], dict[str, Color], Cat | Dog, int | None, Point]


@given(st.sampled_from(_KINDS), _VALUES)
def test_every_rejection_of_msgspec_is_listed(annotation: Any, value: object) -> None:
    """The second pass finds at least one bad field, and raises nothing, for any JSON; 3.0 is a whole number."""
    content = msgspec.json.encode(value)
    try:
        msgspec.json.decode(content, type=annotation)
    except msgspec.ValidationError:
        found: list[BadField] = []
        made = JSONDecoder(annotation, kind_of(annotation)).decode(content, found)
        assert found or made == value
        assert all(each.message for each in found)


class Street(msgspec.Struct):
    street: str
    number: Annotated[int, msgspec.Meta(ge=1)] = 1


@dataclass
class Person:
    name: str
    address: list[Street]
    marks: dict[str, int] = field(default_factory=dict)


def person(person: Person) -> str:
    return person.name


def test_a_bad_field_has_a_pointer(site: Make) -> None:
    """Every bad field of nested JSON has its JSON pointer (RFC 6901), all in one response."""
    body = {"address": [{"number": 0}, {"street": 5}, "x"], "marks": {"a/b~c": "x"}}
    response = site({"POST /": person}).post("/", json=body)
    assert response.headers["content-type"] == "application/problem+json"
    assert [(each["pointer"], each["detail"]) for each in response.json["errors"]] == [
        ("/name", "is missing"),
        ("/address/0/street", "is missing"),
        ("/address/0/number", "must be at least 1"),
        ("/address/1/street", "5 is not a string"),
        ("/address/2", "'x' is not an object"),
        ("/marks/a~1b~0c", "'x' is not an integer"),
    ]


def test_curl_gets_the_pointers(site: Make) -> None:
    """Through a socket: invalid JSON gets problem details, although the client accepts any type."""
    with LiveServer(site({"POST /": person}).app) as server:
        command = ["curl", "-si", "--json", '{"name": "A", "address": [{"street": null}]}', server.url]
        head, _, body = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 422 ")
    assert "content-type: application/problem+json" in head
    (each,) = msgspec.json.decode(body)["errors"]
    assert each == {
        "in": "json",
        "name": "address[0].street",
        "pointer": "/address/0/street",
        "detail": "null is not a string",
    }


def test_an_error_of_the_whole_document_has_the_empty_pointer(site: Make) -> None:
    """It stands for the whole document."""
    assert site({"POST /": person}).post("/", json=5).json["errors"][0]["pointer"] == ""


def test_only_json_has_pointers(site: Make) -> None:
    """The fields of a form have names alone."""
    assert "pointer" not in site({"POST /": send}).post("/", form={"name": "A"}).json["errors"][0]


def test_a_very_long_pointer_is_left_out(site: Make) -> None:
    """A long key that the client chose is not sent back a hundred times."""
    (each,) = (
        site({"POST /": person}).post("/", json={"name": "A", "address": [], "marks": {"k" * 9999: "x"}}).json["errors"]
    )
    assert "pointer" not in each
    assert len(each["name"]) < 100


def _at(document: Any, pointer: str) -> Any:
    """Follow a pointer as RFC 6901, section 4, says."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - as the RFC writes it
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


@given(marks=st.dictionaries(st.text(max_size=5), st.text(max_size=3) | st.integers(), max_size=5))
def test_a_pointer_leads_to_the_invalid_value(marks: dict[str, Any]) -> None:
    """Whatever characters a key has."""
    value = {"name": "A", "address": [], "marks": marks}
    found: list[BadField] = []
    JSONDecoder(Person, kind_of(Person)).decode(msgspec.json.encode(value), found)
    for each in found:
        if each.pointer:
            assert isinstance(_at(value, each.pointer), str)
    assert len([each for each in found if each.pointer]) == sum(isinstance(each, str) for each in marks.values())
