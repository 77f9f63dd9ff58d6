# ruff: noqa: RUF001 - digits that look like others are what is tested
"""The same annotation accepts the same values from every source: docs/reference/values.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict
from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.binding.diagnose import json_validator, needs_own_validation
from fanlight.binding.json_errors import JSONErrors
from fanlight.binding.kinds import kind_of
from fanlight.binding.markers import Cookie, Header
from fanlight.message.json_document import read_as_written

Make = Callable[..., Any]
KIND = {"content-type": "application/json"}
SOURCES = ("path", "query", "form", "multipart", "cookie", "header", "json")
NO = object()  # it is refused


class Color(Enum):
    RED = "red"
    BLUE = "blue"

    @classmethod
    def _missing_(cls, value: object) -> Color | None:
        return cls.RED if value == "rouge" else None


class Size(IntEnum):
    SMALL = 1
    BIG = 2


class Rights(Flag):
    READ = 1
    WRITE = 2


class Bits(IntFlag):
    A = 1
    B = 2


User = NewType("User", int)
ID = "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"
TWO = timezone(timedelta(hours=2))
LONG = "1" * 129
NUMBERS = {
    "1_0",
    "１",
    " 1",
    "1 ",
    "0x1",
    "nan",
    "NaN",
    "sNaN",
    "inf",
    "Infinity",
    "-Infinity",
    "1,5",
    "--1",
    "",
    "1e",
    LONG,
}


@dataclass(frozen=True)
class Row:
    """A value as text and as JSON, and what it becomes; `path`: what it becomes in a path, where that differs."""

    text: str
    value: object
    json: str = ""  # a JSON text of it, if nothing else is said
    path: object = None


def rows(*given: Row, refused: set[str] = frozenset()) -> list[Row]:  # type: ignore[assignment]
    return [*given, *(Row(each, NO) for each in sorted(refused))]


BAD_CLOCKS = {"24:00", "12:60", "12", "noon", "1:30", "12:30+2", "12:30:00.", "１２:30"}
TABLE: dict[Any, list[Row]] = {
    int: rows(
        Row("5", 5, "5"),
        Row("-5", -5, "-5"),
        Row("+5", 5, "5", path=NO),
        Row("005", 5, "5"),
        Row("1" * 128, int("1" * 128), "1" * 128),
        Row(LONG, NO, LONG),
        Row("1" * 5000, NO, "1" * 5000),
        Row("1.0", NO, "1.5"),
        Row("1e3", NO, "1e-3"),
        Row("3", 3, "3.0"),  # JSON has one kind of number
        Row("1000", 1000, "1e3"),
        Row("9007199254740991", 2**53 - 1, "9007199254740991.0"),
        Row("x", NO, "9007199254740992.0"),  # as a float, it stands for several integers
        Row("true", NO, "true"),
        Row("x", NO, "null"),
        Row("x", NO, "[1]"),
        refused=NUMBERS,
    ),
    float: rows(
        Row("1.5", 1.5, "1.5"),
        Row("-1", -1.0, "-1"),
        Row("1e3", 1000.0, "1e3", path=NO),
        Row(".5", 0.5, "0.5", path=NO),
        Row("1e400", NO, "1e400"),
        Row("-1e999999", NO, "-1e999999"),
        Row("1" * 400, NO, "1" * 400),
        Row("0." + "1" * 200, NO, "0." + "1" * 200, path=float("0." + "1" * 200)),
        Row("true", NO, "true"),
        Row(LONG, NO, LONG, path=float(LONG)),
        refused=NUMBERS - {LONG},
    ),
    Decimal: rows(
        Row("1.10", Decimal("1.10"), "1.10"),
        Row("1.10", Decimal("1.10"), '"1.10"'),
        Row("7", Decimal(7), "7"),
        Row("1E+9", Decimal("1E+9"), "1E+9"),
        Row("1E+999999999", NO, "1E+999999999"),
        Row("1E+999999999", NO),
        Row("1" * 129, NO, "1" * 129),
        Row("0." + "1" * 200, NO, "0." + "1" * 200),
        Row("x", NO, "true"),
        refused=NUMBERS,
    ),
    bool: rows(
        Row("true", True, "true"),
        Row("off", False, "false"),
        Row("YES", True, "true"),
        Row("2", NO, "1"),
        Row("t", NO),
        Row("truth", NO, "0"),
    ),
    str: rows(Row("a b", "a b"), Row("üñí😀", "üñí😀"), Row("5", "5"), Row("x" * 500, "x" * 500)),
    UUID: rows(
        Row(ID, UUID(ID)),
        Row(ID.upper(), UUID(ID)),
        Row(ID.replace("-", ""), UUID(ID), path=NO),
        refused={"{" + ID + "}", "urn:uuid:" + ID, ID[:-1], ID.replace("-", "", 1), ID.replace("0", "０", 1)},
    ),
    date: rows(
        Row("2026-01-31", date(2026, 1, 31)),
        refused={"2026-02-30", "20260131", "2026-W05-6", "2026-1-31", "２026-01-31", "2026-01-31T00:00", "soon"},
    ),
    datetime: rows(
        Row("2026-01-31T12:30", datetime(2026, 1, 31, 12, 30)),  # noqa: DTZ001 - without a zone
        Row("2026-01-31T12:30:05", datetime(2026, 1, 31, 12, 30, 5)),  # noqa: DTZ001
        Row("2026-01-31 12:30:05.25", datetime(2026, 1, 31, 12, 30, 5, 250_000)),  # noqa: DTZ001
        Row("2026-01-31T12:30Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        Row("2026-01-31T12:30:05z", datetime(2026, 1, 31, 12, 30, 5, tzinfo=UTC)),
        Row("2026-01-31T12:30+02:00", datetime(2026, 1, 31, 12, 30, tzinfo=TWO)),
        Row("2026-01-31T12:30:05+02:00", datetime(2026, 1, 31, 12, 30, 5, tzinfo=TWO)),
        Row("0", NO, "1769862600"),
        refused={*(f"2026-01-31T{each}" for each in BAD_CLOCKS), "2026-02-30T12:30", "2026-01-31", "12:30", "now"},
    ),
    time: rows(
        Row("12:30", time(12, 30)),
        Row("12:30:05", time(12, 30, 5)),
        Row("12:30Z", time(12, 30, tzinfo=UTC)),
        Row("12:30:05+02:00", time(12, 30, 5, tzinfo=TWO)),
        refused=BAD_CLOCKS,
    ),
    timedelta: rows(
        Row("PT1H30M", timedelta(minutes=90)),
        Row("-P1D", timedelta(days=-1)),
        Row("5", NO, "5"),
        refused={"P1Y", "1:30", "PT", "90 minutes", "PT" + "1" * 200 + "H"},
    ),
    bytes: rows(Row("aGk=", b"hi"), refused={"aGk", "a GK=", "not base64!"}),
    Color: rows(
        Row("red", Color.RED), Row("rouge", Color.RED), Row("RED", NO), Row("1", NO, "1"), Row("x", NO, "null")
    ),
    Size: rows(
        Row("1", Size.SMALL, "1"), Row("3", NO, "3"), Row("SMALL", NO), Row("1", Size.SMALL, "1"), Row("x", NO, '"1"')
    ),
    Rights: rows(
        Row("1", Rights.READ, "1"), Row("3", Rights.READ | Rights.WRITE, "3"), Row("8", NO, "8"), Row("READ", NO)
    ),
    Bits: rows(Row("3", Bits.A | Bits.B, "3.0"), Row("x", NO, "1.5"), Row("x", NO, "true")),
    Literal["a", 1]: rows(
        Row("a", "a"), Row("1", 1, "1"), Row("b", NO), Row("1", 1, "1.0"), Row("2", NO, "2"), Row("x", NO, "true")
    ),
    Literal["a", None]: rows(  # noqa: PYI061
        Row("a", "a"), Row("None", NO), Row("null", NO), Row("b", NO, "5")
    ),
    Optional[int]: rows(Row("5", 5, "5"), Row("x", NO)),  # noqa: UP045 - as people write it
    Annotated[int | None, msgspec.Meta(description="d")]: rows(Row("5", 5, "5")),
    Annotated[int, msgspec.Meta(ge=1, le=9)]: rows(Row("9", 9, "9"), Row("0", NO, "0"), Row("10", NO, "10")),
    Annotated[str, msgspec.Meta(min_length=2, pattern="^a")]: rows(Row("ab", "ab"), Row("a", NO), Row("ba", NO)),
    Annotated[bytes, msgspec.Meta(max_length=1)]: rows(Row("aA==", b"h"), Row("aGk=", NO)),
    Annotated[datetime, msgspec.Meta(tz=True)]: rows(
        Row("2026-01-31T12:30Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)), Row("2026-01-31T12:30", NO)
    ),
    User: rows(Row("5", 5, "5"), Row("x", NO)),
    int | str: rows(Row("5", 5, "5"), Row("x", "x"), Row("1.5", "1.5"), Row("1.5", "1.5", '"1.5"'), Row(LONG, LONG)),
    str | int: rows(Row("5", 5, "5"), Row("x", "x")),
    float | int: rows(Row("5", 5, "5"), Row("1.5", 1.5, "1.5"), Row("x", NO)),
    int | bool: rows(Row("1", 1, "1"), Row("true", True, "true"), Row("x", NO)),
    int | date | None: rows(Row("5", 5, "5"), Row("2026-01-31", date(2026, 1, 31)), Row("x", NO)),
    Annotated[int, msgspec.Meta(ge=1)] | UUID: rows(
        Row("0", NO, "0"), Row("5", 5, "5"), Row(ID, UUID(ID)), Row("x", NO)
    ),
}
CASES = [
    pytest.param(annotation, row, source, id=f"{annotation}-{row.text[:20]}-{row.json[:20]}-{source}")
    for annotation, its_rows in TABLE.items()
    for row in its_rows
    for source in SOURCES
]


def views(annotation: Any) -> dict[str, Any]:
    """Return a view for each source."""

    def view(v: Any) -> dict[str, str]:
        return {"is": type(v).__name__, "value": repr(v)}

    def of(client: Any) -> Any:
        def ask(v: Any) -> dict[str, str]:
            return view(v)

        ask.__annotations__ = {"v": client}
        return ask

    return {
        "/path/{v}": of(annotation),
        "/query": of(annotation),
        "POST /form": of(annotation),
        "/cookie": of(Cookie[annotation]),  # type: ignore[misc]  # an alias to type checkers
        "/header": of(Header[annotation]),  # type: ignore[misc]
    }


_SITES: dict[str, Any] = {}


@pytest.fixture
def ask(site: Make) -> Callable[[Any, Row, str], Any]:
    """Return a function that sends a value to a view from one source."""

    def ask(annotation: Any, row: Row, source: str) -> Any:
        known: Any = _SITES.get(str(annotation)) or _SITES.setdefault(str(annotation), site(views(annotation)))
        text = row.text
        of_get = {
            "path": (f"/path/{quote(text, safe='')}", {}),
            "query": (f"/query?v={quote(text, safe='')}", {}),
            "cookie": ("/cookie", {"cookie": f"v={quote(text)}"}),
            "header": ("/header", {"v": text}),
        }
        if source in of_get:
            target, fields = of_get[source]
            return known.get(target, fields=fields)
        if source == "form":
            return known.post("/form", form={"v": text})
        if source == "multipart":
            return known.post("/form", parts=[("v", None, text)])
        content = f'{{"v":{row.json or json.dumps(text)}}}'
        return known.post("/form", content=content.encode(), fields=KIND)

    return ask


@pytest.mark.parametrize(("annotation", "row", "source"), CASES)
def test_a_value_is_the_same_from_every_source(ask: Any, annotation: Any, row: Row, source: str) -> None:
    """A value, or its rejection, depends on the annotation, and not on the source."""
    if row.text == "" and source != "json":
        pytest.skip("a blank field was not sent: tests/binding/test_form_fields.py")
    response = ask(annotation, row, source)
    expected = row.path if source == "path" and row.path is not None else row.value
    if expected is NO:
        assert response.status == (404 if source == "path" else 422)
        if source != "path":
            ((where, name, message),) = response.bad
            assert (where, name) == ("form" if source == "multipart" else source, "v")
            assert not any(word in message for word in ("`", "$", "Invalid", "Expected", "codec", "<"))
    else:
        assert response.json == {"is": type(expected).__name__, "value": repr(expected)}


class Point(NamedTuple):
    x: int
    y: int = 0


class Typed(TypedDict, total=False):
    when: datetime


@dataclass
class Inner:
    price: Decimal
    at: time | None = None


class Outer(msgspec.Struct):
    inner: list[Inner]


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class Wren(msgspec.Struct, tag="wren", array_like=True):
    age: int


class Tit(msgspec.Struct, tag="tit", array_like=True):
    age: int


HELD: list[tuple[Any, str, object]] = [
    (list[datetime], '["2026-01-31T12:30"]', [datetime(2026, 1, 31, 12, 30)]),  # noqa: DTZ001
    (set[int], "[1,1]", {1}),
    (frozenset[UUID], f'["{ID}"]', frozenset([UUID(ID)])),
    (tuple[time, int], '["12:30",1]', (time(12, 30), 1)),
    (tuple[int, ...], "[1,2]", (1, 2)),
    (dict[str, list[time]], '{"a":["12:30"]}', {"a": [time(12, 30)]}),
    (dict[date, Decimal], '{"2026-01-31":"1.0"}', {date(2026, 1, 31): Decimal("1.0")}),
    (dict[Color, int], '{"red":1}', {Color.RED: 1}),
    (dict[Size, int], '{"1":1}', {Size.SMALL: 1}),
    (dict[int, str], '{"5":"a"}', {5: "a"}),
    (dict[float, int], '{"1.5":1}', {1.5: 1}),
    (Point, "[1]", Point(1)),
    (Typed, '{"when":"2026-01-31T12:30"}', {"when": datetime(2026, 1, 31, 12, 30)}),  # noqa: DTZ001
    (Outer, '{"inner":[{"price":1.10,"at":"12:30"}]}', Outer([Inner(Decimal("1.10"), time(12, 30))])),
    (Cat | Dog, '{"type":"dog","tricks":["sit"]}', Dog(["sit"])),
    (Wren | Tit | None, '["tit",3]', Tit(3)),
    (dict[str, Any], '{"a":[1.5,null,{"b":"x"}]}', {"a": [1.5, None, {"b": "x"}]}),
    (list[Any], "[[[1e3]]]", [[[1000.0]]]),
    (object, '{"a":1}', {"a": 1}),
    (msgspec.Raw, "[1]", msgspec.Raw(b"[1]")),
]


BUFFERED = (Typed, Outer, Cat | Dog, Wren | Tit | None)


@pytest.mark.parametrize(("annotation", "content", "value"), HELD)
def test_nested_values_follow_the_same_rules(site: Make, annotation: Any, content: str, value: object) -> None:
    """In lists, dicts and classes, the rules are those of single values."""
    taken: list[object] = []

    def take(v: Any, n: int = 0) -> str:
        taken.append(v)
        return "ok"

    take.__annotations__ = {"v": annotation, "n": int}
    if annotation in BUFFERED:
        response = site({"POST /": take}).post("/?n=1", content=content.encode(), fields=KIND)
    else:
        response = site({"POST /": take}).post("/", content=b'{"v":%s,"n":1}' % content.encode(), fields=KIND)
    assert (response.status, taken) == (200, [value])


BAD: list[tuple[Any, str, list[tuple[str, str]]]] = [
    (dict[UUID, int], '{"x":1}', [("v.x", "the key 'x' is not a UUID")]),
    (dict[Color, int], '{"x":1}', [("v.x", "the key 'x' is not one of red, blue")]),
    (dict[float, int], '{"NaN":1}', [("v.NaN", "the key 'NaN' is not a number")]),
    (dict[Decimal, int], '{"1_0":1}', [("v.1_0", "the key '1_0' is not a number")]),
    (dict[int, int], '{"%s":1}' % ("9" * 200), [("v." + "9" * 40 + "...", "is not an integer")]),
    (dict[str, list[int]], '{"a":[1,"x"],"b":2}', [("v.a[1]", "'x' is not an integer"), ("v.b", "2 is not a list")]),
    (list[float], "[1,1e999]", [("v[1]", "is a number that is too long or too large")]),
    (list[float], "[1,%s]" % ("1" * 400), [("v[1]", "is a number that is too long or too large")]),
    (Any, f'{{"a":[{LONG}]}}', [("v.a[0]", "is a number that is too long or too large")]),
    (
        list[Inner],
        '[{"price":"NaN"},{"price":1e99999}]',
        [("v[0].price", "'NaN' is not a number"), ("v[1].price", "is")],
    ),
    (list[Inner], '[{"price":1,"at":"25:00"}]', [("v[0].at", "'25:00' is not a time like 12:30")]),
    (list[Cat | Dog], '[{"type":"dog"}]', [("v[0].tricks", "is missing")]),
    (list[Cat | Dog], '[{"type":"cow"}]', [("v[0].type", "'cow' is not one of cat, dog")]),
    (list[Cat | Dog], "[{}]", [("v[0].type", "is missing; it is one of cat, dog")]),
    (list[Cat | Dog], '[{"type":5},7]', [("v[0].type", "5 is not one of cat, dog"), ("v[1]", "7 is not an object")]),
    (
        list[Wren | Tit],
        '[["wren"],["x",1],[]]',
        [("v[0]", "must have at least 2"), ("v[1][0]", "'x'"), ("v[2][0]", "is")],
    ),
    (list[int | str], "[1.5]", [("v[0]", "1.5 is not an integer or a string")]),
    (list[Annotated[int, msgspec.Meta(ge=1)] | str], "[0]", [("v[0]", "must be at least 1")]),
    (list[Literal["a", 1]], "[true,2]", [("v[0]", "true is not one of 1, a"), ("v[1]", "2 is not one of 1, a")]),
    (Point, "[]", [("v", "must have at least 1 item")]),
    (Point, "[1,2,3]", [("v", "must have at most 2 items")]),
    (Point, '["x"]', [("v[0]", "'x' is not an integer")]),
    (tuple[int, str], "[1]", [("v", "must have 2 items")]),
    (set[Any], "[[1]]", [("v[0]", "a list can't be an item of a set")]),
    (Annotated[dict[str, int], msgspec.Meta(max_length=1)], '{"a":1,"b":2}', [("v", "must have at most 1 item")]),
]


@pytest.mark.parametrize(("annotation", "content", "bad"), BAD)
def test_errors_name_their_field(site: Make, annotation: Any, content: str, bad: list[tuple[str, str]]) -> None:
    """A nested error, or that of a key, has a name, a pointer and a plain message."""

    def take(v: Any, n: int = 0) -> str:
        return "ok"

    take.__annotations__ = {"v": annotation, "n": int}
    response = site({"POST /": take}).post("/", content=b'{"v":%s}' % content.encode(), fields=KIND)
    found = [(name, message) for _, name, message in response.bad]
    assert [name for name, _ in found] == [name for name, _ in bad]
    for (_, message), (_, said) in zip(found, bad, strict=True):
        assert said in message
    assert all(each["pointer"].startswith("/v") for each in response.json["errors"])


def test_the_error_of_a_union_names_the_constraint(site: Make) -> None:
    """If text is of one member's type, but violates its constraint; otherwise it names all members."""

    def take(v: Annotated[int, msgspec.Meta(ge=1)] | date) -> str:
        return repr(v)

    client = site({"/": take})
    assert client.get("/?v=0").bad == [("query", "v", "must be at least 1")]
    assert client.get("/?v=x").bad == [("query", "v", "'x' is not an integer or a date like 2026-01-31")]


def test_the_last_of_a_name_counts_in_json_too(site: Make) -> None:
    """A key that is repeated in an object is treated like a repeated field of a form."""

    def take(v: int, n: int = 0) -> str:
        return repr(v)

    assert site({"POST /": take}).post("/", content=b'{"v":"x","v":2}', fields=KIND).text == "2"


_HELD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["red", "cat", "2026-01-31", "12:30:00", "2026-01-31T12:30:00Z", ID, "aGk=", "PT1H", "1.5", "5", ""]
    )
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["price", "at", "inner", "type", "lives", "tricks", "when", "x", "5", "1.5", "red"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_EVERY = [*(each for each in TABLE if each is not Decimal), *(annotation for annotation, _, _ in HELD)]


@given(st.sampled_from(_EVERY), _HELD)
def test_both_passes_over_json_agree(annotation: Any, value: object) -> None:
    """What the pass of msgspec accepts, our validation accepts too, with the same value."""
    content = msgspec.json.encode(value)
    kind = kind_of(annotation)
    if needs_own_validation(kind):
        return
    try:
        at_once = msgspec.json.decode(content, type=annotation)
    except (msgspec.ValidationError, TypeError):
        return
    wrong = JSONErrors()
    examined = json_validator(kind)(read_as_written(content), None, wrong)
    assert not wrong.fields
    again = msgspec.convert(examined, annotation, str_keys=True)
    if annotation is not msgspec.Raw:
        assert again == at_once
        assert type(again) is type(at_once)
