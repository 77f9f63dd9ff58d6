"""Mistakes of a whole table: conflicts, unreachable routes, values that are no response."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from fanlight.errors import Mistake, SetupError
from fanlight.routing.build import build


def mistakes_of(urls: object, **options: object) -> tuple[Mistake, ...]:
    """Return what is wrong with a table."""
    with pytest.raises(SetupError) as caught:
        build(urls, **options)  # type: ignore[arg-type]  # some of these tables are wrong on purpose
    return caught.value.mistakes


CONFLICTS: list[tuple[Mapping[str, object], list[str]]] = [
    ({"/x": "1", "GET /x": "2"}, ["URLS['/x']", "URLS['GET /x']"]),
    ({"/x": "1", "POST|GET /x": "2"}, ["URLS['/x']", "URLS['POST|GET /x']"]),
    ({"/{a}": "1", "/{b}": "2"}, ["URLS['/{a}']", "URLS['/{b}']"]),
    ({"/{a}/{b:int}/": "1", "/{b}/{a:int}/": "2"}, ["URLS['/{a}/{b:int}/']", "URLS['/{b}/{a:int}/']"]),
    ({"/{a...}": "1", "/{b:path}": "2"}, ["URLS['/{a...}']", "URLS['/{b:path}']"]),
    ({"/v{a}.x": "1", "/v{b}.x": "2"}, ["URLS['/v{a}.x']", "URLS['/v{b}.x']"]),
    ({"/blog/x": "1", "/blog": {"/x": "2"}}, ["URLS['/blog/x']", "URLS['/blog']['/x']"]),
    ({"/blog": {"/": "1"}, "GET /blog": "2"}, ["URLS['/blog']['/']", "URLS['GET /blog']"]),
    ({"/a": {"/b/c": "1"}, "/a/b": {"/c": "2"}}, ["URLS['/a']['/b/c']", "URLS['/a/b']['/c']"]),
    ({"/": {"/": {"/": "1"}}, "GET /": "2"}, ["URLS['/']['/']['/']", "URLS['GET /']"]),
]


@pytest.mark.parametrize(("urls", "places"), CONFLICTS)
def test_two_routes_for_the_same_paths_conflict(urls: Mapping[str, object], places: list[str]) -> None:
    """Same shape and a method in common is one mistake that names both places, nested or flat."""
    (mistake,) = mistakes_of(urls)
    assert list(mistake.places) == places
    assert mistake.hint


PEACEFUL: list[Mapping[str, object]] = [
    {"/x": "1", "POST /x": "2"},
    {"/x": "1", "HEAD /x": "2"},
    {"/x": "1", "/x/": "2"},
    {"/{a}": "1", "/{a:int}": "2", "/{a:float}": "3", "/{a...}": "4", "/a{a}": "5", "/{a}a": "6"},
    {"/X": "1", "/x": "2"},
    {"/{a}": "1", "/{a}/": "2", "/{rest...}": "3"},
    {"/{a}": "1", "/{a}/{rest...}": "2", "/{rest...}": "3"},
    {"/{a:int}": "1", "/{a:int}/": "2", "/{a:int}/{b...}": "3", "/{rest...}": "4"},
    {"POST /{a}": "1", "/{a}/": "2", "/{a}/{b...}": "3", "/{rest...}": "4"},
]


@pytest.mark.parametrize("urls", PEACEFUL)
def test_routes_that_differ_live_together(urls: Mapping[str, object]) -> None:
    """Another method, type, slash or case is no conflict."""
    assert len(build(urls).routes) == len(urls)


def test_a_third_route_for_the_same_path_names_the_first() -> None:
    """Each repetition is a mistake of its own, with the first place."""
    first, second = mistakes_of({"/{a}": "1", "/{b}": "2", "GET|POST /{c}": "3"})
    assert first.places == ("URLS['/{a}']", "URLS['/{b}']")
    assert second.places == ("URLS['/{a}']", "URLS['GET|POST /{c}']")


def test_a_route_may_conflict_with_two_others() -> None:
    """A route with two methods that two others have already is reported with each of them."""
    first, second = mistakes_of({"/x": "1", "POST /x": "2", "GET|POST /x": "3"})
    assert "GET" in first.message
    assert first.places == ("URLS['/x']", "URLS['GET|POST /x']")
    assert "POST" in second.message
    assert second.places == ("URLS['POST /x']", "URLS['GET|POST /x']")


def test_types_from_hints_can_make_a_conflict() -> None:
    """What conflicts is what the views' types make of the keys, not the keys' text."""
    (mistake,) = mistakes_of({"/{a}": "v", "/{b:int}": "w"}, path_types=lambda _: {"a": "int"})
    assert '"GET /{a:int}" and "GET /{b:int}"' in mistake.message
    assert (
        len(build({"/{a}": "v", "/{b}": "w"}, path_types=lambda view: {"a": "int"} if view == "v" else {}).routes) == 2
    )


UNREACHABLE: list[tuple[Mapping[str, object], int]] = [
    ({"/{a}": "1", "/{a}/": "2", "/{a}/{b...}": "3", "/{rest...}": "4"}, 3),
    ({"/x": {"/{r...}": "4", "/{a}": "1", "/{a}/": "2", "/{a}/{b}": "3", "/{a}/{b}/": "5", "/{a}/{b}/{c...}": "6"}}, 5),
]


@pytest.mark.parametrize(("urls", "others"), UNREACHABLE)
def test_a_rest_of_which_nothing_is_left_is_a_mistake(urls: Mapping[str, object], others: int) -> None:
    """A route that more specific ones hide is reported with their places."""
    mistakes = mistakes_of(urls)
    assert "is never reached" in mistakes[0].message
    assert len(mistakes[0].places) == others + 1


VALUES: list[object] = [None, True, 1, 2.5, [], ["/x"], (), ("a", 200), set(), frozenset()]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_that_is_no_response_is_a_mistake(value: object) -> None:
    """None, a number or a collection is no view, and the hint says what is."""
    (mistake,) = mistakes_of({"/x": value})
    assert "is no response" in mistake.message
    assert "view" in mistake.hint


@pytest.mark.parametrize("value", ["", "text", b"bytes", pytest.param(object(), id="object"), len, type, ...], ids=repr)
def test_any_other_value_is_an_endpoint(value: object) -> None:
    """Routing has no opinion on what a value means."""
    assert build({"/x": value}).routes[0].endpoint is value


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ({"/x": {}}, "is empty"),
        ({"POST /x": {"/": "1"}}, "gives methods to a nested table"),
        ({"GET /x": {}}, "gives methods to a nested table"),
        ({"/{a...}": {"/x": "1"}}, "continues after"),
        ({"/{a}": {"/{a}": "1"}}, '"a" occurs twice in "/{a}/{a}"'),
        ({"/x": {"y": "1"}}, '"y" does not begin'),
        ({"/x": {"GET": "1"}}, 'does not begin with "/"'),
        ({"/x" * 40: {"/x" * 40: "1"}}, "more than 64 segments"),
    ],
)
def test_a_mistaken_nested_table_is_refused(urls: Mapping[str, object], said: str) -> None:
    """What is wrong with a nested table, or with an outer and inner key combined, is reported."""
    (mistake,) = mistakes_of(urls)
    assert said in mistake.message


def test_a_rest_may_have_a_table_that_only_names_methods() -> None:
    """A nested "/" adds no segment, so it is allowed below a rest."""
    assert {r.pattern for r in build({"/{a...}": {"/": "1", "PUT /": "2"}}).routes} == {"/{a...}"}


def test_a_table_that_holds_itself_is_refused() -> None:
    """A nested table must have an end; one used in two places has."""
    urls: dict[str, object] = {"/x": "1"}
    urls["/y"] = {"/z": urls, "/w": urls}
    mistakes = mistakes_of(urls)
    assert ["holds itself" in mistake.message for mistake in mistakes] == [True, True]
    shared = {"/x": "1"}
    assert len(build({"/a": shared, "/b": shared}).routes) == 2


@pytest.mark.parametrize("urls", [None, [("/", "x")], "/", {"/"}])
def test_urls_must_be_a_mapping(urls: object) -> None:
    """Anything but a mapping is refused, and shown how it is written."""
    (mistake,) = mistakes_of(urls)
    assert "URLS is a" in mistake.message


def test_any_mapping_will_do() -> None:
    """A read-only mapping is as good as a dict, also as a nested table."""
    assert len(build(MappingProxyType({"/x": MappingProxyType({"/": "1", "/y": "2"})})).routes) == 2


def test_all_mistakes_are_reported_at_once_in_reading_order() -> None:
    """All mistakes are reported in one go, in the order in which they are written."""

    def endpoint_of(value: object, pattern: str, methods: frozenset[str], middleware: tuple[object, ...]) -> object:
        if value == "bad":
            raise SetupError([Mistake(message=f"no template for {pattern}"), Mistake(message="other", places=("y:1",))])
        return value

    mistakes = mistakes_of(
        {"/a": "1", "b": "2", "/c": {"/{x}": "3", "/d": "bad", "/{y}": "4", "/e": None}, "GET /a": "5", "psot /f": "6"},
        endpoint_of=endpoint_of,
    )
    assert [mistake.message for mistake in mistakes] == [
        '"GET /a" is in the table twice',
        'the key "b" does not begin with "/"',
        '"GET /c/{x}" and "GET /c/{y}" match the same paths',
        "no template for /c/d",
        "other",
        'the value of "/e" is None, which is no response',
        '"psot" in "psot /f" is no method',
    ]
    assert mistakes[3].places == ("URLS['/c']['/d']",)
    assert mistakes[4].places == ("y:1", "URLS['/c']['/d']")


@pytest.mark.parametrize("hints", [{"x": "nothing"}, {"x": "int", "y": "bool"}])
def test_a_type_that_no_segment_has_is_a_mistake(hints: dict[str, str]) -> None:
    """A view that annotates a path parameter with an impossible type is a mistake."""
    (mistake,) = mistakes_of({"/{x}": "view"}, path_types=lambda _: hints)
    assert "no segment can be read as" in mistake.message
    assert mistake.places == ("URLS['/{x}']",)


def test_a_hint_can_not_put_a_rest_in_the_middle() -> None:
    """A view's type is held to the same rules as a type in the key."""
    (mistake,) = mistakes_of({"/{x}/y": "view"}, path_types=lambda _: {"x": "path"})
    assert "continues after" in mistake.message


def test_an_endpoint_is_made_once_for_each_route() -> None:
    """The endpoint is made once for each key, also when it names several methods."""
    asked: list[tuple[object, str]] = []
    build({"GET|POST /x": "1", "/y": "1"}, endpoint_of=lambda value, pattern, *_: asked.append((value, pattern)))
    assert asked == [("1", "/x"), ("1", "/y")]
