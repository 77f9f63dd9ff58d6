"""CORS: which origins may read responses; preflights are taken from the routing table; errors have the fields too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fanlight import CORS
from fanlight.errors import Mistake

FRIEND, FOREIGN = "https://app.example", "https://evil.example"
Serve = Callable[..., Any]


@pytest.mark.parametrize(
    ("declared", "message", "hint"),
    [
        (CORS(origins=["*"], credentials=True), "with credentials=True", "name the origins"),
        (CORS(origins=[f"{FRIEND}/"]), "ends with a slash", f'write "{FRIEND}"'),
        (CORS(origins=FRIEND), "is a text", "write a list"),
        (CORS(origins=["*", FRIEND]), "and others", 'write ["*"]'),
        (CORS(origins=[FRIEND], expose=["x total"]), "is no name of a field", "name each field"),
        (CORS(origins=[FRIEND], headers=["*"]), "is no name of a field", "name each field"),
        (CORS(origins=[FRIEND], headers="x-a"), "and no list", "write headers="),
        (CORS(origins=[FRIEND], max_age=-1), "max_age", "at most a day"),
        (CORS(origins=[FRIEND], max_age=timedelta(days=2)), "max_age", "at most a day"),
        (CORS(origins=[FRIEND], credentials="yes"), "credentials", "True or False"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_found_before_the_port_opens(
    mistakes: Callable[..., list[Mistake]], declared: CORS, message: str, hint: str
) -> None:
    """With the place of the table or view, and what to write."""
    (mistake,) = mistakes({"/api": declared({"/": "home"})})
    assert message in mistake.message
    assert hint in mistake.hint
    assert mistake.places == ("URLS['/api']['/']",)
