"""The stored text of a password: read strictly, and refused with what it seems to be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.passwords.stored_hash import Argon2id, Scrypt, StoredHash, UnreadableHash, read_stored

SALT, DIGEST = "c2FsdHNhbHRzYWx0c2FsdA", "ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0MTI"
SCRYPT = f"$scrypt$ln=14,r=8,p=5${SALT}${DIGEST}"
ARGON2ID = f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${DIGEST}"


@pytest.mark.parametrize("text", [SCRYPT, ARGON2ID], ids=["scrypt", "argon2id"])
def test_a_hash_is_read_and_written_again(text: str) -> None:
    """Reading and writing are inverse."""
    stored = read_stored(text)
    assert stored.salt == b"saltsaltsaltsalt"
    assert stored.digest == b"digestdigestdigestdigestdigest12"
    assert stored.text() == text


@given(
    parameters=st.one_of(
        st.builds(Scrypt, log2_n=st.integers(1, 14), r=st.integers(1, 8), p=st.integers(1, 16)),
        st.builds(Argon2id, memory_kib=st.integers(128, 131072), passes=st.integers(1, 16), lanes=st.integers(1, 16)),
    ),
    salt=st.binary(min_size=9, max_size=64),
    digest=st.binary(min_size=17, max_size=64),
)
def test_each_hash_within_the_bounds_is_read_back(parameters: Scrypt | Argon2id, salt: bytes, digest: bytes) -> None:
    """Whatever is written is read as it was."""
    stored = StoredHash(parameters=parameters, salt=salt, digest=digest)
    assert read_stored(stored.text()) == stored


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    """A text that is no hash is one kind of error, never another."""
    with pytest.raises(UnreadableHash):
        read_stored(text)


@given(st.sampled_from([SCRYPT, ARGON2ID]), st.integers(0, 110), st.characters())
def test_a_damaged_hash_is_read_or_refused(text: str, place: int, character: str) -> None:
    """A character that was changed, or an end that was cut off, is another hash or one kind of error."""
    for damaged in (text[:place] + character + text[place + 1 :], text[:place]):
        with contextlib.suppress(UnreadableHash):
            assert read_stored(damaged).salt


@pytest.mark.parametrize(
    "text",
    [
        f"$scrypt$ln=18,r=8,p=1${SALT}${DIGEST}",
        f"$scrypt$ln=999999,r=8,p=1${SALT}${DIGEST}",
        f"$scrypt$ln=1,r=999999,p=1${SALT}${DIGEST}",
        f"$scrypt$ln=14,r=8,p=17${SALT}${DIGEST}",
        f"$argon2id$v=19$m=132097,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=1024,t=17,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=1024,t=1,p=17${SALT}${DIGEST}",
        f"$argon2id$v=19$m=7,t=1,p=1${SALT}${DIGEST}",
    ],
)
def test_parameters_that_cost_too_much_are_refused(text: str) -> None:
    """A row of the database can't make a sign-in take all memory, or hours; the message has the bounds."""
    with pytest.raises(UnreadableHash, match=r"(scrypt|argon2id) parameters would take more than 129 MiB"):
        read_stored(text)


@pytest.mark.parametrize("text", [
    "$scrypt$ln=17,r=8,p=1$" + f"{SALT}${DIGEST}",
    "$argon2id$v=19$m=65536,t=3,p=4$" + f"{SALT}${DIGEST}",
])  # fmt: skip
def test_the_strongest_common_parameters_are_read(text: str) -> None:
    """OWASP's first choice for scrypt, and the default of argon2-cffi, are within the bounds."""
    assert read_stored(text).text() == text


@pytest.mark.parametrize(("text", "kind"), [
    ("$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q", "bcrypt"),
    ("$argon2i$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA", "another variant of Argon2"),
    ("$argon2id$v=16$m=65536,t=2,p=1$c2FsdA$aGFzaA", "another version than 19"),
    ("$scrypt$ln=14,r=8,p=5$c2FsdA", "damaged or cut off"),
    ("$6$rounds=5000$salt$hash", "crypt"),
    ("$y$j9T$salt$hash", "crypt"),
    ("$pbkdf2-sha256$29000$salt$hash", "passlib"),
    ("pbkdf2_sha256$1000000$salt$hash=", "Django"),
    ("argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$aGFzaA", "Django"),
    ("!unusable", "Django"),
    ("pbkdf2:sha256:600000$salt$hash", "Flask"),
    ("scrypt:32768:8:1$salt$hash", "Flask"),
    ("{SSHA}c2FsdA==", "LDAP"),
    ("5f4dcc3b5aa765d61d8327deb882cf99", "plain digest"),
    ("hunter2", "no hash at all"),
    ("", "no hash at all"),
    (SCRYPT + "\n", "scrypt, but damaged"),
    (f"$scrypt$ln=14,r=8,p=5${SALT}AAA${DIGEST}", "cut off"),
])  # fmt: skip
def test_a_foreign_hash_is_named(text: str, kind: str) -> None:
    """The message says what a text seems to be, and does not repeat it."""
    with pytest.raises(UnreadableHash, match=kind) as caught:
        read_stored(text)
    assert not text or text not in str(caught.value)


def test_the_repr_has_no_digest() -> None:
    """What a debug page shows of a hash is its parameters."""
    shown = repr(read_stored(SCRYPT))
    assert "log2_n=14" in shown
    assert "digest" not in shown.replace("<hash", "")
