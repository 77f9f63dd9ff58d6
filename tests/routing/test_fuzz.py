"""Random tables and paths against a matcher so simple that one can see it is right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from hypothesis import assume, example, given
from hypothesis import strategies as st

from fanlight.errors import Mistake, NoSuchURL, SetupError
from fanlight.routing.build import build
from fanlight.routing.route import NoMatch, NoMatchReason
from fanlight.routing.table import Table

KINDS = {"int": r"-?[0-9]{1,99}", "float": r"-?[0-9]{1,99}(?:\.[0-9]{1,99})?", "str": r"(?!/).+"}
RANKS = list(KINDS)
READ = {"int": int, "float": float, "str": str}
PIECES = re.compile(r"(?P<prefix>[^{]*)\{(?P<name>\w+)(:(?P<kind>\w+))?(?P<rest>\.\.\.)?\}(?P<suffix>.*)")

Rank = tuple[tuple[int, ...], ...]


def judge(pattern: str, path: str) -> tuple[Rank, dict[str, object]] | None:
    """Return how specifically a pattern matches a path, and its parameters: one segment after the other."""
    texts = [unquote(text) for text in path.split("/")[1:]]
    pieces = pattern.split("/")[1:]
    ranks: list[tuple[int, ...]] = []
    parameters: dict[str, object] = {}
    if pieces[-1].endswith("...}") and len(texts) >= len(pieces):
        left = texts[len(pieces) - 1 :]
        if "" in left[:-1] or not left[0] or any("/" in text for text in left):
            return None
        # What is left is one text with slashes in it; the segments before are judged as always.
        texts = [*texts[: len(pieces) - 1], "/".join(left)]
    if len(texts) != len(pieces):
        return None
    for piece, text in zip(pieces, texts, strict=True):
        judged = judge_segment(piece, text)
        if judged is None:
            return None
        ranks.append(judged[0])
        parameters.update(judged[1])
    return tuple(ranks), parameters


def judge_segment(piece: str, text: str) -> tuple[tuple[int, ...], dict[str, object]] | None:
    """Return how specifically one segment of a pattern matches a text, and its parameter."""
    hole = PIECES.fullmatch(piece)
    if hole is None:
        return ((0,), {}) if piece == text else None
    if hole["rest"]:
        return (2,), {hole["name"]: text}
    kind, prefix, suffix = hole["kind"] or "str", hole["prefix"], hole["suffix"]
    fit = re.fullmatch(f"{re.escape(prefix)}({KINDS[kind]}){re.escape(suffix)}", text, re.DOTALL)
    rank = 1, -len(prefix), -len(suffix), RANKS.index(kind)
    return (rank, {hole["name"]: READ[kind](fit[1])}) if fit else None


Expected = tuple[str, dict[str, object]] | NoMatchReason


def expected(urls: Mapping[str, object], method: str, path: str) -> Expected:
    """Return the result of the simple matcher: the best of all patterns, tried one by one."""

    def methods_at(path: str) -> dict[str, list[tuple[Rank, int, str, dict[str, object]]]]:
        matches: dict[str, list[tuple[Rank, int, str, dict[str, object]]]] = {}
        for key in urls:
            methods, _, pattern = key.rpartition(" ")
            judged = judge(pattern, path)
            if judged is not None:
                for name in (methods or "GET").split("|"):
                    matches.setdefault(name, []).append((judged[0], 0, pattern, judged[1]))
                    if name == "GET":
                        matches.setdefault("HEAD", []).append((judged[0], 1, pattern, judged[1]))
        return matches

    here = methods_at(path)
    if method in here:
        _, _, pattern, parameters = min(here[method], key=lambda match: match[:2])
        return pattern, parameters
    if here:
        return NoMatchReason.WRONG_METHOD
    other = path[:-1] if path.endswith("/") else path + "/"
    return (
        NoMatchReason.REDIRECT
        if other and not other.endswith("//") and not path.endswith("//") and methods_at(other)
        else NoMatchReason.NOT_FOUND
    )


def answered(table: Table, method: str, path: str) -> Expected:
    """Return the result of the table, in the same terms."""
    found = table.find(method, path)
    return found.kind if isinstance(found, NoMatch) else (found[0].pattern, found[1])


LITERALS = ["a", "b", "ab", "1", "12", "1.5", "a1", "-1", "a|b", "é"]  # "|" may be sent as it is, or encoded
HOLES = "{%s} {%s:int} {%s:float} a{%s} {%s}b a{%s}b {%s:int}b a{%s:int} ab{%s} {%s}1 a|{%s}".split()


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Draw a pattern of up to four segments."""
    pieces = draw(st.lists(st.sampled_from(LITERALS + HOLES), max_size=4))
    pieces += draw(st.sampled_from([[], [], [""], ["{%s...}"]]))
    return "/" + "/".join(piece % f"p{n}" if "%s" in piece else piece for n, piece in enumerate(pieces or [""]))


METHODS = st.lists(st.sampled_from(["GET", "HEAD", "POST"]), min_size=1, max_size=3, unique=True)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, object]:
    """Draw a table without conflicts."""
    urls: dict[str, object] = {}
    taken: set[tuple[str, str]] = set()
    for pattern in draw(st.lists(patterns(), max_size=12)):
        shape = re.sub(r"\{p\d", "{", pattern)
        methods = [method for method in draw(METHODS) if (method, shape) not in taken]
        taken.update((method, shape) for method in methods)
        if methods == ["GET"] and draw(st.booleans()):
            urls[pattern] = "view"
        elif methods:
            urls["|".join(methods) + " " + pattern] = "view"
    return urls


SENT = "aab abb -3 a7b 7b %61 a%2Fb x%20y %C3%A9 1%2E5 0 a0 a%7Cb a|7".split()
TEXTS = st.sampled_from([*LITERALS[:-1], "", *SENT])
PATHS = st.lists(TEXTS, min_size=1, max_size=6).map(lambda texts: "/" + "/".join(texts))


def built(urls: Mapping[str, object]) -> Table:
    """Return the table, unless a route in it can't be reached."""
    table, mistakes = None, tuple[Mistake, ...]()
    try:
        table = build(urls)
    except SetupError as error:
        mistakes = error.mistakes
    assert all("never reached" in mistake.message for mistake in mistakes)
    assume(table is not None)
    assert table is not None
    return table


@given(
    urls=tables(),
    paths=st.lists(PATHS, min_size=1, max_size=12),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
)
@example(urls={"/a/{p1...}": 1, "/{p0}/b/": 1, "/a/{p1}": 1}, paths=["/a/b/", "/a/b", "/a/b/b"], method="GET")
@example(urls={"GET /{p0}": 1, "HEAD /{p0:int}": 1}, paths=["/1", "/a"], method="HEAD")
@example(urls={"/a|b": 1, "/{p0}": 1, "/é/{p0}": 1, "/é/a|b": 1}, paths=["/a|b", "/a%7Cb", "/%C3%A9/a|b"], method="GET")
def test_the_tree_finds_what_trying_all_patterns_finds(urls: dict[str, object], paths: list[str], method: str) -> None:
    """For any table and path, the tree has the result of the simple matcher: route, parameters or reason."""
    table = built(dict.fromkeys(urls, "view"))
    for path in paths:
        assert answered(table, method, path) == expected(urls, method, path), path


@given(urls=tables(), path=PATHS, data=st.data())
def test_the_order_of_the_keys_never_matters(urls: dict[str, object], path: str, data: st.DataObject) -> None:
    """A table and the same table in any other order give the same results."""
    shuffled = {key: urls[key] for key in data.draw(st.permutations(list(urls)))}
    for method in ("GET", "HEAD", "POST"):
        assert answered(built(urls), method, path) == answered(built(shuffled), method, path)


@given(urls=tables(), data=st.data())
def test_a_nested_table_is_its_flat_one(urls: dict[str, object], data: st.DataObject) -> None:
    """However a table's keys are nested, the same routes come of it."""
    flat = built(urls)
    nested: dict[str, object] = {}
    for key, value in urls.items():
        methods, _, pattern = key.rpartition(" ")
        pieces = pattern[1:].split("/")
        cut = data.draw(st.integers(0, len(pieces) - 1))
        outer = "/" + "/".join(pieces[:cut])
        inner = (f"{methods} " if methods else "") + "/" + "/".join(pieces[cut:])
        # Below "/a", the key "/" would be "/a" itself, so a slash at the end stays with the outer key.
        if cut == 0 or pieces[cut:] == [""] or isinstance(nested.get(outer, {}), str):
            outer, inner = key, "/"
        below = nested.get(outer, {})
        assert isinstance(below, dict)
        if (outer, inner) == (key, "/") and not below:
            nested[key] = value
        else:
            nested[outer] = {**below, inner: value}
    told = {(route.pattern, route.methods) for route in flat.routes}
    assert {(route.pattern, route.methods) for route in built(nested).routes} == told


VALUES: dict[str, st.SearchStrategy[object]] = {
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": st.text(),
    "path": st.lists(st.text(min_size=1), min_size=1, max_size=3).map("/".join),
    "date": st.dates(),
    "uuid": st.uuids(),
}


@given(
    pattern=patterns() | st.sampled_from(["/{p0:date}", "/{p0:uuid}", "/x-{p0:date}/{p1:uuid}.y/{p2...}"]),
    data=st.data(),
)
def test_a_url_that_is_written_leads_back(pattern: str, data: st.DataObject) -> None:
    """Whatever values a view's URL is written with, its route is found with exactly these values."""
    table = build({pattern: "view"})
    (route,) = table.routes
    values = {name: data.draw(VALUES[kind]) for name, kind in route.parameters.items()}
    try:
        url = table.url_for("view", **values)
    except NoSuchURL:
        refusable = [str(value) for name, value in values.items() if route.parameters[name] in {"str", "path", "int"}]
        assert any(
            re.search(r"^$|^[/\\]|/[/\\]|[/\\]$|(^|[/\\])\.\.?($|[/\\])|\0|[\ud800-\udfff]|\d{128}", text)
            for text in refusable
        )
        return
    assert table.find("GET", url) == (route, values)


@given(path=st.binary(max_size=40).map(lambda raw: "/" + quote(raw)))
def test_any_bytes_are_a_path_or_a_bad_one(path: str) -> None:
    """Every encoded sequence of bytes has a result: a text with these bytes, or a bad path."""
    table = build({"/{rest...}": "rest", "/{one}": "one", "/": "root"})
    found = table.find("GET", path)
    if isinstance(found, NoMatch):
        assert found.kind in {NoMatchReason.BAD_PATH, NoMatchReason.NOT_FOUND}
    else:
        assert all(unquote(path, errors="strict") == "/" + str(value) for value in found[1].values())


@given(method=st.text(), path=st.text(alphabet="/{}ab1.%2eF\\?#\0é\ud800", max_size=30), urls=tables())
def test_no_request_makes_a_table_raise(method: str, path: str, urls: dict[str, object]) -> None:
    """No method and no path makes a table raise, and the result can be explained."""
    table = built(urls)
    for name in (method, "GET", "HEAD"):
        found = table.find(name, path)
        if isinstance(found, NoMatch) and found.kind is NoMatchReason.REDIRECT:
            again = table.find(name, found.to)
            assert not isinstance(again, NoMatch) or again.kind is NoMatchReason.WRONG_METHOD
        assert table.explain(name, path)[0].startswith(f"{name} ")
