"""A class is filled with the fields that a client may set, by calling it; private fields are not set."""

# mypy: disable-error-code="valid-type,type-arg,misc,attr-defined"

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import annotated_types
import attrs
import msgspec
import pytest
from msgspec import Meta
from typing_extensions import Doc, TypeAliasType

from fanlight.binding.markers import Header
from fanlight.errors import Mistake
from fanlight.message.form import FormErrors
from fanlight.message.upload import Upload

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
T = TypeVar("T")
Age = TypeAliasType("Age", Annotated[int, annotated_types.Ge(0)])


@dataclass
class Kept:
    name: str
    is_admin: bool = field(init=False, default=False)
    size: int = field(init=False)
    _secret: str = "kept"
    shared: ClassVar[str] = "shared"

    def __post_init__(self) -> None:
        self.size = len(self.name)


@dataclass(kw_only=True, slots=True)
class KeptSlots:
    is_admin: bool = field(init=False, default=False)
    size: int = field(init=False)
    name: str
    _secret: str = "kept"

    def __post_init__(self) -> None:
        self.size = len(self.name)


class KeptStruct(msgspec.Struct, dict=True, rename="kebab"):
    name: str
    _secret: str = "kept"
    _is_admin: bool = False
    shared: ClassVar[str] = "shared"

    def __post_init__(self) -> None:
        self.size = len(self.name)

    @property
    def is_admin(self) -> bool:
        return self._is_admin


@attrs.define
class KeptAttrs:
    name: str
    is_admin: bool = attrs.field(init=False, default=False)
    size: int = attrs.field(init=False)
    _secret: str = "kept"

    def __attrs_post_init__(self) -> None:
        self.size = len(self.name)


@dataclass
class KeptInit:
    """It has its own `__init__`, whose parameters are its fields."""

    name: str
    is_admin: bool = field(init=False)
    size: int = field(init=False)
    _secret: str = field(init=False)

    def __init__(self, name: str) -> None:
        self.name, self.is_admin, self.size, self._secret = name, False, len(name), "kept"


@dataclass
class KeptChild(Kept):
    also: bool = field(init=False, default=False)


@dataclass
class KeptVariable:
    name: str
    is_admin: bool = field(init=False, default=False)
    size: int = field(init=False)
    times: InitVar[int] = 1
    _secret: str = "kept"

    def __post_init__(self, times: int) -> None:
        self.size = len(self.name) * times


KEPT = [Kept, KeptSlots, KeptStruct, KeptAttrs, KeptInit, KeptChild, KeptVariable]
SENT: dict[str, Any] = dict.fromkeys("_secret secret -secret shared".split(), "x")
SENT |= dict.fromkeys("is_admin is-admin _is_admin -is-admin also".split(), True)
SENT |= {"name": "eve", "size": 99}


class Outer(msgspec.Struct, Generic[T]):
    inner: T


class OuterDict(TypedDict, Generic[T]):
    inner: T
    more: NotRequired[int]


class OuterTuple(NamedTuple, Generic[T]):
    number: int
    inner: T


@dataclass
class OuterData(Generic[T]):
    inner: T
    number: int = 1


B = TypeVar("B", bound=Kept)


class OuterBound(msgspec.Struct, Generic[B]):
    inner: B


PLACES: dict[str, tuple[Callable[[Any], Any], Any, Callable[[Any], Any]]] = {
    "itself": (lambda kept: kept, SENT, lambda made: made),
    "optional": (lambda kept: kept | None, SENT, lambda made: made),
    "list": (lambda kept: list[kept], [SENT], lambda made: made[0]),
    "tuple": (lambda kept: tuple[int, kept], [1, SENT], lambda made: made[1]),
    "tuples": (lambda kept: tuple[kept, ...], [SENT], lambda made: made[0]),
    "dict": (lambda kept: dict[str, kept], {"a": SENT}, lambda made: made["a"]),
    "union": (lambda kept: int | list[kept] | str, [SENT], lambda made: made[0]),
    "Struct": (lambda kept: Outer[kept], {"inner": SENT}, lambda made: made.inner),
    "Structs": (lambda kept: Outer[list[Outer[kept]]], {"inner": [{"inner": SENT}]}, lambda made: made.inner[0].inner),
    "TypedDict": (lambda kept: OuterDict[kept], {"inner": SENT}, lambda made: made["inner"]),
    "NamedTuple": (lambda kept: OuterTuple[kept], [1, SENT], lambda made: made.inner),
    "dataclass": (lambda kept: OuterData[kept | None], {"inner": SENT}, lambda made: made.inner),
    "alias": (lambda kept: TypeAliasType("X", list[kept]), [SENT], lambda made: made[0]),
}


def view_of(annotation: Any, seen: list[Any], name: str = "it") -> Any:
    """Return a view that keeps its argument; another field makes the JSON an object."""

    def view(**_: Any) -> str:
        raise AssertionError

    def body_mode(it: Any, beside: int = 0) -> str:
        seen.append(it)
        return "taken"

    body_mode.__annotations__["it"] = annotation
    return body_mode


def assert_kept(made: Any, kind: type) -> None:
    assert type(made) is kind
    assert (made.name, made.is_admin, made.size, made._secret) == ("eve", False, 3, "kept")
    assert getattr(made, "shared", "shared") == "shared"
    assert not getattr(made, "also", False)


@pytest.mark.parametrize("place", PLACES)
def test_json_does_not_set_private_fields(site: Make, place: str) -> None:
    """At any depth: no field with `init=False`, no private one, no class variable; and none is required."""
    wrap, sent, pick = PLACES[place]
    seen: list[Any] = []
    client = site({f"POST /{kind.__name__}": view_of(wrap(kind), seen) for kind in KEPT})
    for kind in KEPT:
        is_whole = place in ("itself", "optional", "Struct", "Structs", "TypedDict", "dataclass")
        response = client.post(f"/{kind.__name__}", json=sent if is_whole else {"it": sent})
        assert response.text == "taken", (kind, response.text)
        assert_kept(pick(seen.pop()), kind)


@pytest.mark.parametrize("kind", KEPT)
def test_forms_and_queries_do_not_set_private_fields(site: Make, kind: type) -> None:
    """They follow the same rules as JSON."""
    seen: list[Any] = []
    client = site({"GET|POST /": view_of(kind, seen)})
    form = {name: str(value) for name, value in SENT.items()}
    assert client.post("/", form=form).text == "taken"
    assert client.get("/?" + "&".join(f"{name}={value}" for name, value in form.items())).text == "taken"
    for made in seen:
        assert_kept(made, kind)
    assert client.post("/", json={}).bad == [("json", "name", "is missing")]
    assert client.post("/", form={}).bad == [("form", "name", "is missing")]


def test_an_init_var_is_sent(site: Make) -> None:
    """An `InitVar` is an argument of the class, although it is not a field."""
    seen: list[Any] = []
    client = site({"POST /": view_of(KeptVariable, seen)})
    client.post("/", json={"name": "eve", "times": 2})
    client.post("/", form={"name": "eve", "times": "2"})
    assert [made.size for made in seen] == [6, 6]
    assert client.post("/", json={"name": "eve", "times": "x"}).bad == [("json", "times", "'x' is not an integer")]


class Circle(msgspec.Struct, tag="circle"):
    radius: float
    _area: float = 0

    def __post_init__(self) -> None:
        self._area = self.radius**2


class Square(msgspec.Struct, tag="square", forbid_unknown_fields=True):
    side: float


@dataclass
class Drawing:
    shapes: list[Circle | Square]
    parts: dict[str, Drawing] = field(default_factory=dict)
    count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if not self.shapes:
            raise ValueError("there is nothing to see")
        self.count = len(self.shapes)


def test_nested_and_tagged_classes_are_built(site: Make) -> None:
    """Each class is called from the inside out; the error of one has its location."""
    seen: list[Any] = []
    client = site({"POST /": view_of(Drawing, seen)})
    circle, square = {"type": "circle", "radius": 2, "_area": 9}, {"type": "square", "side": 1}
    client.post("/", json={"shapes": [circle, square], "parts": {"a": {"shapes": [circle], "count": 7}}, "count": 9})
    (drawing,) = seen
    assert drawing.count == 2
    assert drawing.shapes[0]._area == 4
    assert isinstance(drawing.shapes[1], Square)
    assert (drawing.parts["a"].count, drawing.parts["a"].parts) == (1, {})
    bad = client.post("/", json={"shapes": [square], "parts": {"a": {"shapes": []}}})
    assert bad.bad == [("json", "parts.a", "there is nothing to see")]
    assert bad.json["errors"][0]["pointer"] == "/parts/a"
    bad = client.post("/", json={"shapes": [{**square, "more": 1}]})
    assert bad.bad[0][1].startswith("shapes[0]")


@attrs.define
class Converted:
    name: str = attrs.field(converter=str.strip)
    age: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    names: list[str] = attrs.Factory(lambda self: [self.name], takes_self=True)


def test_converters_and_validators_of_attrs_run(site: Make) -> None:
    """The class is called, so its converters and validators run."""
    seen: list[Any] = []
    client = site({"POST /": view_of(Converted, seen)})
    client.post("/", json={"name": " ada "})
    assert (seen[0].name, seen[0].names) == ("ada", ["ada"])
    (bad,) = client.post("/", json={"name": "ada", "age": -1}).bad
    assert "must be >= 0" in bad[2]


@dataclass
class Person:
    name: Annotated[str, annotated_types.MinLen(1), Doc("as called")]
    age: Age
    height: Annotated[float, annotated_types.Interval(gt=0, le=3)] = 1.0
    tags: Annotated[list[Annotated[str, annotated_types.MaxLen(3)]], annotated_types.Len(0, 2)] = field(
        default_factory=list
    )
    step: Annotated[int, annotated_types.MultipleOf(5), annotated_types.Unit("cm")] = 5


BOUNDS = [("name", "", 0), ("age", -1, 1), ("height", 0.0, 1), ("height", 4.0, 1), ("step", 3, 1)]


class PersonStruct(msgspec.Struct):
    name: Annotated[str, annotated_types.MinLen(1), Doc("as called")]
    age: Age
    height: Annotated[float, annotated_types.Interval(gt=0, le=3)] = 1.0
    tags: Annotated[list[Annotated[str, annotated_types.MaxLen(3)]], annotated_types.Len(0, 2)] = []
    step: Annotated[int, annotated_types.MultipleOf(5), annotated_types.Unit("cm")] = 5


@pytest.mark.parametrize("kind", [Person, PersonStruct])
@pytest.mark.parametrize("source", ["json", "form", "query"])
def test_constraints_of_annotated_types_hold_in_a_class(site: Make, source: str, kind: type) -> None:
    """They hold for every source, like those of msgspec."""
    seen: list[Any] = []
    client = site({"GET|POST /": view_of(kind, seen)})

    def send(**values: Any) -> Any:
        values = {"name": "ada", "age": 36} | values
        if source == "query":
            pairs = [(name, each) for name, value in values.items() for each in ([value], value)[type(value) is list]]
            return client.get("/?" + "&".join(f"{name}={each}" for name, each in pairs))
        return client.post("/", **{source: values})

    assert send(tags=["a", "b"], step=10).text == "taken"
    assert (seen[0].name, seen[0].age, list(seen[0].tags), seen[0].step) == ("ada", 36, ["a", "b"], 10)
    for name, value in (("age", -1), ("height", 0.0), ("height", 4.0), ("step", 3), ("name", "")):
        response = send(**{name: value})
        assert response.status == 422, (name, value)
        assert response.bad[0][1] == name
    assert send(tags=["a", "b", "c"]).bad == [(source, "tags", "must have at most 2 items")]
    assert send(tags=["long"]).status == 422


def test_constraints_of_annotated_types_hold_for_parameters(site: Make) -> None:
    """They hold for the path, a query and a header field; also when they are grouped."""

    def view(number: Any, word: Any, x_size: Any = 1) -> Any:
        return [number, word, x_size]

    view.__annotations__ = {
        "number": Annotated[int, annotated_types.Interval(ge=1, lt=10)],
        "word": Annotated[str, annotated_types.Len(2, 3)],
        "x_size": Annotated[int, Header(), annotated_types.Le(5)],
    }
    client = site({"/{number}": view})
    assert client.get("/9?word=abc", fields={"x-size": "5"}).json == [9, "abc", 5]
    assert client.get("/10?word=abc").status == 404
    assert client.get("/9?word=a", fields={"x-size": "6"}).bad == [
        ("header", "x-size", "must be at most 5"),
        ("query", "word", "must have at least 2 characters"),
    ]


def test_annotated_types_need_not_be_installed() -> None:
    """No module of Fanlight imports it."""
    source = Path(sys.modules["fanlight"].__file__ or "").parent
    assert not [file for file in source.rglob("*.py") if "import annotated_types" in file.read_text(encoding="utf-8")]


@dataclass
class OtherInit:
    name: str

    def __init__(self, first: str, last: str) -> None:
        self.name = f"{first} {last}"


@dataclass
class PrivateNeeded:
    _name: str


class PrivateStruct(msgspec.Struct):
    _name: str


class PrivateList(msgspec.Struct, array_like=True):
    name: str
    _kept: int = 0


class Plain:
    pass


@dataclass
class Holds:
    plain: Plain
    size: int = field(init=False, default=0)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (OtherInit, "OtherInit has an __init__ of its own"),
        (PrivateNeeded, "PrivateNeeded._name is private"),
        (PrivateStruct, "PrivateStruct._name is private"),
        (PrivateList, "PrivateList is array_like, so it can't have private fields"),
        (Holds, "Plain can't be converted from text or JSON"),
    ],
)
def test_a_class_that_can_not_be_filled_correctly_is_refused(mistakes: Find, kind: Any, said: str) -> None:
    """Before the port opens, at any depth."""
    for annotation in (kind, list[kind], OuterData[kind]):
        for key in ("/", "POST /"):
            (mistake,) = mistakes({key: view_of(annotation, [])})
            assert said in mistake.message
            assert mistake.places[0].startswith(f"{Path(__file__)}:")
            assert mistake.hint


def test_a_type_variable_stands_for_its_bound(site: Make) -> None:
    """Where it has no type argument."""
    seen: list[Any] = []
    client = site({"POST /": view_of(OuterBound, seen), "POST /list": view_of(list[B], seen)})
    assert client.post("/", json={"inner": SENT}).text == "taken"
    assert client.post("/list", json={"it": [SENT]}).text == "taken"
    assert_kept(seen[0].inner, Kept)
    assert_kept(seen[1][0], Kept)


def test_a_plain_class_has_no_stand_in() -> None:
    """Its values are decoded by msgspec alone."""
    from fanlight.binding.class_builders import decode_plan

    @dataclasses.dataclass
    class Simple:
        name: str
        age: Annotated[int, Meta(ge=0)]
        tags: list[str] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(slots=True)
    class Slotted:
        name: str
        age: int = 0

    for annotation in (list[int], dict[str, Square], Simple, Slotted, Square | None):
        assert decode_plan(annotation).build is None
    assert decode_plan(Kept).build is not None


@dataclasses.dataclass
class Spot:
    x: int
    y: int = 7


def test_the_default_of_a_dataclass_is_in_its_object(site: Make) -> None:
    """It is there in `vars()`, and in the JSON of the object, as if the class had been called."""

    def echo(spot: Spot) -> Any:
        assert vars(spot) == {"x": 1, "y": 7}
        return spot

    assert site({"POST /": echo}).post("/", json={"x": 1}).json == {"x": 1, "y": 7}


# --- files in a class --------------------------------------------------------------------------------


@dataclass
class Photo:
    title: str
    photo: Upload
    stars: Annotated[int, Meta(ge=1, le=5)] = 3


class Album(msgspec.Struct):
    title: str
    photos: list[Upload]
    cover: Upload | None = None


def show(it: Photo, page: int = 1) -> Any:
    return [it.title, it.photo.filename, it.stars, page]


def show_album(it: Album) -> Any:
    return [it.title, [each.filename for each in it.photos], it.cover and it.cover.filename]


def test_a_file_in_a_class_comes_from_the_form(site: Make) -> None:
    """The other fields of the class come from the form as well."""
    client = site({"POST /": show, "POST /album": show_album})
    parts = [("title", None, "Sea"), ("photo", "a.png", "1"), ("stars", None, "4")]
    assert client.post("/?page=2", parts=parts).json == ["Sea", "a.png", 4, 2]
    parts = [("title", None, "Sea"), ("photos", "a.png", "1"), ("photos", "b.png", "2")]
    assert client.post("/album", parts=parts).json == ["Sea", ["a.png", "b.png"], None]
    assert client.post("/album", parts=[*parts, ("cover", "c.png", "3")]).json == ["Sea", ["a.png", "b.png"], "c.png"]


def test_errors_beside_a_file_are_listed(site: Make) -> None:
    """As for any other form; JSON has no files."""
    client = site({"POST /": show, "POST /album": show_album})
    assert client.post("/", parts=[("photo", None, "a text"), ("stars", None, "9")]).bad == [
        ("form", "title", "is missing"),
        ("form", "photo", "must be a file, not text"),
        ("form", "stars", "must be at most 5"),
    ]
    assert ("form", "photo", "is missing") in client.post("/", form={"title": "Sea"}).bad
    for path in ("/", "/album"):
        response = client.post(path, json={"title": "Sea", "photo": "x", "photos": []})
        assert response.status == 415
        assert "send a form, not application/json" in response.text


@dataclass
class Deep:
    photo: Photo


@dataclass
class Both:
    photo: Upload
    sizes: dict[str, int]


@pytest.mark.parametrize(
    "annotation",
    [
        Deep,
        list[Photo],
        dict[str, Upload],
        list[list[Upload]],
        tuple[Upload, int],
        Both,
        Upload | int,
        Outer[dict[str, Upload]],
        Annotated[OuterTuple[Upload], Doc("a list")],
        Circle | Outer[Upload],
    ],
)
def test_a_nested_file_is_refused(mistakes: Find, annotation: Any) -> None:
    """Before the port opens: no form could fill it."""
    for key in ("/", "POST /"):
        (mistake,) = mistakes({key: view_of(annotation, [])})
        assert re.search("form|query|union", mistake.message)
        assert mistake.places[0].startswith(f"{Path(__file__)}:")


def test_a_file_in_a_class_needs_a_method_with_content(mistakes: Find) -> None:
    """A query has no files."""
    (mistake,) = mistakes({"/": show})
    assert "can't come from a query" in mistake.message
    assert "POST" in mistake.hint


class ChildStruct(Outer[list[Kept]]):
    more: int = 0


@dataclass
class ChildData(OuterData[Kept]):
    more: int = 0


class ChildDict(OuterDict[Kept]):
    also: NotRequired[int]


@pytest.mark.parametrize(
    ("kind", "sent", "pick"),
    [
        (ChildStruct, {"inner": [SENT]}, lambda made: made.inner[0]),
        (ChildData, {"inner": SENT}, lambda made: made.inner),
        (ChildDict, {"inner": SENT}, lambda made: made["inner"]),
    ],
)
def test_the_type_argument_of_a_generic_base_is_built(site: Make, kind: Any, sent: Any, pick: Any) -> None:
    """The type of the field is written in a base class."""
    seen: list[Any] = []
    assert site({"POST /": view_of(kind, seen)}).post("/", json=sent).text == "taken"
    assert_kept(pick(seen[0]), Kept)


def test_a_class_whose_fields_were_not_checked_is_refused(monkeypatch: pytest.MonkeyPatch, mistakes: Find) -> None:
    """If one were overlooked, msgspec would fill it without our rules."""
    from fanlight.binding import class_builders as stand_ins

    monkeypatch.setattr(stand_ins, "_collect", lambda annotation, found: None)
    (mistake,) = mistakes({"POST /": view_of(list[Kept], [])})
    assert "the fields of" in mistake.message
    assert "Kept" in mistake.message


def test_the_items_of_a_set_are_hashable(site: Make, mistakes: Find) -> None:
    """For classes that are called as for others."""

    @dataclass(frozen=True)
    class Frozen:
        name: str
        kept: int = field(init=False, default=0)

    seen: list[Any] = []
    assert site({"POST /": view_of(set[Frozen], seen)}).post("/", json={"it": [{"name": "a", "kept": 3}]}).status == 200
    assert [each.kept for each in seen[0]] == [0]
    (mistake,) = mistakes({"POST /": view_of(frozenset[Kept], [])})
    assert "must be hashable" in mistake.message


@attrs.define
class SharedDefault:
    names: list[str] = []  # noqa: RUF008 - it is what is refused


def test_an_attrs_class_with_a_mutable_default_is_refused(mistakes: Find) -> None:
    """As for other classes."""
    (mistake,) = mistakes({"POST /": view_of(SharedDefault, [])})
    assert "would be shared by all requests" in mistake.message


def show_again(it: Photo, errors: FormErrors) -> Any:
    return [it is None, dict(errors)] if errors else it.title


def test_a_form_with_a_file_in_a_class_is_redisplayed(site: Make) -> None:
    """The errors are those of its fields."""
    client = site({"POST /": show_again})
    response = client.post("/", parts=[("title", None, "Sea")])
    assert (response.status, response.json) == (422, [True, {"photo": "is missing"}])
    assert client.post("/", parts=[("title", None, "Sea"), ("photo", "a.png", "1")]).text == "Sea"
