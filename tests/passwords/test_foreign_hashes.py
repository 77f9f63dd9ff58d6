"""Passwords that Werkzeug, Django and bcrypt have hashed are verified, in bounded time."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

import bcrypt
import pytest
from django.contrib.auth import hashers  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from fanlight import ServerError, hash_password, needs_rehash, verify_password
from fanlight.passwords import key_derivation
from fanlight.passwords.foreign_hashes import ForeignHash, read_hash
from fanlight.passwords.stored_hash import UnreadableHash

PASSWORD = "l\u00e8t me in"


def of_django(hasher: hashers.BasePasswordHasher, **parameters: object) -> str:
    """Return what a hasher of Django stores for the password."""
    return str(hasher.encode(PASSWORD, hasher.salt(), **parameters))


MADE: dict[str, Callable[[], str]] = {
    "Werkzeug's scrypt": lambda: generate_password_hash(PASSWORD),
    "Werkzeug's scrypt, cheap": lambda: generate_password_hash(PASSWORD, "scrypt:16:2:3"),
    "Werkzeug's PBKDF2": lambda: generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
    "Werkzeug's PBKDF2 with SHA-1": lambda: generate_password_hash(PASSWORD, "pbkdf2:sha1:1000", salt_length=8),
    "Werkzeug's PBKDF2 with SHA-512": lambda: generate_password_hash(PASSWORD, "pbkdf2:sha512:1000"),
    "Django's PBKDF2": lambda: of_django(hashers.PBKDF2PasswordHasher(), iterations=1000),
    "Django's PBKDF2 with SHA-1": lambda: of_django(hashers.PBKDF2SHA1PasswordHasher(), iterations=1000),
    "Django's scrypt": lambda: of_django(hashers.ScryptPasswordHasher(), n=16, r=2, p=3),
    "Django's Argon2": lambda: of_django(hashers.Argon2PasswordHasher()),
    "Django's bcrypt": lambda: f"bcrypt${bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}",
    "Django's bcrypt_sha256": lambda: str(hashers.BCryptSHA256PasswordHasher().encode(PASSWORD, bcrypt.gensalt(4))),
    "bcrypt": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt 2a": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode(),
}


@pytest.fixture(params=MADE)
def stored(request: pytest.FixtureRequest) -> str:
    """Return what is stored for the password."""
    return MADE[request.param]()


def test_the_password_is_verified_and_no_other(stored: str) -> None:
    """And the stored text is made again when its owner signs in."""
    assert verify_password(PASSWORD, stored)
    assert needs_rehash(stored)
    for other in ("let me in", PASSWORD + " ", PASSWORD.upper(), "x"):
        assert not verify_password(other, stored)


def test_a_hash_of_django_with_our_own_parameters_is_made_anew() -> None:
    """Its form is another one."""
    hasher = hashers.ScryptPasswordHasher()
    stored = of_django(hasher)
    assert verify_password(PASSWORD, stored)
    assert needs_rehash(stored)
    assert not needs_rehash(hash_password(PASSWORD))


def test_the_password_is_hashed_as_it_was_typed() -> None:
    """Other frameworks do not compose letters."""
    typed = "cafe\u0301"
    stored = generate_password_hash(typed, "pbkdf2:sha256:1000")
    assert verify_password(typed, stored)
    assert not verify_password("caf\u00e9", stored)


@pytest.mark.parametrize("password", ["x" * 73, "x" * 1024, "a\0b", "\ud800", "\u00e9" * 40])
def test_bcrypt_reads_72_bytes(password: str) -> None:
    """As every program did that has stored such a hash; no password makes it fail."""
    cut = password.encode("utf-8", "surrogatepass")[:72]
    assert verify_password(password, bcrypt.hashpw(cut, bcrypt.gensalt(4)).decode())
    assert not verify_password(password, bcrypt.hashpw(b"y", bcrypt.gensalt(4)).decode())


def test_bcrypt_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """For hashes of bcrypt only."""
    monkeypatch.setattr(key_derivation, "has_bcrypt", lambda: False)
    with pytest.raises(ServerError, match=r"bcrypt, for which a package is missing here: pip install 'bcrypt>=4'"):
        verify_password(PASSWORD, MADE["bcrypt"]())
    assert verify_password(PASSWORD, MADE["Django's PBKDF2"]())


def test_an_account_of_django_without_a_password_has_no_right_one(caplog: pytest.LogCaptureFixture) -> None:
    """It is nothing to log."""
    assert not verify_password("anything", hashers.make_password(None))
    assert not caplog.records


HEX, BASE64 = "ab" * 32, "q" * 43 + "="
BCRYPT = "$2b$16$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"scrypt:131072:16:1$salt${HEX}", "scrypt parameters would take more than 129 MiB"),
        (f"scrypt:1048576:8:1$salt${HEX}", "scrypt parameters would take more than 129 MiB"),
        (f"scrypt:16384:8:17$salt${HEX}", "more than 16 passes"),
        (f"scrypt$1048576$salt$8$1${BASE64}", "scrypt parameters would take more than 129 MiB"),
        (f"pbkdf2:sha256:5000001$salt${HEX}", "more than 5,000,000 iterations of PBKDF2"),
        (f"pbkdf2_sha256$9999999$salt${BASE64}", "more than 5,000,000 iterations of PBKDF2"),
        (BCRYPT, "a cost of bcrypt over 15"),
        (f"bcrypt_sha256${BCRYPT.replace('$16$', '$31$')}", "a cost of bcrypt over 15"),
        ("argon2$argon2id$v=19$m=132097,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "q" * 43, "argon2id parameters"),
    ],
)
def test_what_costs_too_much_is_refused(text: str, reason: str) -> None:
    """A row of the database can't make a sign-in take all memory, or minutes."""
    with pytest.raises(UnreadableHash, match=reason):
        read_hash(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"scrypt:1000:8:1$salt${HEX}", "Flask"),
        (f"scrypt:1:8:1$salt${HEX}", "Flask"),
        (f"scrypt$1000$salt$8$1${BASE64}", "Django"),
        (f"scrypt:32768:8:1$salt${HEX[:-1]}", "Flask"),
        (f"pbkdf2:md5:1000$salt${HEX}", "Flask"),
        (f"pbkdf2:sha256:99999999${HEX}", "Flask"),
        (f"pbkdf2_sha256$1000$sa$lt${BASE64}", "Django"),
        (f"pbkdf2_sha256$1000$salt${'q' * 25}", "its digest is cut off"),
        (f"md5$salt${HEX}", "Django"),
        ("argon2$argon2i$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA", "another variant of Argon2"),
        (f"bcrypt_sha256${BCRYPT[:-1]}", "Django"),
        (BCRYPT[:28] + "A" + BCRYPT[29:], "bcrypt, but damaged"),
        ("$2x" + BCRYPT[3:], "bcrypt, but damaged, or an old variant"),
    ],
)
def test_what_is_malformed_is_named(text: str, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is like no account, and the log says what it seems to be, without repeating it."""
    with pytest.raises(UnreadableHash, match=kind) as caught:
        read_hash(text)
    assert text not in str(caught.value)
    assert not verify_password(PASSWORD, text)
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


FORMS = [
    f"scrypt:16:2:3$salt${HEX}",
    f"scrypt$16$salt$2$3${BASE64}",
    f"pbkdf2:sha256:1000$salt${HEX}",
    f"pbkdf2_sha256$1000$salt${BASE64}",
    f"bcrypt_sha256${BCRYPT.replace('$16$', '$04$')}",
]


@given(st.sampled_from(FORMS), st.integers(0, 90), st.characters())
def test_a_damaged_hash_is_read_or_refused(text: str, place: int, character: str) -> None:
    """A character that was changed, or an end that was cut off, is another hash or one kind of error."""
    assert read_hash(text).salt
    for damaged in (text[:place] + character + text[place + 1 :], text[:place]):
        with contextlib.suppress(UnreadableHash):
            assert read_hash(damaged).salt


def test_the_repr_has_no_digest() -> None:
    """What a debug page shows of a hash is its parameters."""
    known = read_hash(FORMS[2])
    assert isinstance(known, ForeignHash)
    assert repr(known) == "<hash of a password: Pbkdf2(hash_name='sha256', iterations=1000)>"
