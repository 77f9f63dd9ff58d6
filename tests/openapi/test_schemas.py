"""Schemas say what is accepted and what is sent: compared with the binding and the encoder themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntFlag
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec import inspect as kinds

from fanlight.binding.body import JSONDecoder
from fanlight.binding.class_builders import decode_plan
from fanlight.binding.kinds import kind_of
from fanlight.errors import BadField, BadRequest
from fanlight.openapi.schemas import Schemas

T = TypeVar("T")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Number(Enum):
    ONE = 1
    TWO = 2


class Bits(IntFlag):
    A = 1
    B = 2


class Inner(msgspec.Struct):
    x: int
    y: str = "y"


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    first_name: str
    inner: Inner | None = None


class AsList(msgspec.Struct, array_like=True):
    a: int
    b: str = ""


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Tree(msgspec.Struct):
    value: int
    children: list[Tree] = []


class Box(msgspec.Struct, Generic[T]):
    item: T


class Patch(msgspec.Struct, omit_defaults=True):
    name: str | UnsetType = UNSET
    age: int = 3


class Point(NamedTuple):
    x: int
    y: int = 0


class Typed(TypedDict):
    name: str
    age: NotRequired[int]


@dataclass
class Data:
    name: str
    tags: list[str] = field(default_factory=list)
    mark: int = field(default=7, init=False)
    _secret: str = "s"


@attrs.define
class Attr:
    name: str
    age: int = 1


TYPES: list[Any] = [
    int,
    float,
    str,
    bool,
    bytes,
    date,
    time,
    datetime,
    timedelta,
    Decimal,
    UUID,
    Any,
    Raw,
    Annotated[int, Meta(ge=1, lt=10, multiple_of=3)],
    Annotated[float, Meta(gt=0, le=1)],
    Annotated[str, Meta(min_length=2, max_length=4, pattern="^[a-z]+$")],
    Annotated[datetime, Meta(tz=True)],
    Annotated[time, Meta(tz=True)],
    Annotated[list[int], Meta(min_length=1, max_length=2)],
    int | None,
    int | str,
    int | float,
    Color,
    Number,
    Bits,
    Literal["a", 1],
    Literal["a"] | None,
    list[int],
    set[int],
    frozenset[str],
    tuple[int, ...],
    tuple[int, str],
    dict[str, int],
    dict[int, str],
    dict[date, int],
    dict[Color, int],
    dict[Literal["a", "b"], int],
    Annotated[dict[str, int], Meta(max_length=1)],
    Inner,
    Strict,
    AsList,
    Cat | Dog,
    Cat | Dog | None,
    Tree,
    Box[int],
    Patch,
    Point,
    Typed,
    Data,
    Attr,
    list[Inner | None],
]
IDS = [str(each).replace("tests.openapi.test_schemas.", "") for each in TYPES]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-20, 20),
    st.sampled_from([0.0, 1.0, 1.5, -2.25, 1e3]),
    st.text(max_size=4),
    st.sampled_from(
        [
            *("a", "b", "red", "cat", "dog", "aGk=", "aGk", "1.50", "1e3", "NaN", "2026-01-31", "2026-02-30", "12:30"),
            *("2026-01-31T12:30:00Z", "2026-01-31T12:30:00", "12:30:00Z", "P1D", "PT1H30M", "P1Y", "-PT1.5S"),
            *("0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d", "abc", "abcde"),
        ]
    ),
)
NAMES = st.sampled_from(
    [
        *("x", "y", "firstName", "inner", "type", "lives", "name", "value", "children", "item", "age", "tags", "mark"),
        *("1", "red", "a", "2026-01-31"),
    ]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


def schema_of(annotation: Any, *, is_input: bool) -> Draft202012Validator:
    """Return the validator of a type's schema, with the components that it refers to."""
    schemas = Schemas()
    plan = decode_plan(annotation) if is_input else None
    kind = kinds.type_info(plan.annotation if plan is not None else annotation)
    schema = schemas.of(kind, is_input=is_input, originals=plan.originals if plan is not None else None)
    document = schemas.finish({"schema": schema})
    assert schemas.problems == []
    Draft202012Validator.check_schema(document["schema"])
    root = {**document["schema"], "components": document.get("components", {})}
    return Draft202012Validator(json.loads(json.dumps(root)), format_checker=Draft202012Validator.FORMAT_CHECKER)


def acceptor(annotation: Any) -> Callable[[object], bool]:
    """Return whether the binding makes a value of a type of JSON."""
    plan = decode_plan(annotation)
    decoder = JSONDecoder(plan.annotation, kind_of(plan.annotation), build=plan.build)

    def is_accepted(value: object) -> bool:
        bad: list[BadField] = []
        try:
            decoder.decode(json.dumps(value).encode(), bad)
        except BadRequest:
            return False
        return not bad

    return is_accepted


@pytest.mark.parametrize("annotation", TYPES, ids=IDS)
def test_what_a_schema_allows_is_accepted(annotation: Any) -> None:
    """A client that keeps to the schema is never refused for the form of a value."""
    validator, is_accepted = schema_of(annotation, is_input=True), acceptor(annotation)

    @settings(max_examples=2 * settings().max_examples)
    @given(VALUES)
    def check(value: Any) -> None:
        if validator.is_valid(value):
            assert is_accepted(value)

    check()


# Of these, a schema says less than is accepted: other spellings of the same value.
SPELLINGS = {bytes, time, datetime, timedelta, Decimal, UUID, Annotated[datetime, Meta(tz=True)], dict[int, str], Bits}
SPELLINGS |= {Annotated[time, Meta(tz=True)]}


@pytest.mark.parametrize(
    "annotation", [each for each in TYPES if each not in SPELLINGS], ids=lambda each: str(each)[:60]
)
def test_what_is_accepted_is_allowed_by_the_schema(annotation: Any) -> None:
    """A schema does not forbid what is accepted, spellings of dates and numbers aside."""
    validator, is_accepted = schema_of(annotation, is_input=True), acceptor(annotation)

    @settings(max_examples=2 * settings().max_examples)
    @given(VALUES)
    def check(value: Any) -> None:
        if is_accepted(value):
            assert validator.is_valid(value), f"{value!r} is accepted"

    check()


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Color, Color.RED),
        (Bits, Bits.A | Bits.B),
        (datetime, datetime(2026, 1, 31, 12)),  # noqa: DTZ001 - without a zone
        (datetime, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (Annotated[datetime, Meta(tz=True)], datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (timedelta, timedelta(days=-1, seconds=3)),
        (Decimal, Decimal("1.50")),
        (bytes, b"\0\1"),
        (set[int], {1, 2}),
        (tuple[int, str], (1, "a")),
        (dict[int, str], {-1: "a"}),
        (dict[date, int], {date(2026, 1, 31): 1}),
        (Strict, Strict("a", Inner(1))),
        (AsList, AsList(1)),
        (Cat | Dog, Dog("Rex")),
        (Tree, Tree(1, [Tree(2)])),
        (Box[int], Box(1)),
        (Patch, Patch()),
        (Patch, Patch("a", 4)),
        (Point, Point(1)),
        (Typed, {"name": "a"}),
        (Data, Data("a")),
        (Attr, Attr("a")),
    ],
)
def test_what_is_sent_is_allowed_by_the_schema(annotation: Any, value: object) -> None:
    """A value of the type, as it is encoded."""
    sent = json.loads(msgspec.json.encode(value))
    assert list(schema_of(annotation, is_input=False).iter_errors(sent)) == []


def document_of(*given: tuple[Any, bool]) -> dict[str, Any]:
    schemas = Schemas()
    found = [schemas.of(kinds.type_info(each), is_input=is_input) for each, is_input in given]
    return schemas.finish({"schemas": found})


def test_a_class_with_defaults_has_two_schemas() -> None:
    """A client may leave a field out, a response always has it; a class that contains such a class has two as well."""
    document = document_of((Strict, True), (Strict, False), (Cat, True), (Cat, False))
    names = document["components"]["schemas"]
    assert list(names) == ["Cat", "Inner", "InnerInput", "Strict", "StrictInput"]
    assert (names["Inner"]["required"], names["InnerInput"]["required"]) == (["x", "y"], ["x"])
    assert names["InnerInput"]["properties"]["y"] == {"type": "string", "default": "y"}
    assert names["StrictInput"]["properties"]["inner"]["anyOf"][0]["$ref"].endswith("/InnerInput")
    assert [each["$ref"].rpartition("/")[2] for each in document["schemas"]] == ["StrictInput", "Strict", "Cat", "Cat"]


def test_tagged_classes_are_told_apart_by_their_tag() -> None:
    """The discriminator names the class for each tag."""
    (schema,) = document_of((Cat | Dog, True))["schemas"]
    assert schema["discriminator"] == {
        "propertyName": "type",
        "mapping": {"cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog"},
    }


def test_what_has_no_schema_is_noted() -> None:
    """It is described as anything."""
    schemas = Schemas()
    assert schemas.of(kinds.type_info(complex), is_input=False) == {}
    pattern = Annotated[str, Meta(pattern="(?i)a")]
    assert "pattern" not in schemas.of(kinds.type_info(pattern), is_input=True)
    assert schemas.problems == [
        "complex has no schema in JSON",
        "the pattern (?i)a means something else outside Python",
    ]


def test_what_is_written_of_a_class_is_in_its_schema() -> None:
    """Docstrings, and the words of Meta; not the signature that dataclasses write in place of a docstring."""

    class Described(msgspec.Struct):
        """It is described."""

        name: Annotated[str, Meta(description="Its name.", examples=["Tom"])]

    schemas = document_of((Described, True), (Data, False))["components"]["schemas"]
    assert schemas["Described"]["description"] == "It is described."
    assert schemas["Described"]["properties"]["name"] == {
        "type": "string",
        "description": "Its name.",
        "examples": ["Tom"],
    }
    assert "description" not in schemas["Data"]
