"""Draw bars as SVG: horizontal, in groups, one file in light colours and one in dark ones.

In: a title, a description, and groups of labelled values. Out: the text of an SVG. It is small, names itself for screen
readers, and can be read on a phone: the text is 16 of 480 units high, and every value stands beside its bar, so nothing
depends on telling colours apart. The colours are Okabe and Ito's, which are safe for the colour-blind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, MARGIN = 480, 12
TEXT, LINE, BAR, GAP = 16, 22, 16, 12  # heights
VALUE_WIDTH = 84  # room for a value behind the longest bar
NATURAL_WIDTH = 600  # pixels, where there is room


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a drawing: what is behind it, its text, and those of the bars, which series name by number."""

    background: str
    text: str
    bars: tuple[str, ...]


THEMES = {
    "": Theme("#ffffff", "#1f2328", ("#0072b2", "#c45500", "#6e7781")),
    "-dark": Theme("#0d1117", "#e6edf3", ("#56b4e9", "#e69f00", "#8b949e")),
}
OURS, BEFORE, OTHERS = range(3)


@dataclass(frozen=True, slots=True)
class Bar:
    """One value: how long its bar is, what is written behind it, and which series it belongs to."""

    value: float
    shown: str
    series: int = OURS


@dataclass(frozen=True, slots=True)
class Group:
    """Some bars below a label."""

    label: str
    bars: Sequence[Bar]


def bars(
    title: str, description: str, groups: Sequence[Group], theme: Theme, legend: Sequence[tuple[int, str]] = ()
) -> str:
    """Return an SVG of bars, to one scale."""
    longest = max((bar.value for group in groups for bar in group.bars), default=1.0) or 1.0
    scale = (WIDTH - 2 * MARGIN - VALUE_WIDTH) / longest
    parts, y = [], MARGIN + TEXT
    for line in _wrapped(title):
        parts.append(f'<text x="{MARGIN}" y="{y}" font-weight="600">{escape(line)}</text>')
        y += LINE
    for series, name in legend:
        parts.append(f'<rect x="{MARGIN}" y="{y - 13}" width="14" height="14" fill="{theme.bars[series]}"/>')
        parts.append(f'<text x="{MARGIN + 22}" y="{y}">{escape(name)}</text>')
        y += LINE
    y += GAP // 2
    for group in groups:
        parts.append(f'<text x="{MARGIN}" y="{y}">{escape(group.label)}</text>')
        y += 6
        for bar in group.bars:
            length = max(1.0, bar.value * scale)
            size = f'width="{length:.1f}" height="{BAR}" rx="2"'
            parts.append(f'<rect x="{MARGIN}" y="{y}" {size} fill="{theme.bars[bar.series]}"/>')
            parts.append(f'<text x="{MARGIN + length + 6:.1f}" y="{y + 14}">{escape(bar.shown)}</text>')
            y += BAR + 3
        y += GAP + TEXT - 3
    height = y - TEXT + MARGIN
    natural = f'width="{NATURAL_WIDTH}" height="{height * NATURAL_WIDTH / WIDTH:.0f}"'
    text = f'font-family="system-ui, sans-serif" font-size="{TEXT}" fill="{theme.text}"'
    described = 'role="img" aria-labelledby="title description"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {natural} {described} {text}>',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="{theme.background}"/>',
    ]
    return "\n".join([*head, *parts, "</svg>\n"])


def _wrapped(text: str, most: int = 52) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
