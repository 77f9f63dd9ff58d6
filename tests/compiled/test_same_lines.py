"""The compiled maker of log lines, and the one written in Python, make the same lines."""

from __future__ import annotations

import gc
import random
import sys
from typing import Any

import pytest
from hypothesis import settings

pytest.importorskip("fanlight_speed", reason="`make test` builds and installs it: pip install ./speed")

import fanlight_speed

from fanlight.server.recording import compiled_lines, formats
from fanlight.server.recording.formats import Entry, Format, formatter

FORMS: list[tuple[Format, Any]] = [
    ("text", formats._text_lines),
    ("combined", formats._combined_lines),
    ("json", formats._json_lines),
]
OFFSET = 1_800_000_000.25
PIECES = [
    "/",
    "a",
    "?q=1",
    "&token=x",
    "=",
    "@",
    "%3D",
    '"',
    "\\",
    " ",
    "\x7f",
    "\x1f",
    "\0",
    "\xe9",
    "\u0153",
    "b" * 1597,
]
METHODS = ["GET", "GET", "HEAD", "DELETE", "get", "GE", "GETS", "GET ", "GET \0xxxxxx", "", "BREW"]
SECONDS = [0.0, 0.00005, 0.00014999, 0.00015, 0.0123, 0.0999, 0.09995, 0.1, 1.0625, 12345.678, 1e-7, 0.0000125]


def entry(rng: random.Random) -> Entry:
    """Return an entry that is plain more often than not."""
    odd = rng.random() < 0.3
    target = "".join(rng.choices(PIECES if odd else PIECES[:4], k=rng.randrange(4)))
    seconds = rng.choice(SECONDS) if rng.randrange(2) else rng.random() / rng.choice([1, 10, 1000])
    fields = (rng.randrange(2), rng.choice(["a", 'b"', "\u0153"]), rng.choice(PIECES), rng.choice(["A", "B\\"]))
    target = f"/{target}" if odd else f"/a{target}"
    return (
        5.5 + rng.randrange(12) / 8, seconds, rng.choice(METHODS) if odd else "GET", target,
        None if odd and rng.randrange(2) else fields, rng.choice(["::1", None, "1.2.3.4"]), "https", rng.choice(PIECES),
        rng.choice([200, 404, 0]), rng.choice([0, 7, 1234567890123, True]),
        b"x-request-id: " + b"z" * rng.randrange(1, 40) + b"\r\n", "why" if odd and rng.randrange(3) == 0 else "",
    )  # fmt: skip


@pytest.mark.parametrize(("form", "in_python"), FORMS)
def test_each_line_is_the_same(form: Format, in_python: Any) -> None:
    """Whatever an entry holds, its line does not depend on who makes it, nor does the order of the lines."""
    rng, make = random.Random(), formatter(form)
    assert make is not in_python
    for _ in range(10 * settings().max_examples):
        entries = [entry(rng) for _ in range(rng.randrange(20))]
        assert make(entries, OFFSET) == in_python(entries, OFFSET), entries


@pytest.mark.parametrize(("form", "in_python"), FORMS)
def test_plain_lines_are_made_compiled(form: Format, in_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What most requests are needs no Python, of which the test has none."""
    plain = (5.5, 0.0123, "GET", "/a?b=c", (1, "h", "", "A"), "::1", "http", "/a", 200, 9, b"x-request-id: a\r\n", "")
    monkeypatch.setattr(formats, in_python.__name__, None)
    assert formatter(form)([plain] * 3, OFFSET).count("\n") == 3


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("value", [None, object(), "\ud800", -1, 1 << 80, [], float("nan"), b"", b"x"])
@pytest.mark.parametrize(("form", "in_python"), FORMS)
def test_what_is_no_entry_is_an_error_or_left_to_python(form: Format, in_python: Any, value: Any, place: int) -> None:
    """Any object in any place: the line that Python makes, an error as in Python, or at least an error."""
    good = (5.5, 0.0123, "GET", "/a", (1, "h", "r", "A"), "::1", "http", "/a", 200, 9, b"x-request-id: a\r\n", "")
    bad: Any = (*good[:place], value, *good[place + 1 :])
    try:
        made = formatter(form)([bad], OFFSET)
    except Exception:  # noqa: BLE001 - the log counts its lines as lost, whatever it is
        return
    assert made == in_python([bad], OFFSET)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ([()], 0, 0.0, b"", (), None),
        ([None], 0, 0.0, b"", (), None),
        ([(0.0,) * 12], -1, 0.0, b"", (), None),
        ([(0.0,) * 12], 0, 0.0, b"", (), None),
    ],
)
def test_wrong_arguments_are_errors(arguments: Any) -> None:
    """Arguments, or entries, of another number or type raise an error."""
    with pytest.raises((TypeError, IndexError, SystemError)):
        fanlight_speed.lines(*arguments)


def test_memory_does_not_grow() -> None:
    """After thousands of lines, also of entries that fail, no more objects are there than before."""
    rng, blocks = random.Random(1), list[int]()
    entries = [entry(rng) for _ in range(200)]
    recipe, parts = compiled_lines._recipe(formats._json_parts(1_800_000_005))
    for _ in range(3):
        for form, _ in FORMS:
            formatter(form)(entries, OFFSET)
        for at in range(200):
            fanlight_speed.lines(entries, at, 5.5, recipe, parts, lambda *_: False)
            with pytest.raises(IndexError):
                fanlight_speed.lines([(5.5, 0.0, "GET", "/")], 0, 5.5, recipe, parts, lambda *_: False)
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    assert blocks[2] - blocks[1] < 50
