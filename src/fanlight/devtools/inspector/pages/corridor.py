"""The way of one exchange, in the order in which it went: what encloses the view, templates as a tree, queries by text.

In: the spans of an exchange. Out: lists for a template. What encloses the rest (middleware, dependencies) is returned
from the outside in; it is left in the opposite order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fanlight.devtools.inspector.exchange_record import Exchange, Span

MAX_STATEMENTS = 100  # different ones
MAX_TEMPLATES = 100
MAX_DEPTH = 8  # of the tree, as it is drawn
REPEATED = 2  # a statement that has run as often is marked
_ENCLOSING = ("middleware", "dependency")


@dataclass(slots=True)
class Wrap:
    """What encloses the view: in, and out again."""

    kind: str
    name: str
    place: str
    anchor: str
    entered_at: float
    in_seconds: float  # from its beginning to that of what it encloses
    left_at: float
    out_seconds: float  # behind what it encloses; -1: it never came back, or has nothing to do there
    error: str
    is_closed: bool


@dataclass(slots=True)
class TemplateNode:
    """A template that was rendered, with those in it further down in the list, one level deeper."""

    name: str
    place: str
    depth: int
    begin: float
    seconds: float
    own_seconds: float  # without the templates in it
    context: dict[str, str]
    error: str
    count: int = 1  # how often it was rendered here, one after the other


@dataclass(slots=True)
class Statement:
    """An SQL statement, and how often it has run."""

    sql: str
    count: int = 0
    seconds: float = 0.0
    first_at: float = 0.0
    places: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def is_repeated(self) -> bool:
        """Whether it could perhaps be one query."""
        return self.count >= REPEATED


def end_of(span: Span, exchange: Exchange) -> float:
    """Return when a span ended; the last moment that is known, if it runs."""
    return span.end if span.end >= 0 else max(span.begin, exchange.seconds)


def wraps(exchange: Exchange) -> list[Wrap]:
    """Return what encloses the view, the outermost first."""
    found = []
    for number, span in enumerate(exchange.spans):
        if span.kind not in _ENCLOSING:
            continue
        end = end_of(span, exchange)
        inner = span.inner
        is_closed = inner is not None and inner[1] >= inner[0] and inner[1] > 0
        found.append(
            Wrap(
                kind=span.kind,
                name=span.name,
                place=span.place,
                anchor=f"span-{number}",
                entered_at=span.begin,
                in_seconds=(end if inner is None else inner[0]) - span.begin,
                left_at=end,
                out_seconds=end - inner[1] if inner is not None and is_closed else -1.0,
                error=span.error,
                is_closed=is_closed,
            )
        )
    return sorted(found, key=lambda each: (each.entered_at, -each.left_at))


def templates(exchange: Exchange) -> list[TemplateNode]:
    """Return the templates as a tree in a list: in the order of their beginning, each below the one it is in."""
    spans = sorted((s for s in exchange.spans if s.kind == "template"), key=lambda s: (s.begin, -end_of(s, exchange)))
    nodes: list[TemplateNode] = []
    open_nodes: list[tuple[float, TemplateNode]] = []
    for span in spans:
        end = end_of(span, exchange)
        while open_nodes and open_nodes[-1][0] < end:
            open_nodes.pop()
        seconds = end - span.begin
        if open_nodes:
            open_nodes[-1][1].own_seconds -= seconds
        depth = min(len(open_nodes), MAX_DEPTH)
        before = nodes[-1] if nodes else None
        if before is not None and (before.name, before.depth) == (span.name, depth) and not before.error:
            before.count += 1
            before.seconds += seconds
            before.own_seconds += seconds
            before.error = span.error
            open_nodes.append((end, before))
            continue
        node = TemplateNode(span.name, span.place, depth, span.begin, seconds, seconds, span.detail, span.error)
        if len(nodes) < MAX_TEMPLATES:
            nodes.append(node)
        open_nodes.append((end, node))
    return nodes


def statements(exchange: Exchange) -> list[Statement]:
    """Return the SQL statements, each once, in the order in which they ran first."""
    found: dict[str, Statement] = {}
    for span in exchange.spans:
        if span.kind != "query":
            continue
        sql = " ".join(span.detail.get("sql", span.name).split())
        if sql not in found and len(found) >= MAX_STATEMENTS:
            continue
        each = found.setdefault(sql, Statement(sql, first_at=span.begin))
        each.count += 1
        each.seconds += end_of(span, exchange) - span.begin
        each.error = each.error or span.error
        if span.place and span.place not in each.places:
            each.places.append(span.place)
        if "rows" in span.detail and len(each.rows) < 10:
            each.rows.append(span.detail["rows"])
    return list(found.values())


def others(exchange: Exchange, *kinds: str) -> list[Span]:
    """Return the spans of some kinds."""
    return [span for span in exchange.spans if span.kind in kinds]
