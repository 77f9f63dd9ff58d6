"""What must not stand in a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.watch.masking import escaped, masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/", "/"),
        ("/a?b=c", "/a?b=c"),
        ("/a?token=x", "/a?token=***"),
        ("/a?b=c&access_token=x.y&d=e", "/a?b=c&access_token=***&d=e"),
        ("/a?API_KEY=x", "/a?API_KEY=***"),
        ("/a?apiKey=x", "/a?apiKey=***"),
        ("/a?user[password]=x", "/a?user[password]=***"),
        ("/a?X-Amz-Signature=x&X-Amz-Date=1", "/a?X-Amz-Signature=***&X-Amz-Date=1"),
        ("/a?%74oken=x", "/a?%74oken=***"),
        ("/a?to%256ben=x", "/a?to%256ben=***"),
        ("/a?code=x;session=y", "/a?code=***;session=***"),
        ("/a?PHPSESSID=x", "/a?PHPSESSID=***"),
        ("/a?monkey=3&keyboard=4", "/a?monkey=3&keyboard=4"),
        ("/a?token=", "/a?token="),
        ("/a?next=%2Fcb%3Ftoken%3Dx", "/a?next=***"),
        ("/a?next=%252Fcb%253Ftoken%253Dx", "/a?next=***"),
        ("/a?next=/cb?token=x", "/a?next=***"),
        ("/a?next=%2Fcb%3Fpage%3D2", "/a?next=%2Fcb%3Fpage%3D2"),
        ("https://ann:secret@host/a", "https://***@host/a"),
        ("https://host/a#access_token=x", "https://host/a#access_token=***"),
        ("/a?to=https%3A%2F%2Fann:x%40host", "/a?to=***"),
        ("/mail/ann@example.org", "/mail/ann@example.org"),
    ],
)
def test_secrets_are_masked(address: str, shown: str) -> None:
    """The value of a parameter whose name says secret is masked, however the name is written."""
    assert masked(address) == shown


@pytest.mark.parametrize("address", ["?" * 50_000, "//" * 50_000, "?a" * 50_000, "?a=" + "%25" * 20_000, "&=" * 50_000])
def test_masking_is_quick_for_hostile_addresses(address: str) -> None:
    """No address makes the work grow faster than its length: this ends at once, or the test runs for minutes."""
    masked(address)


@given(st.text())
def test_nothing_but_visible_letters_comes_out(text: str) -> None:
    """Whatever goes in, out comes visible ASCII without quotes, no longer than allowed."""
    shown = escaped(text, 50)
    assert shown.isascii()
    assert shown.isprintable()
    assert '"' not in shown
    assert len(shown) <= 50


@pytest.mark.parametrize(
    ("text", "shown"),
    [('a"b', "a\\x22b"), ("a\\b", "a\\x5cb"), ("\x1b[2J", "\\x1b[2J"), ("\x9b2J", "\\x9b2J"), ("é\n", "\\xe9\\x0a")],
)
def test_control_characters_quotes_and_backslashes_are_escaped(text: str, shown: str) -> None:
    r"""Each is shown as \xNN, C1 control characters too."""
    assert escaped(text, 100) == shown
