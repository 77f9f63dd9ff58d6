"""The values of variables as text."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.speed import PATIENCE

from fanlight.devtools.debug.bounded_repr import (
    MAX_TEXT,
    VALUE_SECONDS,
    kind_of,
    shown,
    shown_variables,
    texts_in_time,
)


class Says:
    """Has any repr."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> Any:
        return self.text


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        ...,
        7,
        -1.5,
        2j,
        "it's",
        b"\x00\xff",
        [],
        (1,),
        (1, 2),
        {1},
        set(),
        frozenset({1}),
        frozenset(),
        {},
        {"a": [1, {"b": None}]},
        deque([1]),
    ],
    ids=str,
)
def test_plain_values_are_shown_as_python_does(value: object) -> None:
    """The text of a small value of Python's own types is its repr."""
    assert shown(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"password": "x", "a": {"token": "y"}}, "{'password': '***', 'a': {'token': '***'}}"),
        ([{"api_key": b"x"}], "[{'api_key': '***'}]"),
        ({"password": None, "secret": ""}, "{'password': None, 'secret': ''}"),
        (Says("User(name='ann', password='x')"), "User(name='ann', password='***')"),
        ("Bearer abcdefghijk", "'***'"),
        (OrderedDict(token="x"), "OrderedDict({'token': '***'})"),
        (Says(7), "(its repr raises TypeError)"),
        ([[[[[1]]]]], "[[[[[...]]]]]"),
        (10**5000, "<int of 16,610 bits>"),
        ("a\u202eb", "'a\\u202eb'"),
        (Says("a\x1b[31m\ud800"), "a\\x1b[31m\\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_shown_without_secrets_and_control_characters(value: object, text: str) -> None:
    """Secrets are masked by their keys and by their look, odd characters are escapes, what is deep is left out."""
    assert shown(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        b"x" * 10**6,
        list(range(10**6)),
        dict.fromkeys(range(10**5)),
        Says("x" * 10**6),
        [["x" * 500] * 50] * 50,
    ],
    ids=["str", "bytes", "list", "dict", "repr", "nested"],
)
def test_large_values_are_cut(value: object) -> None:
    """The text of any value is short."""
    assert len(shown(value)) <= MAX_TEXT + 10


def test_a_value_that_contains_itself_ends() -> None:
    """A list in itself is shown to a certain depth."""
    endless: list[object] = [1]
    endless.append(endless)
    assert shown(endless).startswith("[1, [1, ")


def test_the_kind_has_the_size() -> None:
    """Beside a value stands its type, with the size of Python's own types."""
    values: list[object] = ["a", "ab", b"", [1, 2], {}, 7, Says("")]
    kinds = [kind_of(value) for value in values]
    assert kinds == [
        "str, 1 character",
        "str, 2 characters",
        "bytes, 0 bytes",
        "list, 2 items",
        "dict, 0 items",
        "int",
        "Says",
    ]


def test_variables_are_masked_by_their_names() -> None:
    """What a variable of a secret name holds is not shown, unless it holds nothing."""
    found = shown_variables([("password", "x"), ("token", None), ("name", "ann")])
    assert [each.text for each in found] == ["***", "None", "'ann'"]


def test_a_repr_that_is_slow_is_left_behind() -> None:
    """A repr that waits is not waited for; its neighbours are shown; after three, the rest is not tried."""
    waits = threading.Event()
    begun = time.monotonic()
    texts = texts_in_time([lambda: "a", lambda: str(waits.wait(PATIENCE)), lambda: "b"])
    assert texts == ["a", "(its repr takes longer than 0.25 s)", "b"]
    texts = texts_in_time([lambda: str(waits.wait(PATIENCE))] * 20)
    waits.set()
    assert texts.count("(not shown: the repr of other values took too long)") == 17
    assert time.monotonic() - begun < PATIENCE
    assert time.monotonic() - begun >= 4 * VALUE_SECONDS


def test_a_repr_that_loops_is_ended() -> None:
    """A thread that runs Python code for ever is ended, so that it takes no time of later requests."""
    running: list[threading.Thread] = []

    def loop() -> str:
        running.append(threading.current_thread())
        while True:
            time.sleep(0)

    texts_in_time([loop])
    running[0].join(PATIENCE)
    assert not running[0].is_alive()


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.builds(Says, st.text())),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner), st.frozensets(st.integers())
    ),
)


@given(st.text(), VALUES)
def test_any_value_has_a_text(name: str, value: object) -> None:
    """Whatever a variable holds, its text is short, can be encoded, and has no control character in it."""
    (found,) = shown_variables([(name, value)])
    assert len(found.text) <= 7 * MAX_TEXT  # an escape has up to six characters
    assert not set((found.name + found.kind + found.text).encode().decode()) & set("\x00\x1b\x7f\u202e")
