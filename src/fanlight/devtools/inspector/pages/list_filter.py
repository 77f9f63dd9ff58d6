"""What the list shows: a filter, written as words in one field.

In: text such as `method:POST status:4xx slow:100ms is:refused gen:3 snow -static`. Out: which exchanges it accepts. A
word without a key is looked for in the target, the route and the id, then in all that was recorded: fields, content,
log lines, the bytes. A minus in front excludes. All words must hold. What can't be read is reported, and accepts
everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import msgpack

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.exchange_store import Summary

MAX_CHARACTERS = 500
SLOW_SECONDS = 0.1
_WORD = re.compile(r'(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))')
_STATUS = re.compile(r"[1-5](?:xx|[0-9]{2})")
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
OUTCOMES = {
    "refused": "refused",
    "cut": "cut off",
    "timeout": "timed out",
    "failed": "failed",
    "open": "open",
    "done": "done",
}
Test = Callable[[Summary], bool]


@dataclass(slots=True)
class ListFilter:
    """A filter that has been read."""

    text: str
    tests: list[tuple[Test, bool]] = field(default_factory=list)  # each with whether it must hold
    words: list[tuple[str, bool]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def accepts(self, row: Summary, get: Callable[[str], Exchange | None]) -> bool:
        """Return whether an exchange is shown; `get` returns the whole of it, if its row is not enough."""
        if any(test(row) != expected for test, expected in self.tests):
            return False
        if not self.words:
            return True
        line = f"{row.id} {row.method} {row.target} {row.route} {row.view}".lower()
        if (left := [(word, expected) for word, expected in self.words if word not in line or not expected]) == []:
            return True
        exchange = get(row.id)
        record = b"" if exchange is None else msgpack.encode(exchange).lower()
        return all((word.encode() in record or word in line) == expected for word, expected in left)


def read_filter(text: str) -> ListFilter:
    """Return the filter that a text means."""
    found = ListFilter(text[:MAX_CHARACTERS])
    for match in _WORD.finditer(found.text):
        minus, key, quoted, plain = match.groups()
        value, expected = quoted if quoted is not None else plain, not minus
        make = _TESTS.get(key or "")
        if make is None:
            found.words.append((f"{key}:{value}".lower() if key else value.lower(), expected))
            continue
        test = make(value)
        if test is None:
            found.problems.append(f"{match[0]}: {_HINTS[key]}")
        else:
            found.tests.append((test, expected))
    return found


def _method(value: str) -> Test | None:
    return lambda row: row.method.upper() == value.upper()


def _path(value: str) -> Test | None:
    return lambda row: value.lower() in row.target.lower()


def _status(value: str) -> Test | None:
    lower = value.lower()
    if not _STATUS.fullmatch(lower):
        return None
    return lambda row: str(row.status).startswith(lower.rstrip("x"))


def _slow(value: str) -> Test | None:
    match = _DURATION.fullmatch(value)
    if match is None:
        return None
    seconds = float(match[1]) * (1 if match[2] == "s" else 0.001)
    return lambda row: row.seconds >= seconds


def _is(value: str) -> Test | None:
    if value == "slow":
        return lambda row: row.seconds >= SLOW_SECONDS
    if value == "error":
        return lambda row: row.status >= 400 or row.outcome in ("failed", "refused", "cut off", "timed out")
    outcome = OUTCOMES.get(value)
    return None if outcome is None else lambda row: row.outcome == outcome


def _generation(value: str) -> Test | None:
    return (lambda row: row.generation == int(value)) if _NUMBER.fullmatch(value) else None


_TESTS: dict[str, Callable[[str], Test | None]] = {
    "method": _method,
    "path": _path,
    "status": _status,
    "slow": _slow,
    "is": _is,
    "gen": _generation,
}
_HINTS = {
    "status": "write a status, or 4xx",
    "slow": "write a duration, such as slow:100ms or slow:2s",
    "is": f"write is:error, is:slow, {', '.join(f'is:{each}' for each in OUTCOMES)}",
    "gen": "write the number of a generation",
}
