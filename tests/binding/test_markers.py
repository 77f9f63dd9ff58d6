"""A client can't supply "the current user", however that is written: it is bound correctly, or refused.

Each marker (a dependency in every spelling, a cookie, a header field) and each form in which it can be named (aliases,
NewType, texts) is put into each place where an annotation may stand.
"""

# mypy: disable-error-code="valid-type,type-arg,misc,no-untyped-call"
# ruff: noqa: UP006, UP007, UP045, PLW0108 - annotations are made here of what is no type to a checker, in all spellings

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, NewType, Optional, TypedDict, TypeVar

import annotated_types
import attrs
import msgspec
import pytest
import typing_extensions
from msgspec import Meta
from typing_extensions import TypeAliasType

from fanlight.binding.markers import Body, Cookie, Field, Header
from fanlight.errors import Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.form import FormErrors
from fanlight.message.request import Request
from fanlight.message.upload import Upload

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
T = TypeVar("T")
K = TypeVar("K")

# --- the markers: each gives "ada" -------------------------------------------------------------------


def current_user(request: Request) -> str:
    assert isinstance(request, Request)
    return "ada"


async def async_user(request: Request) -> str:
    return current_user(request)


def opened_user(request: Request) -> Iterator[str]:
    yield current_user(request)


async def async_opened_user(request: Request) -> AsyncIterator[str]:
    yield current_user(request)


class Role:
    def __init__(self, name: str = "ada") -> None:
        self.name = name

    def __call__(self, request: Request) -> str:
        return current_user(request)

    def method(self, request: Request) -> str:
        return current_user(request)

    @staticmethod
    def static(request: Request) -> str:
        return current_user(request)

    @classmethod
    def of_class(cls, request: Request) -> str:
        return current_user(request)


class AsyncRole:
    async def __call__(self, request: Request) -> str:
        return current_user(request)


class OpenedRole:
    def __call__(self, request: Request) -> Iterator[str]:
        yield current_user(request)


class AsyncOpenedRole:
    async def __call__(self, request: Request) -> AsyncIterator[str]:
        yield current_user(request)


class StaticRole:
    @staticmethod
    async def __call__(request: Request) -> str:
        return current_user(request)


@dataclass
class RoleOfData:
    """It has `__eq__` and so no hash."""

    name: str

    def __call__(self, request: Request) -> str:
        return current_user(request)


class User(str):
    __slots__ = ()

    def __new__(cls, request: Request) -> typing.Self:
        return super().__new__(cls, current_user(request))


def user_of(name: str, request: Request) -> str:
    assert name == "settled"
    return current_user(request)


@functools.lru_cache
def cached_user() -> str:
    return "ada"


MARKS: dict[str, Any] = {
    "function": current_user,
    "async function": async_user,
    "generator": opened_user,
    "async generator": async_opened_user,
    "lambda": lambda request: current_user(request),
    "object": Role("admin"),
    "async object": AsyncRole(),
    "object that opens": OpenedRole(),
    "async object that opens": AsyncOpenedRole(),
    "object with a static call": StaticRole(),
    "object without a hash": RoleOfData("admin"),
    "class": User,
    "partial": functools.partial(user_of, "settled"),
    "partial of an object": functools.partial(AsyncRole()),
    "bound method": Role().method,
    "static method": Role.static,
    "class method": Role.of_class,
    "cached": cached_user,
    "builtin": "ada".lower,
    "header": Header("x-user"),
    "cookie": Cookie("user"),
}
FIELDS = {"x-user": "ada", "cookie": "user=ada"}  # what the last two read

# --- the forms ---------------------------------------------------------------------------------------

Aliased = TypeAliasType("Aliased", Annotated[T, current_user], type_params=(T,))


def alias(value: Any, **more: Any) -> Any:
    return TypeAliasType("CurrentUser", value, **more)


FORMS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda mark: Annotated[str, mark],
    "alias": lambda mark: alias(Annotated[str, mark]),
    "alias of an alias": lambda mark: alias(alias(Annotated[str, mark])),
    "generic alias": lambda mark: alias(Annotated[T, mark], type_params=(T,))[str],
    "generic alias of one": lambda mark: alias(alias(Annotated[K, mark], type_params=(K,))[T], type_params=(T,))[str],
    "alias with a description": lambda mark: Annotated[alias(Annotated[str, mark]), typing_extensions.Doc("who asks")],
    "alias with a title": lambda mark: Annotated[alias(Annotated[str, mark]), Meta(title="User")],
    "alias of the type": lambda mark: Annotated[alias(str), mark],
    "optional alias": lambda mark: typing.Optional[alias(Annotated[str, mark])],
    "alias of an optional": lambda mark: (
        alias(Optional[Annotated[str, mark]]) if _has_hash(mark) else Annotated[str, mark]
    ),
    "new type": lambda mark: NewType("Me", Annotated[str, mark]),
    "quoted type": lambda mark: Annotated["str", mark],
}


def _has_hash(thing: object) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def view_of(annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    """Return a view whose parameter `user` has this annotation, and that returns its value."""

    async def view(user: Any) -> Any:
        return {"user": str(user) if isinstance(user, User) else user}

    parameter = inspect.Parameter("user", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    view.__signature__ = inspect.Signature([parameter])  # type: ignore[attr-defined]  # what inspect looks for
    return view


@pytest.mark.parametrize("form", FORMS)
def test_a_marker_is_seen_in_each_form(site: Make, form: str) -> None:
    """The parameter is what the marker names, and never a field that a client sends."""
    views = {mark.replace(" ", "-"): view_of(FORMS[form](MARKS[mark])) for mark in MARKS}
    client = site({f"GET|POST /{mark}": view for mark, view in views.items()})
    for mark in views:
        assert client.get(f"/{mark}?user=admin", fields=FIELDS).json == {"user": "ada"}, mark
        assert client.post(f"/{mark}?user=admin", form={"user": "admin"}, fields=FIELDS).json == {"user": "ada"}, mark
        assert client.post(f"/{mark}?user=admin", json={"user": "admin"}, fields=FIELDS).json == {"user": "ada"}, mark


PLACES: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: list[inner],
    "typing list": lambda inner: typing.List[inner],
    "set": lambda inner: set[inner],
    "tuple": lambda inner: tuple[inner, ...],
    "dict": lambda inner: dict[str, inner],
    "list of an optional": lambda inner: list[Optional[inner]],
    "optional list": lambda inner: list[inner] | None,
    "union": lambda inner: typing.Union[inner, int],
    "list in an alias": lambda inner: alias(list[inner]),
    "generic alias of a list": lambda inner: alias(list[T], type_params=(T,))[inner],
    "bounded list": lambda inner: Annotated[list[inner], Meta(max_length=3)],
    "dependency's type": lambda inner: Annotated[list[inner], current_user],
}
CLASSES: dict[str, Callable[[Any], Any]] = {
    "dataclass": lambda inner: dataclass(type("Body", (), {"__annotations__": {"user": inner}})),
    "keyword-only dataclass": lambda inner: dataclass(kw_only=True)(
        type("B", (), {"__annotations__": {"user": inner}})
    ),
    "Struct": lambda inner: msgspec.defstruct("Body", [("user", inner)]),
    "attrs": lambda inner: attrs.make_class("Body", {"user": attrs.field(type=inner)}),
    "TypedDict": lambda inner: TypedDict("Body", {"user": inner}),  # type: ignore[operator]  # it is a function
    "NamedTuple": lambda inner: NamedTuple("Body", [("user", inner)]),
}
WITHIN = {
    "itself": lambda inner: inner,
    "a list": lambda inner: list[inner],
    "an optional": lambda inner: inner | None,
    "a class": lambda inner: msgspec.defstruct("Outer", [("inner", inner)]),
    "a class in a dict": lambda inner: dict[str, msgspec.defstruct("Outer", [("inner", inner)])],
}
SOME_FORMS = ["as it is", "alias", "generic alias", "new type"]
SOME_MARKS = ["function", "object", "class", "header", "cookie"]


def refused(mistakes: Find, *views: Any, words: tuple[str, ...] = ()) -> None:
    """Assert that each view is refused with its file and line, for GET and for POST."""
    keys = {f"{key}/{number}": view for number, view in enumerate(views) for key in ("", "POST ")}
    found = {key: mistake for mistake in mistakes(keys) for key in keys if f"URLS[{key!r}]" in mistake.places}
    assert set(keys) - set(found) == set()
    for mistake in found.values():
        assert any(place.startswith(f"{Path(__file__)}:") for place in mistake.places), mistake
        assert mistake.hint, mistake
        for word in words:
            assert word in str(mistake), mistake


@pytest.mark.parametrize("form", SOME_FORMS)
@pytest.mark.parametrize("mark", SOME_MARKS)
def test_a_marker_inside_a_container_is_refused(mistakes: Find, mark: str, form: str) -> None:
    """It would have no effect there, and the client could set the value."""
    inner = FORMS[form](MARKS[mark])
    refused(mistakes, *(view_of(place(inner)) for place in PLACES.values()), words=("can't be used",))


@pytest.mark.parametrize("form", SOME_FORMS)
@pytest.mark.parametrize("mark", SOME_MARKS)
def test_a_marker_in_a_class_is_refused(mistakes: Find, mark: str, form: str) -> None:
    """All fields of a class are set by the client, at any depth."""
    inner = FORMS[form](MARKS[mark])
    views = [view_of(within(record(inner))) for within in WITHIN.values() for record in CLASSES.values()]
    refused(mistakes, *views, words=("user", "can't be used"))


class Base(msgspec.Struct, Generic[T]):
    inner: T


class Child(Base[Annotated[str, current_user]]):
    more: int = 0


class Grandchild(Child):
    pass


@dataclass
class BaseData(Generic[T]):
    inner: list[T]


@dataclass
class ChildData(BaseData[alias(Annotated[str, current_user])]):
    more: int = 0


class BaseDict(TypedDict, Generic[T]):
    inner: T


class ChildDict(BaseDict[Annotated[str, current_user]]):
    more: int


class Depends:
    def __init__(self, dependency: Any) -> None:
        self.dependency = dependency


@dataclass(frozen=True)
class DependsOfData:
    dependency: Any


class Unshown:
    def __repr__(self) -> str:
        raise AssertionError


DEFAULTS = {
    **MARKS,
    "Depends": Depends(current_user),
    "Depends as data": DependsOfData(current_user),
    "Header": Header,
    "Cookie": Cookie,
    "ellipsis": ...,
    "object that can't be shown": Unshown(),
    "within a list": [current_user],
    "within a dict": {"by": current_user},
    "type": str,
}


@pytest.mark.parametrize(
    "annotation", [str, inspect.Parameter.empty, Any, ChildDict, int | None, Annotated[str, async_user]]
)
def test_a_marker_as_the_default_is_refused(mistakes: Find, annotation: Any) -> None:
    """Other frameworks write dependencies so: `user: str = Depends(current_user)`."""
    views = [view_of(annotation, default) for default in DEFAULTS.values()]
    refused(mistakes, *views, words=("as its default",))


def test_a_dependency_as_a_default_factory_is_refused(mistakes: Find) -> None:
    """It could not be called, and a client could set the field."""
    needy: Any = current_user
    body = {"__annotations__": {"user": str}, "user": field(default_factory=needy)}
    struct = msgspec.defstruct("Body", [("user", str, msgspec.field(default_factory=needy))])
    made_by_attrs = attrs.make_class("Body", {"user": attrs.field(type=str, default=attrs.Factory(needy))})
    views = map(view_of, (dataclass(type("Body", (), body)), struct, list[struct], made_by_attrs))
    refused(mistakes, *views, words=("the default_factory of Body.user, ", "current_user, needs request"))


def test_a_default_factory_may_have_optional_parameters(site: Make) -> None:
    """Defaults, the arguments of builtin functions, and in attrs the object itself."""
    of_self = attrs.Factory(lambda self: self.__class__.__name__, takes_self=True)
    body = {
        "__annotations__": {"a": list[str], "b": str, "c": dict[str, int]},
        "a": field(default_factory=list),
        "b": field(default_factory=lambda name="x", *more, **others: name),
        "c": field(default_factory=dict),
    }
    for made in (
        dataclass(type("Body", (), body)),
        attrs.make_class("Body", {"b": attrs.field(type=str, default=of_self)}),
    ):
        assert site({"POST /": view_of(made)}).post("/", json={}).status == 200


def test_a_marker_as_the_default_of_a_field_is_refused(mistakes: Find) -> None:
    """As for a parameter."""
    names = ("function", "object", "class", "header", "cookie", "Depends", "Depends as data", "Header", "partial")
    views = []
    for default in (DEFAULTS[name] for name in names):
        body = {"__annotations__": {"user": str}, "user": default}
        views += [
            view_of(dataclass(type("Body", (), body))),
            view_of(list[msgspec.defstruct("Body", [("user", str, default)])]),
            view_of(attrs.make_class("Body", {"user": attrs.field(type=str, default=default)})),
        ]
    refused(mistakes, *views, words=("Body.user has", "as its default"))


OBSCURE: dict[str, Any] = {
    "text": "current_user",
    "number": 5,
    "none": None,
    "ellipsis": ...,
    "list": [current_user],
    "data": DependsOfData(current_user),
    "object": Depends(current_user),
    "object that can't be shown": Unshown(),
    "Header without a name": Header,
    "Cookie without a name": Cookie,
    "annotation": Header[str],
    "generic type": list[int],
    "the request": Request,
    "the state": State,
    "a file": Upload,
    "the errors": FormErrors,
    "Any": Any,
    "type": int,
    "text type": str,
    "predicate": annotated_types.Predicate(str.islower),
    "not": annotated_types.Not(str.islower),
    "bound of a date": annotated_types.Gt(__import__("datetime").date(2026, 1, 1)),
    "zone": annotated_types.Timezone("Europe/Berlin"),
    "method without its object": str.islower,
    "function of C": min,
    "class of C": bytes,
    "enum": __import__("enum").Enum("Color", "RED"),
    "exception": ValueError,
    "alias": alias(Annotated[str, current_user]),
    "typed dict": TypedDict("Some", {}),  # type: ignore[operator]
}


@pytest.mark.parametrize("form", ["as it is", "alias", "generic alias", "alias of the type"])
def test_metadata_without_meaning_is_refused(mistakes: Find, form: str) -> None:
    """It may have been meant to guard a value, so it is never dropped."""
    refused(mistakes, *(view_of(FORMS[form](each)) for each in OBSCURE.values()))


@pytest.mark.parametrize("record", CLASSES)
def test_metadata_without_meaning_is_refused_in_a_class(mistakes: Find, record: str) -> None:
    """As for a parameter."""
    # A dataclass shows its fields itself, so nothing that can't be shown stands there.
    obscure = [each for each in OBSCURE.values() if not isinstance(each, Unshown)]
    views = [view_of(CLASSES[record](Annotated[str, each])) for each in obscure]
    refused(mistakes, *views, words=("user",))


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[str, Body], "Body is written after the type"),
        (Annotated[str, Cookie], "Cookie is used without a name"),
        (Annotated[str, State], "State can't follow another type"),
        (Annotated[str, Upload], "Upload can't follow another type"),
    ],
)
def test_markers_in_another_notation_are_refused(mistakes: Find, annotation: Any, words: str) -> None:
    """The message names the marker."""
    refused(mistakes, view_of(annotation), words=(words,))


def test_a_field_with_two_names_is_refused(mistakes: Find) -> None:
    """One of them would be dropped."""
    refused(
        mistakes, view_of(CLASSES["dataclass"](Annotated[str, Field("a"), Field("b")])), words=("it has two names",)
    )


@pytest.mark.parametrize("view", [lambda req: str(req), lambda self: str(self)])
def test_a_reserved_name_without_a_type_is_refused(mistakes: Find, view: Any) -> None:
    """It certainly means something else than a field of the query."""
    refused(mistakes, view, words=("is not something that a client sends",))


def test_two_markers_on_one_parameter_are_refused(mistakes: Find) -> None:
    """Also if an alias hides one of them."""
    hidden = alias(Annotated[str, current_user])
    for annotation in (Annotated[hidden, async_user], Annotated[hidden, Cookie()], Annotated[Request, current_user]):
        refused(mistakes, view_of(annotation), words=("two sources",))


def test_constraints_of_a_dependency_are_refused(mistakes: Find) -> None:
    """They would not be checked."""
    refused(mistakes, view_of(Annotated[str, current_user, Meta(min_length=3)]), words=("can't be enforced",))
    refused(
        mistakes,
        view_of(Annotated[alias(Annotated[str, annotated_types.MinLen(3)]), current_user]),
        words=("can't be enforced",),
    )


def test_provided_types_may_be_aliased(site: Make) -> None:
    """`type R = Request` is the request, `type S = Cookie[str]` a cookie, `type U = Upload` a file."""
    asked_for, session, file = alias(Request), alias(Cookie[str]), alias(Upload)

    def view(it: asked_for, user: session, many: list[file], state: alias(State), one: file = None) -> Any:
        return {"path": it.path, "user": user, "files": [each.filename for each in many], "state": dict(state)}  # type: ignore[attr-defined]

    # The names are this function's, so they are no text here.
    view.__annotations__ |= {"it": asked_for, "user": session, "many": list[file], "state": alias(State), "one": file}
    response = site({"POST /v": view}).post(
        "/v?user=eve", parts=[("many", "a.txt", b"1")], fields={"cookie": "user=ada"}
    )
    assert response.json == {"path": "/v", "user": "ada", "files": ["a.txt"], "state": {}}


def test_a_plain_alias_is_its_type(site: Make, mistakes: Find) -> None:
    """In the path, a query and JSON, inside containers and with constraints."""
    number = alias(Annotated[int, Meta(ge=1)])
    pair = alias(dict[K, list[T]], type_params=(T, K))[number, str]

    def view(key: Any, page: Any = 1, pages: Any = ()) -> Any:
        return [key, page, pages]

    def send(pairs: Any) -> Any:
        return pairs

    view.__annotations__ = {"key": number, "page": number, "pages": alias(tuple[number, ...])}
    send.__annotations__ = {"pairs": pair}
    client = site({"/{key}": view, "POST /": send})
    assert client.get("/7?page=2&pages=3&pages=4").json == [7, 2, [3, 4]]
    assert client.get("/0").status == 404
    assert client.get("/7?page=0").bad == [("query", "page", "must be at least 1")]
    assert client.post("/", json={"pairs": {"a": [1]}}).json == {"a": [1]}
    assert client.post("/", json={"pairs": {"a": [1, 0]}}).bad == [("json", "pairs.a[1]", "must be at least 1")]


def test_an_alias_that_refers_to_itself_is_refused(mistakes: Find) -> None:
    """It has no end; a recursive class has one."""
    tree = TypeAliasType("tree", "list[tree]")
    with_names(tree=tree)
    refused(mistakes, view_of(tree), words=("tree refers to itself",))
    refused(mistakes, view_of("list['Endless']"), words=("refers to itself",))


Endless = "list[Endless]"


def with_names(**names: Any) -> None:
    """Put names into this module, where aliases that are texts look for them."""
    globals().update(names)


def test_an_alias_may_be_text(site: Make) -> None:
    """It is evaluated in the module of the alias."""
    view = view_of(alias("Annotated[str, current_user]"))
    assert site({"/": view}).get("/?user=admin").json == {"user": "ada"}
    view = view_of(alias("Annotated[T, current_user]", type_params=(T,))[str])
    assert site({"/": view}).get("/?user=admin").json == {"user": "ada"}
    view = view_of("'Annotated[str, current_user] | None'")
    assert site({"/": view}).get("/?user=admin").json == {"user": "ada"}


STATEMENTS = """
from __future__ import annotations
from typing import Annotated
from fanlight import Cookie, Request
from msgspec import Meta

def current_user(request: Request) -> str:
    return "ada"

type CurrentUser = Annotated[str, current_user]
type Again = CurrentUser
type Optional[T] = T | None
type Mine[T] = Annotated[T, current_user]
type Session = Cookie[str]
type R = Request
type Later = "Annotated[str, current_user]"

def plain(user: CurrentUser): return user
def again(user: Again): return user
def or_none(user: CurrentUser | None): return user
def generic(user: Mine[str]): return user
def generic_of_alias(user: Optional[CurrentUser]): return user
def titled(user: Annotated[CurrentUser, Meta(title="x")]): return user
def session(user: Session): return user
def asked(r: R): return r.cookies["user"]
def later(user: Later): return user
def inner[T](user: Mine[str], *more: T): return user
VIEWS = [plain, again, or_none, generic, generic_of_alias, titled, session, asked, later, inner]

def below(users: list[CurrentUser]): return users
def below_generic(users: Optional[list[Mine[str]]]): return users
REFUSED = [below, below_generic]
"""


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="the statement came with 3.12; TypeAliasType of above is the same"
)
@pytest.mark.parametrize("is_lazy", [True, False], ids=["texts", "annotations"])
def test_the_type_statement_makes_such_aliases(site: Make, mistakes: Find, *, is_lazy: bool) -> None:
    """`type X = ...`, as ruff writes aliases, of each kind."""
    source = STATEMENTS if is_lazy else STATEMENTS.replace("from __future__ import annotations", "")
    module = sys.modules["statements"] = types.ModuleType("statements")
    exec(compile(source, "statements.py", "exec", dont_inherit=True), vars(module))
    try:
        for view in module.VIEWS:
            response = site({"/": view}).get("/?user=admin", fields={"cookie": "user=ada"})
            assert response.text == "ada", view
        for view in module.REFUSED:
            (mistake,) = mistakes({"/": view})
            assert "can't be used" in mistake.message
    finally:
        del sys.modules["statements"]


def test_the_type_of_a_dependency_need_not_be_defined(site: Make, mistakes: Find) -> None:
    """It may be imported for type checkers only."""
    for text in (
        "Annotated[Connection, current_user]",
        "Annotated[Connection | None, current_user]",
        "Annotated[sqlite3.Connection, current_user]",
        "Annotated[list[Connection], current_user] | None",
        "Annotated['Connection', current_user]",
    ):
        assert site({"/": view_of(text)}).get("/?user=admin").json == {"user": "ada"}
    assert site({"/": view_of(Annotated["Connection", current_user])}).get("/").json == {"user": "ada"}  # noqa: F821
    for text, missing in (
        ("Annotated[Connection, connect]", "connect"),
        ("Annotated[Connection, current_user, connect()]", "connect"),
        ("Annotated[Connection, Header('x')]", "Connection"),
        ("Annotated[Connection, Meta(ge=1)]", "Connection"),
        ("list[sqlite3.Connection]", "sqlite3"),
        ("Connection", "Connection"),
    ):
        refused(
            mistakes,
            view_of(text),
            words=(
                f"name '{missing}' is not defined",
                "outside `if TYPE_CHECKING:`",
            ),
        )


def test_an_unusable_builtin_is_reported_at_the_view(mistakes: Find) -> None:
    """A function that is not written in Python has no line of its own."""
    refused(mistakes, view_of(Annotated[int, min]), words=("builtins.min",))
    refused(mistakes, view_of(Annotated[str, functools.partial(int, "5")]))
    refused(mistakes, view_of(Annotated[str, __import__("datetime").datetime.now]), words=("have no types",))

    def between(low: Annotated[int, min]) -> int:
        return low

    refused(mistakes, view_of(Annotated[int, between]), words=("builtins.min",))


def test_a_class_with_parameters_that_can_not_be_filled_is_refused(mistakes: Find) -> None:
    """At the line of the class."""

    class Needs:
        def __init__(self, other: Role) -> None:
            self.other = other

    refused(
        mistakes,
        view_of(Annotated[str, Needs]),
        words=(
            "other",
            "Role",
        ),
    )


class Page:
    def __init__(self, number: int = 1) -> None:
        self.number = number


@dataclass
class Sorted:
    by: str = "name"
    _secret: str = "kept"


def sorted_page(page: Annotated[Page, Page], order: Annotated[Sorted, Sorted]) -> str:
    return f"{page.number} {order.by} {order._secret}"


def test_a_class_is_made_for_each_request(site: Make) -> None:
    """Its `__init__` is bound like a function, without private parameters."""
    client = site({"/": sorted_page})
    assert client.get("/?number=3&by=date&_secret=x").text == "3 date kept"
    assert client.get("/?number=x").bad == [("query", "number", "'x' is not an integer")]


made: list[str] = []


@dataclass
class Counted:
    name: str

    def __call__(self) -> str:
        made.append(self.name)
        return self.name


ONE, OTHER = Counted("one"), Counted("one")


def between(it: Annotated[str, ONE]) -> str:
    return it


def counting(a: Annotated[str, ONE], b: Annotated[str, between], c: Annotated[str, OTHER]) -> str:
    return a + b + c


def test_an_unhashable_dependency_is_opened_once(site: Make) -> None:
    """It is identified by itself, and not by its value."""
    made.clear()
    assert site({"/": counting}).get("/").text == "oneoneone"
    assert made == ["one", "one"]


def test_a_cached_generator_is_refused(mistakes: Find) -> None:
    """It would be exhausted for the second request; a coroutine likewise."""
    for function in (opened_user, async_user, async_opened_user):
        refused(mistakes, view_of(Annotated[str, functools.lru_cache(function)]), words=("is cached",))


def hidden(request: Request) -> Any:
    return async_user(request)


def guarded(user: Annotated[str, hidden]) -> str:
    return "let in" if user else "kept out"


def test_a_coroutine_is_not_taken_for_a_user(site: Make) -> None:
    """A wrapper that hides an async function is an error, and not a value that is true."""
    assert site({"/": guarded}).get("/").status == 500


MISSING = object()


@dataclass
class Whole:
    number: int = 1


def defaulted(a: str = "a", b: int | None = None, c: Any = MISSING, d: tuple[int, ...] = (1,)) -> Any:
    return [a, b, c is MISSING, d]


def whole(page: Whole = Whole(7)) -> Any:  # noqa: B008 - it is shared, and no one changes it
    return page


def test_defaults_that_are_plain_data_are_kept(site: Make) -> None:
    """Data, None, a sentinel, an object of the annotated class."""
    client = site({"/": defaulted, "POST /": whole})
    assert client.get("/").json == ["a", None, True, [1]]
    assert client.post("/").json == {"number": 7}


def test_names_reserved_for_python_are_refused(mistakes: Find) -> None:
    """`__x` has another name within a class, and `__init__` is a method."""

    def mangled(a: int, __x: int) -> Any:
        return a

    def method(__init__: str = "") -> Any:
        return ""

    refused(
        mistakes,
        mangled,
        words=(
            "__x",
            "call it x",
        ),
    )
    refused(
        mistakes,
        method,
        words=(
            "__init__",
            "call it init",
        ),
    )


def test_all_mistakes_are_reported_at_once(site: Make) -> None:
    """Each route has its mistake."""
    with pytest.raises(SetupError) as messages:
        site({"/a": view_of(list[Annotated[str, current_user]]), "/b": view_of(str, current_user)})
    assert len(messages.value.mistakes) == 2


def test_functions_with_fixed_arguments_have_no_markers(mistakes: Find) -> None:
    """A lifespan gets the app, and would take it for the user; the error of an error view is no header field."""

    def lifespan(user: Any) -> Iterator[None]:
        yield

    def not_found(error: Any) -> str:
        return ""

    lifespan.__annotations__["user"] = alias(Annotated[str, current_user])
    not_found.__annotations__["error"] = Header[str]
    (mistake,) = mistakes({"/": "x"}, lifespan=lifespan)
    assert "user in " in mistake.message
    assert "is a dependency, but" in mistake.message
    assert mistake.places[0].startswith(f"{Path(__file__)}:")
    (mistake,) = mistakes({"/": "x"}, errors={404: not_found})
    assert "is a header field, but" in mistake.message


def test_a_marker_of_middleware_is_found_wherever_it_is(site: Make) -> None:
    """It gets the user, behind an alias as well, and never the request in its place."""
    users: list[object] = []

    def guard(user: Any) -> Iterator[None]:
        users.append(user)
        yield

    def guard_by_name(request: Request, user: Any = None) -> Iterator[None]:
        users.append(user)
        yield

    for function in (guard, guard_by_name):
        function.__annotations__["user"] = alias(Annotated[str, current_user])
        assert site({"/": "x"}, middleware=(function,)).get("/?user=eve").status == 200
    assert users == ["ada", "ada"]


def test_a_marker_as_a_type_argument_of_a_base_is_refused(mistakes: Find) -> None:
    """It applies to a field, although it is not written there."""
    refused(mistakes, *map(view_of, (Child, Grandchild, ChildData, ChildDict, list[Child])), words=("can't be used",))


def test_a_marker_that_bounds_a_type_variable_is_refused(mistakes: Find) -> None:
    """A variable stands for its bound, or for one of its constraints."""
    bound = TypeVar("bound", bound=alias(Annotated[str, current_user]))
    one_of = TypeVar("one_of", int, Annotated[str, current_user])
    refused(mistakes, *map(view_of, (bound, list[bound], one_of, Base[bound])), words=("can't be used",))


def test_a_marker_as_the_default_of_a_type_variable_is_refused(mistakes: Find) -> None:
    """PEP 696: a variable without a type argument stands for its default."""
    default: Any = typing_extensions.TypeVar("default", default=Annotated[str, current_user])
    unnamed: Any = TypeAliasType("unnamed", default, type_params=(default,))
    views = map(view_of, (default, list[default], unnamed, box_of(default)))
    refused(mistakes, *views, words=("can't be used",))


def test_a_type_variable_stands_for_its_default(site: Make) -> None:
    """In a parameter, and in a class, where msgspec alone would take the bound."""
    default: Any = typing_extensions.TypeVar("default", default=int)
    assert site({"/": view_of(default)}).get("/?user=admin").status == 422
    assert site({"POST /": view_of(box_of(default))}).post("/", json={"user": "admin"}).status == 422


def box_of(variable: Any) -> Any:
    """Return a generic dataclass whose field `user` is of a type variable."""
    made: Any = types.new_class("box", (typing.cast("Any", Generic)[variable],))
    made.__annotations__ = {"user": variable}
    return dataclass(made)


def test_variadic_parameters_have_no_markers(mistakes: Find) -> None:
    """They receive the remaining path parameters: a dependency would be dropped."""

    def many(*users: Any) -> None: ...
    def named(**users: Any) -> None: ...
    def unpacked(**users: Any) -> None: ...

    many.__annotations__["users"] = named.__annotations__["users"] = alias(Annotated[str, current_user])
    unpacked.__annotations__["users"] = typing.Unpack[ChildDict]
    refused(mistakes, many, named, unpacked, words=("users", "the remaining path parameters"))


PREFIX = "a"


def test_a_lambda_in_a_text_annotation_sees_its_module(site: Make) -> None:
    """As any function that is written there."""
    view = view_of("Annotated[str, lambda request: PREFIX + 'da']")
    view.__signature__ = inspect.signature(view)
    assert site({"/": view}).get("/?user=admin").json == {"user": "ada"}


def test_a_mistake_in_a_lambda_in_a_text_annotation_is_reported_at_the_view(mistakes: Find) -> None:
    """It has no line of its own."""
    refused(mistakes, view_of("Annotated[str, lambda request, /: request]"), words=("by position only",))


@dataclass
class Options:
    names: list[str] = field(default_factory=lambda: ["a"])
    size: int = 1
    made: bool = field(init=False, default=True)


class OptionsStruct(msgspec.Struct):
    names: list[str] = msgspec.field(default_factory=lambda: ["a"])
    size: int = 1
    _made: bool = True

    @property
    def made(self) -> bool:
        return self._made


@attrs.define
class OptionsAttrs:
    names: list[str] = attrs.Factory(lambda: ["a"])
    size: int = 1
    made: bool = attrs.field(init=False, default=True)


def test_data_classes_are_dependencies(site: Make, tmp_path: Path) -> None:
    """Their fields come from the query, without private ones."""
    for kind in (Options, OptionsStruct, OptionsAttrs):

        def view(options: Any) -> Any:
            return [options.names, options.size, options.made]

        view.__annotations__["options"] = Annotated[kind, kind]
        client = site({"POST /": view})
        assert client.post("/?made=&_made=&size=2").json == [["a"], 2, True]
        assert client.post("/?names=b&names=c").json == [["b", "c"], 1, True]


@contextlib.contextmanager
def managed() -> Iterator[str]:
    yield "ada"


class Managed:
    @contextlib.contextmanager
    def method(self) -> Iterator[str]:
        yield "ada"


def test_a_context_manager_is_refused_in_each_form(mistakes: Find) -> None:
    """It would never be entered."""
    kinds = (managed, functools.partial(managed), Managed().method)
    refused(mistakes, *(view_of(Annotated[str, each]) for each in kinds), words=("returns a context manager",))
