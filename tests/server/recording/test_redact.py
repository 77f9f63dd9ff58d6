"""What must not stand in a log."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.speed import seconds

from fanlight.server.recording import redact as module
from fanlight.server.recording.redact import MAX_PARAMETERS, escape, may_have_secret, redact, redact_start


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
def test_secrets_are_redacted(address: str, shown: str) -> None:
    """The value of a parameter with a secret name is redacted, however the name is written."""
    assert redact(address) == shown


@pytest.mark.parametrize("address", ["?" * 50_000, "//" * 50_000, "?a" * 50_000, "?a=" + "%25" * 20_000, "&=" * 50_000])
def test_masking_is_quick_for_hostile_addresses(address: str) -> None:
    """No address makes the work grow faster than its length: this ends at once, or the test runs for minutes."""
    redact(address)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/a?token=secret", "/a?token=***"),
        ("/a?b=" + "c" * 100, "/a?b=" + "c" * 35 + "..."),
        ("/" + "a" * 100, "/" + "a" * 39 + "..."),
        ("/a?token=" + "s" * 100, "/a?token=***..."),
        ("/a?next=%2Fcb%3F" + "a" * 30 + "%26token%3D1", "/a?next=***..."),
        ("/a?b=c&to=//ann:secret-secret-secret-secret@host", "/a?b=c&to=***..."),
        ("/a/https://ann:secret-secret-secret-secret@host", "/a/https://***@..."),
        ("/a?b=1&" + "n" * 100, "/a?b=1&" + "n" * 33 + "..."),
    ],
)
def test_what_is_cut_shows_no_half_of_a_secret(address: str, shown: str) -> None:
    """An address is cut before it is masked, and a secret that is cut through is masked too."""
    assert redact_start(address, 40) == shown


@given(st.text(alphabet="ab?&;#=%25//:@token+ ", max_size=80), st.integers(5, 60))
def test_what_is_cut_shows_no_more_than_the_whole(address: str, most: int) -> None:
    """A mark behind every secret name never shows, wherever the URL is cut."""
    assert "xyzzy" not in redact_start(f"/?{address}&token=xyzzy&b=c", most + len(address))


@given(
    st.lists(
        st.sampled_from([*"aekyn?&;#=/:@%2B+ Kİ", "token", "sid", "pin", "k%65y", "//", "%26", "%3D", "x" * 97]),
        max_size=40,
    ).map("".join)
)
def test_what_can_have_no_secret_is_known(text: str) -> None:
    """What is passed on without a closer look has nothing that a closer look would redact."""
    if not may_have_secret(text):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "may_have_secret", lambda _: True)
            assert redact(text) == text


def test_a_url_is_cut_behind_many_parameters() -> None:
    """As many as the bound allows are shown, and that there were more."""
    shown = redact_start("/?" + "&".join(f"a{number}=b" for number in range(1000)), 8000)
    assert shown.count("=b") == MAX_PARAMETERS
    assert shown.endswith("...")


def test_what_is_too_much_to_be_looked_at_is_masked() -> None:
    """Where a text has more encoded values than are looked into, further ones are masked unseen."""
    text = "&".join(["?x=1", *("a=%25" for _ in range(100)), "next=%2F%3Ftoken%3Dsecret"])
    assert "secret" not in redact(text)
    assert redact(text).endswith("a=***&next=***")


def words(kind: str) -> str:
    """Return a target of 8 KB that takes long to be masked."""
    piece = {
        "same": "&a=%25",
        "others": "&{:x}a=%25",
        "encoded": "&%25{:x}=%25",
        "within": "%26a{:x}%3D1",
        "unsafe": '"',
    }
    return f"/nope?x={''.join(piece[kind].format(number) for number in range(2000))}"[:8000]


@pytest.mark.parametrize("kind", ["same", "others", "encoded", "within", "unsafe"])
def test_masking_costs_no_more_than_serving(kind: str) -> None:
    """However a target is written, its line takes less than a millisecond of a quiet machine."""
    target = words(kind)
    best = min(_took(target) for _ in range(20))
    assert best < seconds(0.001)


def _took(target: str) -> float:
    began = time.thread_time()
    escape(redact_start(target, 1600), 1600)
    return time.thread_time() - began


@given(st.text())
def test_nothing_but_visible_letters_comes_out(text: str) -> None:
    """Whatever goes in, out comes visible ASCII without quotes, no longer than allowed."""
    shown = escape(text, 50)
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
    assert escape(text, 100) == shown
