"""Secrets that can be guessed are found, and random ones are not taken for such."""

from __future__ import annotations

import secrets
import string

import pytest

from fanlight.signing.site_secrets import make_secret
from fanlight.signing.weak_secrets import MIN_CHARACTERS, weakness


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "has 0 characters"),
        ("x", "has 1 characters, and needs 32"),
        ("q8Zr2LmV0xTn4WcKe7YbUd5Hs1JfAoP", "has 31 characters"),
        ("a" * 64, "repeats"),
        ("ab" * 40, "repeats"),
        ("hunter2!" * 8, "repeats"),
        ("1234567890" * 3 + "1234", "repeats"),
        ("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccccccc", "repeats"),
        (string.ascii_lowercase + string.digits, "sequence"),
        (string.ascii_letters[::-1], "sequence"),
        ("my-secret-key-of-the-shop-2026-07-11", "contains 'secret'"),
        ("CHANGEME-q8Zr2LmV0xTn4WcKe7YbUd5Hs1Jf", "contains 'changeme'"),
        ("django-insecure-q8Zr2LmV0xTn4WcKe7YbUd5Hs1Jf", "contains 'insecure'"),
        ("the password of our new shop in the town", "contains 'password'"),
    ],
)
def test_a_weak_secret_is_found(secret: str, reason: str) -> None:
    """What is short, repeated, a sequence or a placeholder is weak, and the reason does not show it."""
    found = weakness(secret)
    assert reason in found
    assert len(secret) < 8 or secret not in found


def test_random_secrets_are_good() -> None:
    """What `fanlight secret`, openssl and others make is not weak."""
    for _ in range(300):
        for secret in (make_secret(), secrets.token_hex(16), secrets.token_hex(32), secrets.token_urlsafe(24)):
            assert not weakness(secret), secret
    assert len(make_secret()) > MIN_CHARACTERS
    assert not weakness("correct horse battery staple, and a tune")
