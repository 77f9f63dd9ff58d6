# ruff: noqa: PLC2401 - names of other alphabets are what is tested
"""Parameters that are the whole body, or one field of it; names in every alphabet; defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, NamedTuple, TypedDict, TypeVar
from urllib.parse import urlencode

import msgspec
import pytest

from fanlight.binding.markers import Body, Field, FieldName, Header, WholeBody
from fanlight.message.form import FormErrors
from fanlight.message.upload import Upload

Make = Callable[..., Any]
KIND = {"content-type": "application/json"}
T = TypeVar("T")


class Item(msgspec.Struct):
    name: str


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Typed(TypedDict, total=False):
    name: str
    when: datetime


class Point(NamedTuple):
    x: int
    y: int = 0


def items(items: list[Item]) -> str:
    return repr(items)


def pet(pet: Cat | Dog, loud: bool = False) -> str:
    return f"{pet!r} {loud}"


def number(number: int | None) -> str:
    return repr(number)


def either(value: int | str) -> str:
    return repr(value)


def point(point: Point) -> str:
    return repr(point)


def prices(prices: dict[str, int]) -> str:
    return repr(prices)


def typed(typed: Typed) -> str:
    return repr(typed)


def two(items: list[Item], note: str = "") -> str:
    return f"{items!r} {note}"


URLS = {f"POST /{view.__name__}": view for view in (items, pet, number, either, point, prices, typed, two)}


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("items", '[{"name":"a"}]', "[Item(name='a')]"),
        ("items", ' \n[{"name":"a"}]', "[Item(name='a')]"),
        ("items", '\ufeff[{"name":"a"}]', "[Item(name='a')]"),
        ("items", "[]", "[]"),
        ("items", '{"items":[{"name":"a"}]}', "[Item(name='a')]"),
        ("items", "{}", "[]"),
        ("pet", '{"type":"dog","name":"Rex"}', "Dog(name='Rex') False"),
        ("pet?loud=1", '{"lives":9,"type":"cat"}', "Cat(lives=9) True"),
        ("number", "5", "5"),
        ("number", "null", "None"),
        ("number", '{"number":5}', "5"),
        ("either", '"x"', "'x'"),
        ("either", "5", "5"),
        ("either", '{"value":"x"}', "'x'"),
        ("point", "[1,2]", "Point(x=1, y=2)"),
        ("point", '{"point":[1]}', "Point(x=1, y=0)"),
        ("prices", '{"prices":{"tea":1}}', "{'tea': 1}"),
        (
            "typed",
            '{"name":"a","when":"2026-01-31T12:30"}',
            "{'name': 'a', 'when': datetime.datetime(2026, 1, 31, 12, 30)}",
        ),
        ("two", '{"items":[{"name":"a"}],"note":"n"}', "[Item(name='a')] n"),
    ],
)
def test_json_that_is_not_an_object_fills_the_only_field(site: Make, path: str, content: str, said: str) -> None:
    """A class, or a tagged union of classes, is the whole body; JSON that is not an object is the only field."""
    response = site(URLS).post(f"/{path}", content=content.encode(), fields=KIND)
    assert (response.status, response.text) == (200, said)


@pytest.mark.parametrize(
    ("path", "content", "bad"),
    [
        ("items", '[{"name":1},5]', [("items[0].name", "/0/name"), ("items[1]", "/1")]),
        ("items", "5", [("items", "")]),
        ("items", '{"items":[{"name":1}]}', [("items[0].name", "/items/0/name")]),
        ("number", '"5"', [("number", "")]),
        ("either", "1.5", [("value", "")]),
        ("prices", '{"tea":1}', [("prices", "/prices")]),
        ("prices", "[1]", [("", "")]),
        ("two", "[1]", [("", "")]),
        ("pet", '{"type":"dog"}', [("name", "/name")]),
        ("pet", '{"type":"cow"}', [("type", "/type")]),
    ],
)
def test_errors_in_a_whole_body_are_named(site: Make, path: str, content: str, bad: list[tuple[str, str]]) -> None:
    """Errors have the name of the parameter, and point into the document as it was sent."""
    response = site(URLS).post(f"/{path}", content=content.encode(), fields=KIND)
    assert response.status == 422
    assert [(each["name"], each["pointer"]) for each in response.json["errors"]] == bad


def test_a_typed_dict_is_a_form_too(site: Make) -> None:
    """Any class with named fields that can be text is read from forms and queries."""
    client = site({"POST /": typed, "GET /": typed})
    said = "{'name': 'a', 'when': datetime.datetime(2026, 1, 31, 12, 30)}"
    assert client.post("/", form={"name": "a", "when": "2026-01-31T12:30"}).text == said
    assert client.get("/?name=a").text == "{'name': 'a'}"


# --- names in every alphabet -----------------------------------------------------------------


@dataclass
class Größe:
    größe: int = 0


@dataclass
class Nested:
    größen: list[Größe] = field(default_factory=list)
    名前: dict[str, Größe] = field(default_factory=dict)


class Länge(TypedDict):
    länge: int


class Größer(Länge, total=False):
    更に: Größe


@dataclass
class Generisch(Generic[T]):
    größex: T


class Reihe(NamedTuple):
    größe: int


class Struktur(msgspec.Struct, tag="tür", tag_field="ärt"):
    größe: int


@pytest.mark.parametrize(
    ("annotation", "content", "value"),
    [
        (Größe, '{"größe":5}', Größe(5)),
        (Nested, '{"größen":[{"größe":1}],"名前":{"ü":{"größe":2}}}', Nested([Größe(1)], {"ü": Größe(2)})),
        (Länge, '{"länge":5}', {"länge": 5}),
        (Größer, '{"länge":5,"更に":{"größe":3}}', {"länge": 5, "更に": Größe(3)}),
        (Generisch[Größe], '{"größex":{"größe":3}}', Generisch(Größe(3))),
        (list[Größe | None], '[{"größe":5},null]', [Größe(5), None]),
        (dict[str, list[Größe]], '{"wörter":{"ü":[{"größe":5}]}}', {"ü": [Größe(5)]}),
        (Reihe, "[5]", Reihe(5)),
        (Struktur, '{"größe":5,"ärt":"tür"}', Struktur(5)),
    ],
)
def test_names_of_every_alphabet_are_read(site: Make, annotation: Any, content: str, value: object) -> None:
    """Fields of every kind of class are found in JSON, in any alphabet and at any depth."""
    taken: list[object] = []

    def take(wörter: Any) -> str:
        taken.append(wörter)
        return "ok"

    take.__annotations__ = {"wörter": annotation}
    client = site({"POST /": take})
    assert (client.post("/", content=content.encode(), fields=KIND).status, taken) == (200, [value])


# --- other names, and whole bodies, by a marker --------------------------------------------


class Camel(msgspec.Struct, rename="camel"):
    page_size: int
    other: Annotated[int, Field("an-other")] = 5


@dataclass
class Slot:
    size: Annotated[int, Field("page-size")]
    klass: Annotated[str | None, Field("class")] = None
    tags: Annotated[list[str], Field("tags[]")] = field(default_factory=list)


@dataclass
class Tree:
    size: Annotated[int, Field("page-size")]
    inner: list[Tree] = field(default_factory=list)


class Dashed(TypedDict):
    size: Annotated[int, Field("page-size")]


def search(
    size: Annotated[int, Field("page-size")],
    since: Annotated[str | None, Field("from")] = None,
    ids: Annotated[list[int], Field("ids[]")] = [],  # noqa: B006 - it is copied
) -> str:
    return f"{size} {since} {ids}"


def camel(sent: Camel) -> str:
    return f"{sent.page_size} {sent.other}"


def slot(sent: Slot) -> str:
    return f"{sent.size} {sent.klass} {sent.tags}"


def dashed(sent: Dashed) -> str:
    return f"{sent['size']}"


def held(slot: Field[Slot], note: str = "") -> str:
    return f"{slot.size} {note}"


def file(file: Annotated[Upload, Field("my-file")], size: Annotated[int, Field("page-size")] = 1) -> str:
    return f"{file.filename} {size}"


@pytest.mark.parametrize(
    ("view", "form", "content", "said"),
    [
        (
            search,
            {"page-size": "5", "from": "x", "ids[]": ["1", "2"]},
            {"page-size": 5, "from": "x", "ids[]": [1, 2]},
            "5 x [1, 2]",
        ),
        (search, {"page-size": "5", "size": "7"}, {"page-size": 5, "size": 7}, "5 None []"),
        (camel, {"pageSize": "5", "an-other": "6"}, {"pageSize": 5, "an-other": 6}, "5 6"),
        (camel, {"pageSize": "5", "other": "6"}, {"pageSize": 5, "other": 6}, "5 5"),
        (
            slot,
            {"page-size": "5", "class": "a", "tags[]": ["t"]},
            {"page-size": 5, "class": "a", "tags[]": ["t"]},
            "5 a ['t']",
        ),
        (dashed, {"page-size": "5"}, {"page-size": 5}, "5"),
    ],
)
def test_a_field_may_have_another_name(site: Make, view: Any, form: Any, content: Any, said: str) -> None:
    """A parameter, or a field of any kind of class, is sent by the name in `Field`, and by no other."""
    client = site({"POST /": view, "GET /": view})
    assert client.get(f"/?{urlencode(form, doseq=True)}").text == said
    assert client.post("/", form=form).text == said
    assert client.post("/", json=content).text == said


@pytest.mark.parametrize("view", [search, slot, dashed])
def test_messages_use_the_name_that_is_sent(site: Make, view: Any) -> None:
    """Errors have the name that the client uses."""
    client = site({"POST /": view, "GET /": view})
    assert client.get("/").bad == [("query", "page-size", "is missing")]
    assert client.post("/", form={"page-size": "x"}).bad == [("form", "page-size", "'x' is not an integer")]
    assert client.post("/", json={"size": 1}).bad == [("json", "page-size", "is missing")]


def test_other_names_work_at_any_depth(site: Make) -> None:
    """A recursive class is read by its other names at every level."""

    def tree(tree: Tree) -> str:
        return f"{tree.inner[0].inner[0].size}"

    client = site({"POST /": tree})
    leaf = {"page-size": 3}
    assert client.post("/", json={"page-size": 1, "inner": [{"page-size": 2, "inner": [leaf]}]}).text == "3"
    response = client.post("/", json={"page-size": 1, "inner": [{"page-size": "x"}]})
    assert response.bad == [("json", "inner[0].page-size", "'x' is not an integer")]


def test_a_file_may_have_another_name(site: Make) -> None:
    """An upload is found by the name in `Field`, beside fields with other names."""
    response = site({"POST /": file}).post("/", parts=[("my-file", "a.txt", "x"), ("page-size", None, "3")])
    assert response.text == "a.txt 3"


def test_a_marker_selects_the_whole_body_or_a_field(site: Make) -> None:
    """`Body[X]` is the whole JSON, whatever X is; `Field[X]` is one field, also if X is a class."""

    def prices(prices: Body[dict[str, int]], note: str = "") -> str:
        return f"{prices} {note}"

    client = site({"POST /prices": prices, "POST /held": held})
    assert client.post("/prices?note=n", json={"tea": 1}).text == "{'tea': 1} n"
    assert client.post("/prices", json={"tea": "x"}).bad == [("json", "prices.tea", "'x' is not an integer")]
    assert client.post("/held", json={"slot": {"page-size": 3}, "note": "n"}).text == "3 n"


def twins(a: Annotated[int, Field("b")], b: int) -> None: ...
def two_names(a: Annotated[int, Field("b"), Field("c")]) -> None: ...
def no_name(a: Annotated[int, Field(5)]) -> None: ...
def both(a: Annotated[int, FieldName("b"), WholeBody()]) -> None: ...
def of_the_path(p: Annotated[int, Field("q")]) -> None: ...
def two_wholes(a: Body[list[int]], b: Body[dict[str, int]]) -> None: ...
def two_sources(a: Annotated[int, Field("b"), Header("c")]) -> None: ...


@dataclass
class Twins:
    a: Annotated[int, Field("b")]
    b: int


@dataclass
class Whole:
    a: Body[list[int]]


def twin_fields(sent: Twins) -> None: ...
def whole_field(sent: Whole) -> None: ...


@pytest.mark.parametrize(
    ("key", "view", "said"),
    [
        ("POST /", twins, 'a and b in NAME.twins are both sent as "b"'),
        ("POST /", two_names, "two"),
        ("POST /", no_name, "5 is not a valid name"),
        ("POST /", both, "two"),
        ("/{p}", of_the_path, "and a part of the path"),
        ("POST /", two_wholes, "takes the whole body twice"),
        ("POST /", two_sources, "a"),
        ("POST /", twin_fields, 'two fields of Twins are sent as "b"'),
        ("POST /", whole_field, "whole body"),
    ],
)
def test_invalid_and_duplicate_names_are_refused(mistakes: Make, key: str, view: Any, said: str) -> None:
    """Two parameters with one name, two names for one, and markers without effect are refused before the port opens."""
    (mistake, *_) = mistakes({key: view})
    assert said in mistake.message.replace(__name__, "NAME")


# --- lists, as other frameworks name them ---------------------------------------------------


def tags(tags: list[int], note: str = "") -> str:
    return f"{tags} {note}"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("tags[]=1&tags[]=2", "[1, 2] "),
        ("tags%5B%5D=1&tags=2", "[2, 1] "),
        ("tags[]=&tags[]=1", "[1] "),
        ("tags=", "[] "),
        ("", "[] "),
        ("note[]=x", "[] "),
    ],
)
def test_lists_may_have_brackets(site: Make, sent: str, said: str) -> None:
    """`x[]=a&x[]=b` fills a list x, as forms for PHP and Rails send it; nothing else accepts brackets."""
    client = site({"/": tags, "POST /": tags})
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.get(f"/?{sent}").text == said
    assert client.post("/", content=sent.encode(), fields=kind).text == said


@pytest.mark.parametrize("sent", ["tags[0]=1&tags[1]=2", "tags[a]=1", "tags[0][x]=1"])
def test_lists_with_indices_are_refused(site: Make, sent: str) -> None:
    """A list that is sent with indices is a 422 with the right notation, and never an empty list."""
    ((_, name, message),) = site({"/": tags}).get(f"/?{sent}").bad
    assert name == "tags"
    assert "write tags or tags[] for each" in message


# --- defaults ---------------------------------------------------------------------------------


@dataclass
class Basket:
    items: list[int] = field(default_factory=list)


BASKET = Basket([1])


def listed(b: list[int] = [1]) -> str:  # noqa: B006 - that is what is tested
    b.append(2)
    return repr(b)


def shown(errors: FormErrors, n: int = 0, b: list[int] = [1]) -> str:  # noqa: B006
    b.append(2)
    return f"{dict(errors)} {b}"


def mapped(d: dict[str, list[int]] = {"a": []}) -> str:  # noqa: B006
    d["a"].append(2)
    return repr(d)


def whole(basket: Basket = BASKET) -> str:
    basket.items.append(2)
    return repr(basket.items)


@pytest.mark.parametrize(
    ("view", "sent", "said"),
    [
        (listed, {"form": {}}, "[1, 2]"),
        (listed, {"json": {}}, "[1, 2]"),
        (shown, {"form": {"b": "x"}}, "{'b': &#39;'x' is not an integer&#39;} [1, 2]"),
        (mapped, {"json": {}}, "{'a': [2]}"),
        (whole, {}, "[1, 2]"),
    ],
)
def test_each_request_gets_its_own_default(site: Make, view: Any, sent: dict[str, Any], said: str) -> None:
    """A view that changes a mutable default does not change it for the next request."""
    client = site({"POST /": view})
    first = client.post("/", **sent).text
    assert client.post("/", **sent).text == first
    assert first == said or "[1, 2]" in first


def test_each_request_gets_its_own_default_in_a_query(site: Make) -> None:
    """The same without any content, and for an empty query."""
    client = site({"/": listed})
    assert [client.get("/").text, client.get("/?c=1").text, client.get("/").text] == ["[1, 2]"] * 3


class Shares(NamedTuple):
    tags: list[int] = []  # noqa: RUF012 - that is what is tested


def test_a_named_tuple_with_a_mutable_default_is_refused(mistakes: Make) -> None:
    """All objects of a NamedTuple would share it, so it is refused before the port opens."""

    def view(shares: Shares) -> str:
        return ""

    (mistake,) = mistakes({"POST /": view})
    assert "the default of Shares.tags is mutable" in mistake.message


@pytest.mark.parametrize("annotation", [set[list[int]], dict[tuple[int, int], int], list[set[Item]]])
def test_types_that_json_can_not_fill_are_refused(mistakes: Make, annotation: Any) -> None:
    """Sets of unhashable items, and keys that JSON does not have, are refused before the port opens."""

    def view(x: Any, n: int = 0) -> str:
        return ""

    view.__annotations__ = {"x": annotation, "n": int}
    (mistake,) = mistakes({"POST /": view})
    assert "can't be read" in mistake.message


class Tea(msgspec.Struct):
    kind: str


@dataclass
class Cup:
    size: int


@pytest.mark.parametrize(
    ("annotation", "hint"),
    [
        (Tea | Cat, "give each a tag"),
        (Größe | Cup, "make them Structs with a tag"),
        (Tea | Cup, "make them Structs with a tag"),
        (str | datetime, "use str, and convert it in the view"),
        (list[int] | set[str], "use one kind of list"),
    ],
)
def test_an_ambiguous_union_is_refused(mistakes: Make, annotation: Any, hint: str) -> None:
    """Members that look alike in JSON are refused before the port opens, with a hint."""

    def view(x: Any) -> str:
        return ""

    view.__annotations__ = {"x": annotation}
    (mistake,) = mistakes({"POST /": view})
    assert hint in mistake.hint
