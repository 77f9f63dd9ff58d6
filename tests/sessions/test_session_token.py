"""The cookie of a session is trusted only as this site has signed it."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sessions.conftest import NOON, SECRET, Clock

from fanlight.sessions import session_token
from fanlight.sessions.session_settings import Sessions
from fanlight.sessions.session_token import (
    FORMAT,
    RefusedToken,
    Token,
    choose_token,
    new_id,
    owner_of,
    purpose_of,
    read_token,
)
from fanlight.signing.signing_keys import Keys

SETTINGS = Sessions()
ENDS = int(NOON) + SETTINGS.lifetime_seconds


def keys(*secrets: str, now: float = NOON) -> Keys:
    return Keys(secrets or (SECRET,), clock=lambda: now)


def token(**fields: Any) -> Token:
    made: dict[str, Any] = {"format": FORMAT, "id": b"i" * 16, "ends": ENDS, "user": 5, "values": {"a": [1, None]}}
    return Token(**{**made, **fields})


def write_token(token: Token, keys: Keys) -> str:
    return session_token.write_token(token, keys, SETTINGS)


def reason_of(text: str, now: float = NOON, **options: Any) -> str:
    with pytest.raises(RefusedToken) as refused:
        read_token(text, keys(now=now, **options), SETTINGS, now)
    return refused.value.reason


def test_a_token_comes_back_as_it_was() -> None:
    """What is written is read, with its age."""
    text = write_token(token(), keys())
    assert read_token(text, keys(now=NOON + 60), SETTINGS, NOON + 60) == (token(), 60.0)


def test_an_older_secret_is_read() -> None:
    """The newest secret signs, and those before it are still read."""
    text = write_token(token(), keys("the-old-one"))
    assert read_token(text, keys("the-new-one", "the-old-one"), SETTINGS, NOON)[0] == token()


def test_a_token_is_of_one_cookie() -> None:
    """Of two sites with one secret and cookies of different names, none takes the cookie of the other."""
    other = Sessions(cookie="forum")
    text = session_token.write_token(token(), keys(), other)
    assert read_token(text, keys(), other, NOON)[0] == token()
    assert "not signed by this site" in reason_of(text)


@given(st.data())
def test_a_changed_text_is_refused(data: st.DataObject) -> None:
    """No text in which a character was changed, removed, repeated or moved is trusted, and none breaks the reader."""
    text = write_token(token(), keys())
    letters = list(text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, len(text)))
    match data.draw(st.sampled_from(["cut", "insert", "replace", "turn", "parts"])):
        case "cut":
            letters[start : max(end, start + 1)] = []
        case "insert":
            letters[start:start] = data.draw(st.text(max_size=5))
        case "replace":
            letters[start] = data.draw(st.characters())
        case "turn":
            letters[start:end] = reversed(letters[start:end])
        case _:
            letters = list(".".join(data.draw(st.permutations(text.split(".")))))
    changed = "".join(letters)
    # The last character of base64 has bits that mean nothing.
    if changed[:-1] != text[:-1]:
        assert reason_of(changed)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever a client sends is refused."""
    assert reason_of(text)


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.integers(0, 2**32) | st.text() | st.binary(), st.lists).map(msgspec.msgpack.encode)
)
def test_no_signed_bytes_break_the_reader(data: bytes) -> None:
    """Bytes that a version of another format has signed are refused, whatever they are."""
    text = keys().sign(purpose_of(SETTINGS), data)
    with contextlib.suppress(RefusedToken):
        read_token(text, keys(), SETTINGS, NOON)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (write_token(token(), keys("another-secret")), "not signed by this site"),
        (keys().sign("flash", msgspec.msgpack.encode(token())), "not signed by this site"),
        (write_token(token(format=2), keys()), "another version"),
        (keys().sign(purpose_of(SETTINGS), msgspec.msgpack.encode([1, "id", 5])), "unknown format"),
        (keys().sign(purpose_of(SETTINGS), b"\xc1"), "unknown format"),
        (base64.b64encode(msgspec.msgpack.encode(token())).decode(), "not signed by this site"),
    ],
    ids=["secret", "purpose", "newer", "fields", "bytes", "unsigned"],
)
def test_another_token_is_refused_with_a_reason(text: str, reason: str) -> None:
    """The reason is for the log, and has nothing of the cookie in it."""
    assert reason in reason_of(text)


@pytest.mark.parametrize(
    ("fields", "now"),
    [
        ({}, NOON + SETTINGS.idle_seconds + 1),
        ({"ends": int(NOON) + 60}, NOON + 60),
        ({"ends": ENDS + 3600}, NOON),
    ],
    ids=["idle", "lifetime", "longer than any session of today"],
)
def test_an_expired_token_is_refused_quietly(fields: dict[str, Any], now: float) -> None:
    """A session that has ended in the usual way is nothing for the log."""
    assert reason_of(write_token(token(**fields), keys()), now) == ""


def test_of_several_sessions_none_is_trusted() -> None:
    """A cookie that another host of the domain has added is not taken for the client's own, in whatever order."""
    own, planted = write_token(token(), keys()), write_token(token(id=new_id(), user=6), keys())
    for texts in ([own, planted], [planted, own], ["junk", own, planted]):
        with pytest.raises(RefusedToken, match="several sessions"):
            choose_token(texts, keys(), SETTINGS, NOON)


def test_junk_beside_a_session_changes_nothing() -> None:
    """Values that are not signed, or have expired, are left out; of one session the newest cookie counts."""
    clock = Clock()
    made = Keys([SECRET], clock=clock)
    old = write_token(token(values={"a": 1}), made)
    clock.now += 10
    new = write_token(token(values={"a": 2}), made)
    found, _ = choose_token(["junk", old, new, "", "junk2"], made, SETTINGS, clock.now)
    assert found.values == {"a": 2}


def test_too_many_cookies_are_not_read() -> None:
    """Two hundred cookies of one name cost no two hundred verifications."""
    own = write_token(token(), keys())
    with pytest.raises(RefusedToken, match="too many"):
        choose_token([own, *(f"{number}" for number in range(8))], keys(), SETTINGS, NOON)


def test_a_user_is_the_same_as_text() -> None:
    """A user that signed in as 5 is signed out as "5", and no one else is."""
    assert owner_of(5) == owner_of("5")
    assert owner_of(5) != owner_of(6)
    assert len({new_id() for _ in range(100)}) == 100
