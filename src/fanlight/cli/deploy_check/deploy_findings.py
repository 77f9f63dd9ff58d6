"""A finding of `fanlight check --deploy`, and how a list of them is shown.

In: findings. Out: the same, the most severe first, and lines for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

# "weakened": a default that was weakened on purpose, which is named, and is no error.
Level = Literal["error", "warning", "weakened", "ok"]
_ORDER: tuple[Level, ...] = ("error", "warning", "weakened", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    level: Level
    message: str
    advice: str = ""


def sort_findings(found: Iterable[Finding]) -> list[Finding]:
    """Return findings with the most severe first."""
    return sorted(found, key=lambda each: _ORDER.index(each.level))


def format_findings(findings: Sequence[Finding]) -> str:
    """Return findings as lines for a terminal, with a count of each level."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{each.level:<9}{each.message}")
        if each.advice:
            lines.append(f"{'':<9}-> {each.advice}")
    errors, warnings, weakened, ok = (sum(each.level == level for each in findings) for level in _ORDER)
    counts = [f"{errors} error{'s' * (errors != 1)}", f"{warnings} warning{'s' * (warnings != 1)}"]
    return "\n".join([*lines, "", ", ".join([*counts, *([f"{weakened} weakened"] * bool(weakened)), f"{ok} ok"])])
