"""Which names are secrets, and which secrets can be guessed."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable

import pytest

from fanlight.cli.secrecy import is_secret, secrets_of, weakness


@pytest.mark.parametrize(
    "name",
    ["SECRET", "SECRET_KEY", "secret_key", "APP_SECRET", "JWT_SIGNING_KEY", "API_TOKEN", "DB_PASSWORD", "main.SALT"],
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    """However it is written, and whatever stands before it."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "SECRETARY",
        "KEY",
        "KEYBOARD",
        "SECRET_KEY_FILE",
        "TOKEN_URL",
        "TOKENIZER",
        "PASSWORD_FIELD",
        "PATH",
        "TOKEN_TTL",
    ],
)
def test_another_name_is_none(name: str) -> None:
    """A word that only looks like one, and a name of where a secret is, are left alone."""
    assert not is_secret(name)


def test_only_texts_are_secrets() -> None:
    """Bytes count as text; functions, classes and what is empty do not count."""
    names = {"SECRET": b"abc", "TOKEN": len, "API_TOKEN": "", "PASSWORD": None, "SECRET_KEY": "x", "other": "y"}
    assert secrets_of(names) == {"SECRET": "abc", "SECRET_KEY": "x"}


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("changeme", "everybody tries first"),
        ("Change-Me!", "everybody tries first"),
        ("SuperSecret123", "everybody tries first"),
        ("django-insecure-k3j4h5k3j4h5lk3j4h5lk34j5h", "meant to be replaced"),
        ("please-change-me-in-production-9f8e7d", "meant to be replaced"),
        ("a8Dk2", "it has 5 characters"),
        ("a" * 40, "its characters repeat"),
        ("0123456789abcdefghijklmnopqrstuv", "its characters repeat"),
        ("abababababababababababababababab", "its characters repeat"),
    ],
)
def test_what_can_be_guessed_is_told_why(secret: str, says: str) -> None:
    """A known word, a hint to replace it, a short one, and one of few characters."""
    assert says in weakness("SECRET_KEY", secret)


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_hex(16),
        lambda: secrets.token_hex(32),
        lambda: secrets.token_bytes(32).decode("latin-1"),
        lambda: "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24)),
    ],
)
def test_what_was_drawn_by_lot_is_strong(make: Callable[[], str]) -> None:
    """Keys as people make them are not complained of."""
    assert [weakness("SECRET_KEY", make()) for _ in range(200)] == [""] * 200


def test_a_password_may_be_shorter() -> None:
    """For somebody counts the tries; a known word it may not be."""
    assert weakness("DB_PASSWORD", "correct horse") == ""
    assert weakness("DB_PASSWORD", "t7Gh2") != ""
    assert weakness("DB_PASSWORD", "postgres-example") != ""
