"""Read figures out of the result files, and say them as short as they mean something.

In: results/*.json. Out: rows, ratios and Markdown tables. Refuses, as MissingError, what was not measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FANLIGHT = "Fanlight, access log"  # what people have, if they change nothing
FANLIGHT_OFF = "Fanlight"
NAMES = {
    "nginx": "nginx, `return 200`",
    FANLIGHT: "Fanlight, as by default (access log on)",
    FANLIGHT_OFF: "Fanlight, access log off",
    "Fanlight async": "Fanlight, an async view, access log off",
    "Fanlight[speed], access log": "Fanlight with `fanlight[speed]`, access log on",
    "Fanlight[speed]": "Fanlight with `fanlight[speed]`, access log off",
}
RESULTS = Path(__file__).resolve().parent / "results"
Row = Mapping[str, Any]


class MissingError(Exception):
    """A result file, or a row of it, is not there."""


@cache
def result(name: str) -> Row:
    """Return a result file."""
    try:
        found: Row = json.loads((RESULTS / f"{name}.json").read_text())
    except FileNotFoundError:
        raise MissingError(name) from None
    return found


def rows(name: str, task: str) -> dict[str, Row]:
    """Return the rows of a task that were measured, by the name of the server. A name may be its beginning only."""
    tasks = result(name)["results"]
    found = next((each for each in tasks if each.startswith(task)), None)
    if found is None:
        raise MissingError(f"{name}: {task}")
    return {row["server"]: row for row in tasks[found] if "failure" not in row}


def middle(row: Row | None, figure: str) -> float | None:
    """Return the median of a figure; None if there is no such row."""
    return None if row is None else float(row[figure]["median"])


def of(row: Row | None, base: Row | None, figure: str = "cpu_us") -> str:
    """Return how many times the other's figure this one is; nothing if either is missing."""
    value, against = middle(row, figure), middle(base, figure)
    return short(value / against) if value and against else ""


def short(value: float) -> str:
    """Return a number with two digits that say something."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def microseconds(row: Row | None) -> str:
    """Return the processor time of a request."""
    value = middle(row, "cpu_us")
    return f"{value:.1f}" if value else ""


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *lines)) + "\n"
