"""A password that was hashed is verified, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight import ServerError, UnprocessableContent, hash_password, needs_rehash, verify_password
from fanlight.errors import AppError
from fanlight.passwords import key_derivation, passwords
from fanlight.passwords.key_derivation import ARGON2ID, SCRYPT
from fanlight.passwords.stored_hash import Argon2id, Scrypt, read_stored

# Of other programs: RFC 7914 section 12 (N=16384), and one of RustCrypto's documentation.
OTHERS = {
    "pleaseletmein": "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
    "password": "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
}
CHEAP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@CHEAP
@given(password=st.text(min_size=1, max_size=60), other=st.text(max_size=60))
def test_the_password_is_verified_and_no_other(kind: str, password: str, other: str) -> None:
    """Any text is a password, surrogates and null characters included; another text is not that password."""
    stored = hash_password(password)
    assert stored.startswith(f"${kind}$")
    assert verify_password(password, stored)
    is_same = unicodedata.normalize("NFC", password) == unicodedata.normalize("NFC", other)
    assert verify_password(other, stored) == is_same


def test_each_hash_has_a_salt_of_its_own(kind: str) -> None:
    """The same password is stored differently for each account."""
    first, second = hash_password("same"), hash_password("same")
    assert first != second
    assert read_stored(first).salt != read_stored(second).salt
    assert len(read_stored(first).salt) == 16


def test_a_letter_may_be_composed_or_not(kind: str) -> None:
    """A password with an accent is the same from every keyboard; nothing else about it is changed."""
    stored = hash_password("caf\u00e9 1")
    assert verify_password("cafe\u0301 1", stored)
    for other in ("cafe 1", "CAF\u00c9 1", "caf\u00e9 1 ", "caf\u00e9 \uff11"):
        assert not verify_password(other, stored)


def test_nothing_is_cut_off(kind: str) -> None:
    """Passwords that differ in their 1,024th character only are different."""
    password = "x" * 1023
    stored = hash_password(password + "a")
    assert verify_password(password + "a", stored)
    assert not verify_password(password + "b", stored)


@pytest.mark.parametrize(("password", "reason"), [("", "is empty"), ("x" * 1025, "more than 1,024 characters")])
def test_an_empty_password_and_a_huge_one_are_refused(kind: str, password: str, reason: str) -> None:
    """They are a mistake of the client when a password is set, and wrong when it is verified, without computing."""
    with pytest.raises(UnprocessableContent, match=reason):
        hash_password(password)
    assert not verify_password(password, hash_password("x"))
    assert not verify_password(password, None)


@pytest.mark.parametrize("stored", [None, ""])
def test_an_account_without_a_password_has_no_right_one(
    kind: str, stored: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """No account, and one that signs in another way, refuse every password; that is nothing to log."""
    assert not verify_password("anything", stored)
    assert not caplog.records


def test_nobody_has_no_password_even_if_the_digest_fits(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed for an account that does not exist is never a success, whatever it is compared with."""
    salt = passwords._NOBODY_SALT
    digest = key_derivation.derive(key_derivation.current_parameters(), salt, b"x", 32)
    monkeypatch.setattr(passwords, "_NOBODY_DIGEST", digest)
    assert not verify_password("x", None)


def test_a_damaged_hash_is_refused_and_logged(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A stored text that can't be read is no error page; the log says what it is, and has nothing of it."""
    caplog.set_level(logging.INFO)
    assert not verify_password("secret", "pbkdf2_sha256$1000000$c2FsdA$aGFzaGhhc2g=")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "a hash of Django" in record.getMessage()
    assert "c2FsdA" not in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("password", "stored"), OTHERS.items(), ids=OTHERS)
def test_hashes_of_other_programs_are_verified(password: str, stored: str) -> None:
    """The format is a common one: scrypt hashes of others are read, with the parameters they name."""
    assert verify_password(password, stored)
    assert not verify_password(password.title(), stored)
    assert needs_rehash(stored)


def test_argon2_hashes_are_those_of_its_own_package() -> None:
    """What argon2-cffi writes is verified here, and the other way round."""
    theirs = PasswordHasher()
    assert verify_password("geheim", theirs.hash("geheim"))
    assert theirs.verify(hash_password("geheim"), "geheim")


def test_a_hash_of_either_kind_is_readable_after_the_other_became_the_default(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When argon2-cffi is installed later, scrypt's hashes go on working, and are to be replaced."""
    stored = hash_password("x")
    assert not needs_rehash(stored)
    monkeypatch.setattr(key_derivation, "has_argon2", lambda: True)
    assert verify_password("x", stored)
    assert needs_rehash(stored) == (kind == "scrypt")
    assert hash_password("x").startswith("$argon2id$")


def test_grown_parameters_are_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash with other parameters than those of today is to be replaced, and is verified meanwhile."""
    stored = hash_password("x")
    monkeypatch.setattr(key_derivation, "SCRYPT", Scrypt(log2_n=5, r=8, p=1))
    monkeypatch.setattr(key_derivation, "ARGON2ID", Argon2id(memory_kib=16, passes=1, lanes=1))
    assert verify_password("x", stored)
    assert needs_rehash(stored)
    assert not needs_rehash(hash_password("x"))


def test_an_unreadable_text_is_no_question_of_parameters() -> None:
    """`needs_rehash` refuses what it can't read."""
    with pytest.raises(ValueError, match="bcrypt"):
        needs_rehash("$2b$12$abcdefghijklmnopqrstuv")


def test_argon2_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of Argon2id on a machine without the package is an error with the command that mends it."""
    stored = hash_password("x")
    assert stored.startswith("$argon2id$")
    monkeypatch.setattr(key_derivation, "has_argon2", lambda: False)
    with pytest.raises(ServerError, match=r"pip install 'fanlight\[argon2\]'"):
        verify_password("x", stored)
    assert needs_rehash(stored)


def test_the_parameters_are_as_strong_as_owasp_wants_them() -> None:
    """Each is one of the sets that OWASP's Password Storage Cheat Sheet names."""
    assert (2**SCRYPT.log2_n, SCRYPT.r, SCRYPT.p) in {
        (2**17, 8, 1),
        (2**16, 8, 2),
        (2**15, 8, 3),
        (2**14, 8, 5),
        (2**13, 8, 10),
    }
    assert (ARGON2ID.memory_kib, ARGON2ID.passes, ARGON2ID.lanes) in {
        (47104, 1, 1),
        (19456, 2, 1),
        (12288, 3, 1),
        (9216, 4, 1),
        (7168, 5, 1),
    }
    for parameters in (SCRYPT, ARGON2ID):
        assert 16 * 1024**2 <= parameters.memory_bytes < 20 * 1024**2


@pytest.mark.parametrize(("act", "instead"), [
    (lambda: hash_password("x"), r"await asyncio\.to_thread\(hash_password, password\)"),
    (lambda: verify_password("x", None), r"await asyncio\.to_thread\(verify_password, password, stored\)"),
])  # fmt: skip
def test_the_event_loop_does_not_compute(act: object, instead: str) -> None:
    """On an event loop both functions are refused, with what to write instead; in its threads they work."""

    async def view() -> str:
        with pytest.raises(AppError, match=instead):
            act()  # type: ignore[operator]  # a function without arguments
        stored = await asyncio.to_thread(hash_password, "x")
        assert await asyncio.to_thread(verify_password, "x", stored)
        return stored

    assert asyncio.run(view())


@pytest.mark.parametrize("value", [b"bytes", None, 5])
def test_what_is_no_text_is_a_mistake_of_the_site(value: object) -> None:
    """Bytes of a BLOB, or a number, are a TypeError that says so."""
    with pytest.raises(TypeError, match=f"the password is {type(value).__name__}"):
        verify_password(value, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"the password is {type(value).__name__}"):
        hash_password(value)  # type: ignore[arg-type]
    if value is not None:
        with pytest.raises(TypeError, match=f"the stored hash is {type(value).__name__}"):
            verify_password("x", value)  # type: ignore[arg-type]


def test_a_lone_surrogate_of_json_is_a_password_like_any_other(kind: str) -> None:
    """Half of a character, as JSON can have it, is no error."""
    password = json.loads('"\\ud800 and more"')
    assert verify_password(password, hash_password(password))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_child_hashes_too(kind: str) -> None:
    """A child has none of the threads of its parent, and starts its own."""
    stored = hash_password("x")
    child = os.fork()
    if child == 0:
        os._exit(0 if verify_password("x", stored) else 1)
    assert os.waitpid(child, 0)[1] == 0
