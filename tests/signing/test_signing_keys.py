"""What is signed is read again, and nothing else is."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import itsdangerous
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import BadSignature, HTTPError, SignatureExpired
from fanlight.signing import signing_keys
from fanlight.signing.signing_keys import CLOCK_SECONDS, MAX_CHARACTERS, Keys

SECRET, OTHER = "s" * 40, "t" * 40


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_was_signed_is_read(data: bytes, purpose: str) -> None:
    """Any bytes are read as they were, for any purpose."""
    keys = Keys([SECRET])
    text = keys.sign(purpose, data)
    assert keys.read(purpose, text) == data
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@given(st.data())
def test_a_changed_text_is_refused(data: Any) -> None:
    """A text in which any character was replaced, removed or added is a BadSignature."""
    keys = Keys([SECRET])
    text = keys.sign("a", b"user 5")
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters())
    for changed in (text[:place] + other + text[place + 1 :], text[:place] + text[place + 1 :], text + other):
        if changed != text:
            with pytest.raises(BadSignature):
                keys.read("a", changed)


@given(st.binary(max_size=200), st.integers(0, 2**33))
def test_itsdangerous_reads_the_same(data: bytes, now: int) -> None:
    """The format is that of TimestampSigner, in both directions."""
    keys = Keys([OTHER, SECRET], clock=lambda: float(now))
    for secret in (OTHER, SECRET):
        theirs = itsdangerous.TimestampSigner(secret, "fanlight:a", key_derivation="hmac", digest_method=hashlib.sha256)
        theirs.get_timestamp = lambda: now  # type: ignore[method-assign]
        text = theirs.sign(itsdangerous.base64_encode(data)).decode()
        assert keys.read("a", text) == data
        if secret == OTHER:
            assert keys.sign("a", data) == text


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a", "a.b", "a.b.c", "\x00", "ü.ü.ü", "\ud800", "." * 1000, "a" * (MAX_CHARACTERS + 1)],
    ids=["empty", "dot", "two dots", "dots", "a", "two", "three", "nul", "umlaut", "surrogate", "many", "long"],
)
def test_what_is_no_signed_text_is_refused(text: str) -> None:
    """Any text from outside is a BadSignature, which is a 400 that shows nothing of it."""
    with pytest.raises(BadSignature) as caught:
        Keys([SECRET]).read("a", text)
    assert isinstance(caught.value, HTTPError)
    assert caught.value.status == 400
    assert caught.value.detail == "This link is not valid."


def test_a_long_text_is_neither_signed_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too long is a ValueError when it is signed, and a BadSignature when it is read, also if it is genuine."""
    keys, data = Keys([SECRET]), b"x" * (MAX_CHARACTERS // 4 * 3)
    with pytest.raises(ValueError, match="at most 65536 characters"):
        keys.sign("a", data)
    monkeypatch.setattr(signing_keys, "MAX_CHARACTERS", 2 * MAX_CHARACTERS)
    text = keys.sign("a", data)
    assert keys.read("a", text) == data
    monkeypatch.undo()
    with pytest.raises(BadSignature):
        keys.read("a", text)


def test_a_purpose_is_a_key_of_its_own() -> None:
    """What was signed for one purpose is refused for another."""
    keys = Keys([SECRET])
    with pytest.raises(BadSignature):
        keys.read("session", keys.sign("reset", b"5"))


def test_another_program_with_the_same_secret_has_other_keys() -> None:
    """A text that itsdangerous signs with our secret and purpose is no text of ours."""
    for salt in ("a", "itsdangerous.Signer", ""):
        theirs = itsdangerous.TimestampSigner(SECRET, salt).sign(itsdangerous.base64_encode(b"5")).decode()
        with pytest.raises(BadSignature):
            Keys([SECRET]).read("a", theirs)


def test_secrets_are_rotated() -> None:
    """The first secret signs, all can be read, and one that was removed can't."""
    old, both, new = Keys([OTHER]), Keys([SECRET, OTHER]), Keys([SECRET])
    assert both.read("a", old.sign("a", b"5")) == b"5"
    assert new.read("a", both.sign("a", b"5")) == b"5"
    with pytest.raises(BadSignature):
        new.read("a", old.sign("a", b"5"))


def test_a_text_expires() -> None:
    """It can be read for max_age_seconds, and then is a SignatureExpired, not before the signature was verified."""
    clock = Clock()
    keys = Keys([SECRET], clock=clock)
    text = keys.sign("a", b"5")
    clock.now += 10
    assert keys.read("a", text, 10) == b"5"
    assert keys.read_with_age("a", text) == (b"5", 10)
    clock.now += 1
    with pytest.raises(SignatureExpired):
        keys.read("a", text, 10)
    with pytest.raises(BadSignature) as caught:
        Keys([OTHER], clock=clock).read("a", text, 10)
    assert not isinstance(caught.value, SignatureExpired)


def test_the_clocks_of_two_machines_may_differ() -> None:
    """A text of a machine whose clock is a little ahead is fresh; one from further in the future is refused."""
    clock, ahead = Clock(), Clock()
    keys, others = Keys([SECRET], clock=clock), Keys([SECRET], clock=ahead)
    ahead.now += CLOCK_SECONDS
    assert keys.read_with_age("a", others.sign("a", b"5"), 1) == (b"5", 0)
    ahead.now += 1
    with pytest.raises(SignatureExpired):
        keys.read("a", others.sign("a", b"5"))


def test_keys_show_no_secret() -> None:
    """The repr has the number of secrets only."""
    assert repr(Keys([SECRET, OTHER])) == "Keys(2 secrets)"
    assert repr(Keys([SECRET])) == "Keys(1 secret)"


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""], SECRET])
def test_keys_need_secrets(secrets: Any) -> None:
    """No secret, an empty one, and a text in the place of a list are a ValueError."""
    with pytest.raises(ValueError, match="list of secrets"):
        Keys(secrets)


def test_many_purposes_take_no_memory() -> None:
    """Purposes beyond a number are not kept, and work."""
    keys = Keys([SECRET])
    assert all(keys.read(f"reset {number}", keys.sign(f"reset {number}", b"5")) == b"5" for number in range(1000))
    assert len(keys._signers) <= 256


def test_the_time_of_now_is_signed() -> None:
    """Without a clock of a test's own, the time is that of the machine."""
    keys = Keys([SECRET])
    _, age = keys.read_with_age("a", keys.sign("a", b""), 5)
    assert 0 <= age < 5
    assert time.time() > 1_700_000_000
