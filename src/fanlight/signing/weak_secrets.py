"""Which secrets are too weak to sign with: anyone who guesses it can forge every session.

In: a secret. Out: why it is weak, or "". Knows nothing of where it comes from.
"""

from __future__ import annotations

from itertools import pairwise

MIN_CHARACTERS = 32
MIN_DIFFERENT = 8  # characters; 32 random hexadecimal digits have fewer in one of a hundred million cases
HOW_TO = "`fanlight secret` prints a good one"
# Parts of placeholders, in lower case; a random secret of 43 characters has one of them in one of a million cases.
_WORDS = ("secret", "changeme", "change-me", "change_me", "password", "passwort", "insecure", "example", "replace")


def weakness(secret: str) -> str:
    """Return why a secret is weak, to be put behind "the secret ...", or "" if it is not."""
    lower = secret.lower()
    if len(secret) < MIN_CHARACTERS:
        return f"has {len(secret)} characters, and needs {MIN_CHARACTERS}"
    if word := next((each for each in _WORDS if each in lower), ""):
        return f"contains {word!r}, as a placeholder does"
    if len(set(secret)) < MIN_DIFFERENT or _is_repeated(secret):
        return "repeats a few characters"
    if _is_sequence(secret):
        return "is a sequence of characters"
    return ""


def _is_repeated(secret: str) -> bool:
    """Return whether a text is a shorter one, written at least twice."""
    return any(secret[period:] == secret[:-period] for period in range(1, len(secret) // 2 + 1))


def _is_sequence(secret: str) -> bool:
    """Return whether most characters follow the one before, as in "abcdefgh" or "87654321"."""
    steps = [abs(ord(after) - ord(before)) for before, after in pairwise(secret)]
    return sum(step <= 1 for step in steps) > len(steps) * 2 / 3
