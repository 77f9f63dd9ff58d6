"""A path as it is sent: decoded once, refused if it is invalid, matched by nothing if it has dot-segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.routing.build import build
from fanlight.routing.path import UNMATCHABLE, decode_path, encode_path, has_dot_segments
from fanlight.routing.route import NoMatch, NoMatchReason

TABLE = build(
    {
        "/": "index",
        "/{one}": "one",
        "/v{one}": "v",
        "/{one}.txt": "txt",
        "/a/{rest...}": "rest",
        "/a/b": "b",
        "POST /{rest...}": "all",
    }
)

BROKEN = [
    "",
    "x",
    "x/y",
    "example.com:443",
    "http://example.com/",
    "*x",
    "/%",
    "/%4",
    "/%zz",
    "/%%41",
    "/a%",
    "/%C3",
    "/%FF",
    "/%C0%AF",  # "/" in an overlong form
    "/%E0%80%AF",
    "/%ED%A0%80",  # half of a surrogate pair
    "/%F8%88%80%80%80",
    "/%00",
    "/a/%00",
    "/a%00.txt",
    "/é",
    "/\udcff",
    "/a/\x80",
]


@pytest.mark.parametrize("path", BROKEN)
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_a_broken_path_is_a_bad_request(method: str, path: str) -> None:
    """What is not a path of percent-encoded UTF-8 without NUL is 400, before any route is searched."""
    assert TABLE.find(method, path) == NoMatch(NoMatchReason.BAD_PATH)


CLIMBING = [
    "/..",
    "/.",
    "/../",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/a/.",
    "/%2e%2e",
    "/%2E.",
    "/.%2e",
    "/%2e",
    "/a/%2e%2e/b",
    "/..%2f..%2fetc%2fpasswd",
    "/a/..%2fb",
    "/a%2f..",
    "/a%2f.%2fb",
    "/..\\x",
    "/a/..\\..\\x",
    "/a/x%5c..%5cy",
    "/%2fetc%2fpasswd",
    "/%5c%5cserver%5cshare",
    "/\\x",
    "/a/%2fetc/passwd",
    "/a/x/..",
    "/a/x/%2e%2E/%2e%2E/etc/passwd",
    "/..%2fx.txt",
]

HALVES = build({"/v{one}": "v", "/{one}.txt": "txt"})


@pytest.mark.parametrize("path", CLIMBING)
def test_a_climbing_path_leads_nowhere(path: str) -> None:
    """No parameter ever holds a value that leads out of a folder, however it is encoded."""
    for method in ("GET", "POST"):
        assert TABLE.find(method, path) == NoMatch(NoMatchReason.NOT_FOUND)


@pytest.mark.parametrize("path", ["/v..", "/v.", "/v%2Fetc", "/v..%2Fx", "/va%2F..", "/...txt", "/..txt", "/v%5Cx"])
def test_a_value_beside_literal_text_does_not_climb_either(path: str) -> None:
    """If the literal text beside a parameter hides a dot-segment, the value still does not fit."""
    assert HALVES.find("GET", path) == NoMatch(NoMatchReason.NOT_FOUND)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_a_written_path_reads_back(segments: list[str]) -> None:
    """Segments written as a path are the segments that are read, or the path leads nowhere or holds NUL."""
    try:
        path = encode_path(segments)
    except UnicodeEncodeError:
        return
    assert path.isascii()
    expected = (
        None
        if any("\0" in s for s in segments)
        else UNMATCHABLE
        if any(map(has_dot_segments, segments))
        else ["", *segments]
    )
    assert decode_path(path) == expected


@given(st.text(alphabet="/2eEfF5cC.\\a\n|-", max_size=14))
def test_the_short_way_and_the_long_way_agree(rest: str) -> None:
    """A path has the result that it has when each of its characters is percent-encoded."""
    encoded = "".join(each if each == "/" else f"%{ord(each):02X}" for each in rest)
    assert TABLE.find("GET", "/" + rest) == TABLE.find("GET", "/" + encoded)


@given(st.text(), st.text())
def test_no_path_and_no_method_raises(method: str, path: str) -> None:
    """Every request has a result."""
    for raw_path in (path, "/" + path):
        found = TABLE.find(method, raw_path)
        assert isinstance(found, NoMatch | tuple)
        assert TABLE.explain(method, raw_path)
