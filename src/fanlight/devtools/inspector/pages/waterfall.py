"""The waterfall: each stage of an exchange as a bar, to scale, under a time axis.

In: an exchange. Out: rows and ticks for a template, in percent of the whole width. A bar that would be too thin to be
seen keeps its place; the template draws it with a line of its own. Bounded in rows: the longest stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.pages.corridor import end_of
from fanlight.devtools.inspector.pages.figures import duration

MAX_ROWS = 60
MAX_TICKS = 6
MINUTE = 60.0  # seconds
MAX_PIECES = 200  # bars in one row
_NAMED = ("middleware", "dependency", "template", "query")
_GROUPED = ("query", "template")
_ANCHORS = {
    "template": "templates",
    "query": "queries",
    "view": "view",
    "error view": "error-view-1",
    "arguments": "arguments",
    "compression": "compression",
    "response": "response",
}
_KINDS = (
    "received",
    "waited",
    "middleware",
    "dependency",
    "arguments",
    "view",
    "template",
    "query",
    "compression",
    "response",
    "sent",
)


@dataclass(slots=True)
class Bar:
    """A row: a stage, when it began, how long it took."""

    kind: str
    name: str
    begin: float
    seconds: float
    left: float  # percent
    width: float
    anchor: str
    depth: int = 0
    is_running: bool = False
    count: int = 1
    pieces: list[tuple[float, float]] = field(default_factory=list)  # left and width of each, if there are several
    inner: tuple[float, float] | None = None  # left and width of what is enclosed, for middleware


@dataclass(slots=True)
class Waterfall:
    """All rows, and the axis."""

    bars: list[Bar]
    ticks: list[tuple[float, str]]  # percent, and a text
    left_out: int


def waterfall(exchange: Exchange) -> Waterfall:
    """Return the waterfall of an exchange."""
    rows = sorted(_rows(exchange), key=lambda row: (row.begin, -row.seconds))
    whole = max([exchange.seconds, *(row.begin + row.seconds for row in rows)], default=0.0) or 1e-6
    ends: list[float] = []
    for row in rows:
        row.left, row.width = _percent(row.begin, whole), max(0.05, _percent(row.seconds, whole))
        if row.inner is not None:
            row.inner = _percent(row.inner[0], whole), _percent(row.inner[1] - row.inner[0], whole)
        while ends and ends[-1] < row.begin + row.seconds - 1e-9:
            ends.pop()
        row.depth = min(len(ends), 6)
        ends.append(row.begin + row.seconds)
    rows = _grouped(rows)
    left_out = max(0, len(rows) - MAX_ROWS)
    if left_out:
        longest = {id(row) for row in sorted(rows, key=lambda row: row.seconds)[left_out:]}
        rows = [row for row in rows if id(row) in longest]
    return Waterfall(rows, _ticks(whole), left_out)


def _grouped(rows: list[Bar]) -> list[Bar]:
    """Return the rows with queries of one text, and templates of one name at one depth, in one row with many bars."""
    found: list[Bar] = []
    groups: dict[tuple[str, str, int], Bar] = {}
    for row in rows:
        key = row.kind, row.name, row.depth
        first = groups.get(key)
        if first is None or row.kind not in _GROUPED:
            groups[key] = row
            found.append(row)
            continue
        first.pieces = first.pieces or [(first.left, first.width)]
        if len(first.pieces) < MAX_PIECES:
            first.pieces.append((row.left, row.width))
        first.count += 1
        first.seconds += row.seconds
        first.is_running = first.is_running or row.is_running
    return found


def _percent(seconds: float, whole: float) -> float:
    return round(min(100.0, max(0.0, 100 * seconds / whole)), 3)


def _rows(exchange: Exchange) -> list[Bar]:
    """Return the stages: those that every exchange has, and its spans."""
    last = exchange.received[-1].at if exchange.received else 0.0
    rows = [Bar("received", "received", 0.0, exchange.content_at or last, 0, 0, "received")]
    run = exchange.run
    if run is not None and run.began:
        begin = max(0.0, run.began - run.waited)
        rows.append(Bar("waited", "waited", begin, run.waited, 0, 0, "lane"))
        if not any(span.kind == "view" for span in exchange.spans):
            rows.append(Bar("view", "ran", run.began, run.seconds, 0, 0, "lane"))
    for number, span in enumerate(exchange.spans):
        anchor = _ANCHORS.get(span.kind, f"span-{number}")
        kind = span.kind if span.kind in _KINDS else "other"
        name = span.name if span.kind in _NAMED else f"{span.kind}: {span.name}"
        if span.kind == "query":
            name = " ".join(span.detail.get("sql", span.name).split())
        name = span.kind if span.name in ("", span.kind) else name
        bar = Bar(kind, name[:80], span.begin, end_of(span, exchange) - span.begin, 0, 0, anchor, inner=span.inner)
        bar.is_running = span.end < 0
        rows.append(bar)
    if exchange.sent:
        begin = exchange.response_at or exchange.sent[0].at
        rows.append(Bar("sent", "sent", begin, max(0.0, exchange.seconds - begin), 0, 0, "sent"))
    return rows


def _ticks(whole: float) -> list[tuple[float, str]]:
    """Return round times along the axis, at most MAX_TICKS, all in one unit below a minute."""
    rough = whole / MAX_TICKS
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    count = int(whole / step + 1e-9)
    factor, unit = (1000, "ms") if whole < 1 else (1, "s")
    digits = max(0, -math.floor(math.log10(step * factor)))
    moments = [step * number for number in range(count + 1)]
    return [
        (_percent(each, whole), f"{each * factor:.{digits}f} {unit}" if whole < MINUTE or not each else duration(each))
        for each in moments
    ]
