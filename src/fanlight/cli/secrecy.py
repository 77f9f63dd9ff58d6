"""Whether a secret can be guessed.

In: names with values. Out: for each that looks like a secret by its name, what is wrong with it. A
value is never part of what is said.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

_SECRET = re.compile(
    r"(^|_)(SECRETS?|SECRET_KEYS?|(SIGNING|SESSION|ENCRYPTION|CSRF)_KEY|SALT|PASSWORD|PASSWD|TOKEN)($|_)", re.IGNORECASE
)
_NOT_ITSELF = re.compile(r"_(FILE|PATH|URL|URI|NAME|ID|TTL|SECONDS|AGE|FIELD|COOKIE|HEADER)$", re.IGNORECASE)
_FOR_PEOPLE = re.compile(r"(^|_)(PASSWORD|PASSWD)($|_)", re.IGNORECASE)  # shorter, for somebody counts wrong tries
_WORDS = (
    "changeme", "changeit", "changethis", "secret", "password", "passw0rd", "insecure", "default", "example", "sample",
    "placeholder", "replaceme", "yoursecret", "topsecret", "dev", "development", "test", "testing", "debug", "todo",
    "fixme", "hunter2", "letmein", "qwerty", "admin", "root", "foobar", "abc123", "123456", "xxx", "key", "keyboardcat",
    "supersecret", "notsecret", "none", "null", "token", "mysecret", "secretkey", "mysecretkey",
)  # fmt: skip
_INSTALLED = {"site-packages", "dist-packages"}
SHORTEST, SHORT, SHORTEST_FOR_PEOPLE = 16, 32, 12  # characters
LEAST_BITS = 48


def is_secret(name: str) -> bool:
    """Say whether a name looks like that of a secret."""
    name = name.rpartition(".")[2]
    return bool(_SECRET.search(name)) and not _NOT_ITSELF.search(name)


def names_beside(file: Path) -> dict[str, object]:
    """Return what the modules that are loaded from a file's folder hold, by the names of both."""
    found: dict[str, object] = {}
    for module in list(sys.modules.values()):
        source = getattr(module, "__file__", None)
        if source and Path(source).is_relative_to(file.parent) and not _INSTALLED & set(Path(source).parts):
            found |= {f"{module.__name__}.{name}": value for name, value in vars(module).items()}
    return found


def secrets_of(names: Mapping[str, object]) -> dict[str, str]:
    """Return those that look like secrets, as text; one that is empty is not there yet."""
    found = {}
    for name, value in names.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(text, str) and text and is_secret(name):
            found[name] = text
    return found


def weakness(name: str, secret: str) -> str:
    """Return why a secret can be guessed, or "" if it can't."""
    plain = re.sub(r"[^a-z0-9]", "", secret.lower())
    if plain in _WORDS or any(word in plain and len(word) * 2 >= len(plain) for word in _WORDS):
        return "it is a word that everybody tries first"
    if re.search(r"change.?me|insecure|your.?secret|replace.?me|example", secret, re.IGNORECASE):
        return "it says itself that it was meant to be replaced"
    shortest = SHORTEST_FOR_PEOPLE if _FOR_PEOPLE.search(name) else SHORTEST
    if len(secret) < shortest:
        return f"it has {len(secret)} characters; {SHORT} are a good number"
    if not _FOR_PEOPLE.search(name) and _bits(secret) < LEAST_BITS:
        return "its characters repeat, so there are few to guess"
    return ""


def _bits(text: str) -> float:
    """Return how much there is to guess at most: by how often each character comes, and each step between two."""
    steps = [chr((ord(b) - ord(a)) % 0x110000) for a, b in pairwise(text)]
    return len(text) * min(_bits_each(text), _bits_each(steps))


def _bits_each(items: str | list[str]) -> float:
    counts, total = Counter(items), len(items)
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if total else 0.0
