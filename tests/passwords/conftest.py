"""Both algorithms, with parameters so small that a hash takes no time where time is not what a test is about."""

from __future__ import annotations

import pytest

from fanlight.passwords import key_derivation
from fanlight.passwords.stored_hash import Argon2id, Scrypt


@pytest.fixture(params=["scrypt", "argon2id"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have passwords hashed with one of the two, cheaply."""
    name: str = request.param
    monkeypatch.setattr(key_derivation, "SCRYPT", Scrypt(log2_n=4, r=8, p=1))
    monkeypatch.setattr(key_derivation, "ARGON2ID", Argon2id(memory_kib=8, passes=1, lanes=1))
    if name == "scrypt":
        monkeypatch.setattr(key_derivation, "has_argon2", lambda: False)
    return name
