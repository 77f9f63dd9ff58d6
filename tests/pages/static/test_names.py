"""Which paths can name a file, and how a hash is written into a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.pages.static.file_names import HASH_DIGITS, segments_of, with_hash, without_hash


@pytest.mark.parametrize(
    "path", ["app.css", "css/app.css", ".well-known/security.txt", "a b.txt", "café/naïve.txt", "docs/", "", "a..b"]
)
def test_a_plain_path_is_its_segments(path: str) -> None:
    """A path that names a file or a folder below is taken as it is."""
    assert segments_of(path, is_windows=False) == path.split("/")


@pytest.mark.parametrize(
    "path",
    [
        *("..", "../x", "a/../b", "a/..", ".", "./a", "/etc/passwd", "a//b", "//a", "a\\b", "..\\x", "a/..\\..\\x"),
        *("a\x00b", "a\nb", "a\x7f", "\ud800", ".git/config", ".env", "a/.htpasswd", ".well-known/.env", "...", ".x/"),
        "a" * 256,
        "/".join("a" * 33),
    ],
)
def test_a_path_that_leaves_or_hides_is_none(path: str) -> None:
    """What climbs, is hidden, or has a character that some system reads as something else, names nothing."""
    assert segments_of(path, is_windows=False) is None


@pytest.mark.parametrize(
    "path",
    [
        *("C:", "c:/windows", "a.txt:stream", "a.txt::$DATA", "CON", "con.css", "nul", "aux.js", "COM1", "lpt9.txt"),
        *("com\u00b9.txt", "prn .txt", "a./b", "a ", "a.", "GIT~1", "conin$", "a*", "a?", "<a>", "a|b", 'a"b'),
    ],
)
def test_what_is_special_on_windows_is_none_there(path: str) -> None:
    """Drives, streams, devices, short names and names that lose their end are refused where they mean something."""
    assert segments_of(path, is_windows=True) is None
    assert segments_of(path, is_windows=False) is not None


@pytest.mark.parametrize("path", ["console.css", "com.css", "auxiliary.js", "com10.txt", "null.json"])
def test_what_only_begins_like_a_device_is_served_on_windows(path: str) -> None:
    """A device is a whole name before the ending."""
    assert segments_of(path, is_windows=True) == [path]


@pytest.mark.parametrize(
    ("path", "hashed"),
    [
        ("app.css", "app.3f9a1c2e.css"),
        ("css/app.min.css", "css/app.min.3f9a1c2e.css"),
        ("LICENSE", "LICENSE.3f9a1c2e"),
        ("a.b/LICENSE", "a.b/LICENSE.3f9a1c2e"),
        ("x.tar.gz", "x.tar.3f9a1c2e.gz"),
    ],
)
def test_a_hash_stands_before_the_last_ending(path: str, hashed: str) -> None:
    """The extension stays last; a name without one gets the hash at its end."""
    assert with_hash(path, "3f9a1c2e") == hashed
    assert without_hash(hashed) == (path, "3f9a1c2e")


@pytest.mark.parametrize(
    "path", ["app.css", "app.3F9A1C2E.css", "app.3f9a1c2.css", "3f9a1c2e.css", "app.3f9a1c2ef.css"]
)
def test_what_is_no_hash_is_a_name(path: str) -> None:
    """Eight small hexadecimal digits between two dots, and nothing else."""
    assert without_hash(path) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1).filter(lambda name: name[0] != "."))
def test_a_hash_can_be_taken_out_again(name: str) -> None:
    """Whatever the name, the one without the hash is the one that it was put into."""
    assert without_hash(with_hash(name, "0" * HASH_DIGITS)) == (name, "0" * HASH_DIGITS)
