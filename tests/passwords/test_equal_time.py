"""The time of a sign-in reveals no names: an account that is not there costs the same work as one that is.

Measured in processor time of the whole process, which does not include what else the machine does, and one after the
other in turn, so that a change of its speed meets all. The bounds are wide: without the equal work an unknown name
takes a thousandth of the time.
"""

from __future__ import annotations

import statistics
import time

import pytest

from fanlight import hash_password, verify_password
from fanlight.passwords import key_derivation
from fanlight.passwords.key_derivation import ARGON2ID, current_parameters
from fanlight.passwords.stored_hash import Scrypt

ROUNDS = 15


@pytest.mark.parametrize("kind", ["scrypt", "argon2id"])
def test_a_sign_in_takes_as_long_for_any_name(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password, no account, an account without a password and a damaged hash take the same time."""
    if kind == "scrypt":
        monkeypatch.setattr(key_derivation, "has_argon2", lambda: False)
        monkeypatch.setattr(key_derivation, "SCRYPT", Scrypt(log2_n=13, r=8, p=2))  # a fifth of the time
    else:
        assert current_parameters() == ARGON2ID
    stored = hash_password("right")
    cases = {"wrong": stored, "unknown": None, "empty": "", "damaged": stored[:-9], "foreign": "$2b$12$abcdef"}
    took: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, each in cases.items():
            began = time.process_time()
            assert not verify_password("wrong", each)
            took[name].append(time.process_time() - began)
    medians = {name: statistics.median(each) for name, each in took.items()}
    assert medians["wrong"] > 0.005
    for name, median in medians.items():
        assert 0.6 < median / medians["wrong"] < 1.6, (name, medians)
