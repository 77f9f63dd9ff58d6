"""Lay out figures: an aligned table for a person, JSON for a program.

In: rows of text and numbers. Out: lines on the screen and a file in results/. Knows nothing of what they mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns: the first flush left, the last too when it is a note, numbers flush right."""
    every = [list(heads), *map(list, rows)]
    widths = [max(len(row[i]) for row in every) for i in range(len(heads))]
    is_note = heads[-1] in {"", "note"}
    lines = []
    for row in every:
        cells = [
            cell.ljust(width) if i == 0 or (is_note and i == len(widths) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    return "\n".join(lines)


def failures(told: Sequence[tuple[str, str]]) -> str:
    """Return the lines below a table for what has no row in it: a name and why each."""
    return "".join(f"\nnot measured: {name}: {why}" for name, why in told)


def save(name: str, machine: dict[str, object], settings: dict[str, object], results: object, text: str) -> Path:
    """Write results/NAME.json and the table beside it, and return the former's path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = machine | {"load_average_after": os.getloadavg()[0]}
    whole = {"machine": machine, "settings": settings, "results": results}
    path.write_text(json.dumps(_rounded(whole), indent=1) + "\n")
    top = f"{machine['date']}, {machine['cpu']}, {machine['python']}\n{settings}\n\n"
    (RESULTS / f"{name}.txt").write_text(top + text + "\n")
    return path


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most of some values."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def thousands(value: float) -> str:
    """Return requests per second as people say them: 139.2 k, or 980."""
    return f"{value / 1000:.1f} k" if value >= 1000 else f"{value:.0f}"


def ratio(value: float, of: float | None) -> str:
    """Return a ratio, or a dash when there is nothing to compare with."""
    return f"{value / of:.2f}" if of else "-"


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
