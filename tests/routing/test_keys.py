"""Keys: which are understood, and the messages for those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import Mistake, SetupError
from fanlight.routing.build import build
from fanlight.routing.pattern import parameters_of

UNDERSTOOD = [
    ("/", {"GET"}, "/"),
    ("/a/b/", {"GET"}, "/a/b/"),
    ("GET /a", {"GET"}, "/a"),
    ("GET|POST /a", {"GET", "POST"}, "/a"),
    ("PROPFIND /a", {"PROPFIND"}, "/a"),
    ("/{id}", {"GET"}, "/{id}"),
    ("/{id:str}", {"GET"}, "/{id}"),
    ("/{id:int}", {"GET"}, "/{id:int}"),
    ("/{rest:path}", {"GET"}, "/{rest...}"),
    ("/v{major:int}.x", {"GET"}, "/v{major:int}.x"),
    ("/größe/{größe}", {"GET"}, "/größe/{größe}"),
    ("/100%", {"GET"}, "/100%"),
    ("/a:b/~x/(y)/$", {"GET"}, "/a:b/~x/(y)/$"),
    ("/@me/*.txt", {"GET"}, "/@me/*.txt"),
]


@pytest.mark.parametrize(("key", "methods", "pattern"), UNDERSTOOD)
def test_a_key_is_understood(key: str, methods: set[str], pattern: str) -> None:
    """A key gives its methods, GET when it names none, and its pattern."""
    (route,) = build({key: "view"}).routes
    assert (set(route.methods), route.pattern) == (methods, pattern)


MISTAKEN: list[tuple[object, str, str]] = [  # the key, a part of what is said, a part of what is suggested
    ("", "is empty", 'write "/"'),
    ("blog", 'does not begin with "/"', 'write "/blog"'),
    (" ", 'does not begin with "/"', 'write "/"'),
    ("GET", 'does not begin with "/"', 'write "GET /"'),
    ("GET blog", 'does not begin with "/"', 'write "GET /blog"'),
    ("blog/new", "is no method", 'write "/blog/new"'),
    ("http://example.com/x", 'does not begin with "/"', "without scheme and host"),
    ("{lang}/x", 'does not begin with "/"', 'write "/{lang}/x"'),
    ("get /x", '"get" in "get /x" is no method', 'write "GET /x"'),
    ("Post /x", "is no method", 'write "POST /x"'),
    ("PSOT /x", "is no method", 'write "POST /x"'),
    ("GET|PSOT /x", '"PSOT"', 'write "GET|POST /x"'),
    ("BREW /x", "is no method", "GET, HEAD, POST"),
    ("TRACE /x", "TRACE would send", 'name one: "GET /x"'),
    ("CONNECT /x", "tunnel", 'name one: "GET /x"'),
    ("* /x", '"*"', 'name one: "GET /x"'),
    ("GET/x", "not separated", 'write "GET /x"'),
    ("GET  /x", "not separated", 'write "GET /x"'),
    (" GET /x", "not separated", 'write "GET /x"'),
    (" /x", 'does not begin with "/"', 'write "/x"'),
    ("GET\t/x", "not separated", 'write "GET /x"'),
    ("GET | POST /x", "not separated", 'write "GET|POST /x"'),
    ("GET, POST /x", "not separated", 'write "GET|POST /x"'),
    ("GET POST /x", "not separated", 'write "GET|POST /x"'),
    ("GET| /x", "not separated", 'write "GET /x"'),
    ("GET|GET /x", "names a method twice", 'write "GET /x"'),
    ("/a b", "white space", '"-" for a space'),
    ("/a\n", "white space", 'write "/a"'),
    ("/a\u200b", "invisible", 'write "/a'),
    ("/a//b", "empty segment", 'write "/a/b"'),
    ("//", "empty segment", 'write "/"'),
    ("//host/x", "empty segment", 'write "/host/x"'),
    ("/a/../b", '".." is no segment', ""),
    ("/./a", '"." is no segment', ""),
    ("/a\\b", "backslash", 'write "/a/b"'),
    ("/caf%C3%A9", "percent-encoded", "the character itself"),
    ("/x?q=1", "query string", 'write "/x"'),
    ("/x?q={q}&page={p}", "query string", "take q, page as parameters"),
    ("/x#top", "fragment", 'write "/x"'),
    ("/{id", "do not pair", ""),
    ("/id}", "do not pair", ""),
    ("/{a/b}", "do not pair", ""),
    ("/{{id}}", "do not pair", ""),
    ("/}{", "do not pair", ""),
    ("/{}", "can't be the name", 'write "{name}"'),
    ("/{:int}", "can't be the name", 'write "{name:int}"'),
    ("/{id:}", "is no type of parameter", "the types are int"),
    ("/{id:itn}", '"itn"', 'write "{id:int}"'),
    ("/{id:integer}", '"integer"', 'write "{id:int}"'),
    ("/{id:string}", '"string"', 'write "{id:str}"'),
    ("/{id:Int}", '"Int"', 'write "{id:int}"'),
    ("/{id:bool}", '"bool" in "{id:bool}" is no type', "the types are int"),
    ("/{int:id}", "in the wrong order", 'write "{id:int}"'),
    ("/{id:int:x}", "is no type", "the types are"),
    ("/{post-id}", "can't be the name", 'write "{post_id}"'),
    ("/{post-id:int}", "can't be the name", 'write "{post_id:int}"'),
    ("/{2nd}", "can't be the name", 'write "{nd}"'),
    ("/{class}", "can't be the name", 'write "{class_}"'),
    ("/{ id }", "white space", 'write "/{id}"'),
    ("/{*rest}", "not how the rest", 'write "{rest...}"'),
    ("/{rest*}", "not how the rest", 'write "{rest...}"'),
    ("/{...rest}", "", 'write "{rest...}"'),
    ("/{...}", "not how the rest", 'write "{rest...}"'),
    ("/static/*", "not how the rest", 'write "{rest...}"'),
    ("/static/**", "not how the rest", 'write "{rest...}"'),
    ("/<id>", "not how a parameter", 'write "{id}"'),
    ("/<int:id>", "not how a parameter", 'write "{id:int}"'),
    ("/:id", "not how a parameter", 'write "{id}"'),
    ("/{a}-{b}", "2 parameters in one segment", "split it in the view"),
    ("/{a}{b}", "2 parameters in one segment", "split it in the view"),
    ("/v{rest...}", "has text beside", '"/{rest...}"'),
    ("/{rest...}/x", "continues after", "put it last"),
    ("/{rest...}/", "continues after", "put it last"),
    ("/{a:path}/{b}", "continues after", "put it last"),
    ("/{a}/{a}", "occurs twice", "a_2"),
    ("/{a}/x/{a:int}", "occurs twice", "a_2"),
    ("/x" * 65, "more than 64 segments", ""),
    (42, "is not a string", 'like "/blog"'),
    (("GET", "/x"), "is not a string", 'like "/blog"'),
    (b"/x", "is not a string", 'like "/blog"'),
    (None, "is not a string", 'like "/blog"'),
]


@pytest.mark.parametrize(("key", "said", "suggested"), MISTAKEN, ids=[repr(row[0])[:40] for row in MISTAKEN])
def test_a_mistaken_key_is_refused(key: str, said: str, suggested: str) -> None:
    """A key that can't mean anything is one mistake, with its place and what to write instead."""
    with pytest.raises(SetupError) as caught:
        build({key: "view"})
    (mistake,) = caught.value.mistakes
    assert said in mistake.message
    assert suggested in mistake.hint
    assert mistake.places == (f"URLS[{key!r}]",)


SUGGESTED = [
    (key, hint.split('write "')[1].split('"')[0])
    for key, _, hint in MISTAKEN
    if isinstance(key, str) and 'write "' in hint and hint.endswith('"')
]


@pytest.mark.parametrize(("key", "suggestion"), SUGGESTED)
def test_a_suggested_key_is_understood(key: str, suggestion: str) -> None:
    """The suggested key has no mistake."""
    build({suggestion if "/" in suggestion else "/" + suggestion: "view"})


def test_parameters_of_a_pattern_are_listed() -> None:
    """A pattern's text gives its parameters and their types, from left to right, or is refused like a key."""
    assert list(parameters_of("/a/{b}/c-{d:int}/{e...}").items()) == [("b", "str"), ("d", "int"), ("e", "path")]
    with pytest.raises(SetupError, match='write "/a"'):
        parameters_of("a")


@given(st.text(alphabet="GETPOS|/{}:intabc.* ?#%<>-_\\é", max_size=24) | st.text())
def test_any_key_is_understood_or_refused(key: str) -> None:
    """Whatever is written as a key, it is a route or one mistake: nothing else is raised."""
    mistakes: tuple[Mistake, ...] = ()
    try:
        (route,) = build({key: "view"}).routes
    except SetupError as error:
        mistakes = error.mistakes
    if mistakes:
        assert len(mistakes) == 1
        return
    assert build({route.pattern: "view"}).routes[0].pattern == route.pattern
    assert parameters_of(route.pattern) == dict(route.parameters)
