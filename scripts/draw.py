"""Draw the code's structure for docs/map.md: the rooms with their imports, and one request's calls.

    .venv/bin/python scripts/draw.py          writes docs/images/{rooms,server,request}.svg

The rooms come from the imports in the source, the request from a real one: a site is served, and the calls of the
server's thread are recorded from the bytes' arrival to the next wait. tests/docs/test_images.py compares the
files with the code.
"""

from __future__ import annotations

import ast
import inspect
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = REPOSITORY / "src" / "fanlight"
IMAGES = REPOSITORY / "docs" / "images"

Graph = Mapping[str, set[str]]

BOX_WIDTH, BEND_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 132, 8, 40, 28, 46, 24
ROW_HEIGHT, INDENT, WIDTH = 22, 16, 1180
MOST_WORDS = 86
WARM_UP = 300
COLOURS = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3", "#ede9fe", "#ccfbf1", "#fee2e2", "#e2e8f0", "#ffedd5")


# --- the rooms -----------------------------------------------------------------------------------


def imports_of(folder: Path, prefix: str) -> Graph:
    """Return which entries of a folder (packages and modules) import which others of the same folder."""
    graph: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        room = file.relative_to(folder).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        found = graph.setdefault(room, set())
        for node in ast.walk(ast.parse(file.read_text())):
            names = [f"{node.module}.{each.name}" for each in node.names] if isinstance(node, ast.ImportFrom) else []
            inner = [name.removeprefix(f"{prefix}.").partition(".")[0] for name in names if name.startswith(prefix)]
            found.update(each for each in inner if each != room)
    return {room: {each for each in found if each in graph} for room, found in graph.items()}


def floors(graph: Graph) -> dict[str, int]:
    """Return the floor of each room: 0 for those that import no other, else one above the highest that it imports.

    Raises ValueError where rooms import each other in a circle, which no drawing can put on floors.
    """
    known: dict[str, int] = {}

    def floor(room: str, way: tuple[str, ...]) -> int:
        if room in way:
            raise ValueError(f"rooms import each other: {' -> '.join((*way, room))}")
        if room not in known:
            known[room] = 1 + max((floor(each, (*way, room)) for each in sorted(graph[room])), default=-1)
        return known[room]

    for room in graph:
        floor(room, ())
    return known


def direct(graph: Graph) -> Graph:
    """Return only the imports that no longer path implies, so that the drawing stays readable."""

    def below(room: str) -> set[str]:
        return set().union(*({each} | below(each) for each in graph[room]))

    return {
        room: {each for each in found if not any(each in below(other) for other in found - {each})}
        for room, found in graph.items()
    }


@dataclass(frozen=True, slots=True)
class Arrow:
    """An import, as the items that it passes on its way down: rooms at its ends, bends on the floors between."""

    items: tuple[str, ...]


def draw_rooms(graph: Graph, title: str) -> str:
    """Return an SVG of rooms on their floors; each arrow is an import, those implied by others are left out."""
    floor_of = floors(graph)
    rows: list[list[str]] = [[] for _ in range(max(floor_of.values()) + 1)]
    for room, floor in sorted(floor_of.items()):
        rows[floor].append(room)
    arrows = []
    for room, found in sorted(direct(graph).items()):
        for each in sorted(found):
            bends = [f"{room}>{each}/{floor}" for floor in range(floor_of[room] - 1, floor_of[each], -1)]
            for floor, bend in zip(range(floor_of[room] - 1, floor_of[each], -1), bends, strict=True):
                rows[floor].append(bend)
            arrows.append(Arrow((room, *bends, each)))
    x_of = _placed(rows, arrows)
    width = max(x_of.values()) + BOX_WIDTH / 2 + MARGIN
    y_of = {
        item: MARGIN + (len(rows) - 1 - floor) * (BOX_HEIGHT + GAP_Y) for floor, row in enumerate(rows) for item in row
    }
    parts = [_arrow([(x_of[item], y_of[item]) for item in arrow.items]) for arrow in arrows]
    for room, floor in sorted(floor_of.items()):
        x, y = x_of[room], y_of[room]
        colour = COLOURS[floor % len(COLOURS)]
        size = f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}"'
        parts.append(f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y:g}" {size} rx="6" fill="{colour}"/>')
        parts.append(f'<text class="name" x="{x:g}" y="{y + 25:g}">{escape(room)}</text>')
    return _svg(width, 2 * MARGIN + len(rows) * BOX_HEIGHT + (len(rows) - 1) * GAP_Y, title, parts)


def _placed(rows: list[list[str]], arrows: list[Arrow]) -> dict[str, float]:
    """Return the middle of each item, each row ordered by where its neighbours stand, so that few arrows cross."""
    neighbours: dict[str, list[str]] = {item: [] for row in rows for item in row}
    for arrow in arrows:
        for upper, lower in pairwise(arrow.items):
            neighbours[upper].append(lower)
            neighbours[lower].append(upper)
    sizes = {item: BEND_WIDTH if "/" in item else BOX_WIDTH for item in neighbours}
    widths = [sum(sizes[item] for item in row) + GAP_X * (len(row) - 1) for row in rows]
    x_of: dict[str, float] = {}
    for sweep in range(12):
        for row, width in list(zip(rows, widths, strict=True))[:: 1 if sweep % 2 else -1]:
            row.sort(
                key=lambda item: sum(known := [x_of[n] for n in neighbours[item] if n in x_of]) / max(1, len(known))
            )
            x = MARGIN + (max(widths) - width) / 2
            for item in row:
                x_of[item] = x + sizes[item] / 2
                x += sizes[item] + GAP_X
    return x_of


def _arrow(points: list[tuple[float, float]]) -> str:
    """Return the path of an arrow from the lower edge of its first point's box, through bends, to its last's box."""
    (x, y), path = points[0], ""
    y += BOX_HEIGHT
    path = f"M{x:g},{y:g}"
    for x2, y2 in points[1:]:
        end = y2 - 2 if (x2, y2) == points[-1] else y2
        bend = (y + end) / 2
        path += f" C{x:g},{bend:g} {x2:g},{bend:g} {x2:g},{end:g}"
        x, y = x2, end
        if (x2, y2) != points[-1]:
            y += BOX_HEIGHT
            path += f" L{x:g},{y:g}"
    return f'<path class="arrow" d="{path}"/>'


# --- one request ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function of Fanlight, or of the site's view."""

    depth: int
    where: str
    name: str
    words: str


class Recorder:
    """Records the calls of the server's thread from a request's arrival to the next wait for events."""

    def __init__(self) -> None:
        """Record nothing yet."""
        self.calls: list[tuple[int, CodeType]] = []
        self.is_done = threading.Event()
        self._is_on = self._has_sent = False
        self._depth = 0

    def begin(self) -> None:
        """Record the next request."""
        self.calls, self._depth, self._has_sent = [], 0, False
        self.is_done.clear()
        self._is_on = True

    def event(self, frame: FrameType, event: str, argument: object) -> None:
        """Handle an event of `sys.setprofile`."""
        if not self._is_on or threading.current_thread().name != "fanlight-test-server":
            return
        if event == "c_call" and self.calls:
            name = getattr(argument, "__name__", "")
            self._has_sent = self._has_sent or name == "send"
            if self._has_sent and name == "poll":
                self._is_on = False
                self.is_done.set()
        elif event == "call":
            self._depth += 1
            if frame.f_code.co_filename.startswith(str(ROOT)) or frame.f_code.co_name == "show_note":
                self.calls.append((self._depth, frame.f_code))
        elif event == "return":
            self._depth -= 1


def record_request() -> list[Call]:
    """Serve a site with a template, and return the calls that one request on a warm connection makes."""
    from fanlight import App, render  # noqa: PLC0415 - the drawings of the rooms need no site
    from fanlight.testing import Client  # noqa: PLC0415
    from fanlight.wire.http1 import http1_connection  # noqa: PLC0415

    compiled = http1_connection.read_plain_head

    def show_note(number: int) -> object:
        """The site's view."""  # noqa: D401
        return render("note.html", number=number)

    recorder = Recorder()
    threading.setprofile(recorder.event)
    http1_connection.read_plain_head = None  # the drawing shows the reader that is always there
    try:
        with tempfile.TemporaryDirectory() as folder:
            site, templates = Path(folder, "main.py"), Path(folder, "templates")
            site.touch()
            templates.mkdir()
            (templates / "note.html").write_text("<h1>Note {{ number }}</h1>")
            traces = []
            with Client(App({"/notes/{number:int}": show_note}, file=site)) as client:
                for _ in range(WARM_UP):  # until the first calls of a route, which are measured, are behind us
                    client.get("/notes/7")
                for _ in range(9):
                    recorder.begin()
                    client.get("/notes/7")
                    recorder.is_done.wait()
                    traces.append(recorder.calls)
    finally:
        http1_connection.read_plain_head = compiled
        threading.setprofile(None)  # type: ignore[arg-type]  # None ends it
    calls = min(traces[1:], key=len)  # the others were met by a timer
    first = min(depth for depth, _ in calls)
    return [Call(depth - first, *_described(code)) for depth, code in calls]


def _described(code: CodeType) -> tuple[str, str, str]:
    file = Path(code.co_filename)
    if ROOT not in file.parents:
        return "main.py", f"{code.co_name}()", "The site's view."
    words = ""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= code.co_firstlineno <= (
            node.body[0].lineno
        ):
            words = (inspect.cleandoc(ast.get_docstring(node) or "")).partition("\n")[0]
    return str(file.relative_to(ROOT)), f"{code.co_name.strip('<>')}()", words


def draw_request(calls: list[Call]) -> str:
    """Return an SVG of calls, in order: indented by their depth, coloured by their room, with their docstrings."""
    rooms = sorted({_room(call) for call in calls})
    parts = []
    shallow = {depth: index for index, depth in enumerate(sorted({call.depth for call in calls}))}
    for index, call in enumerate(calls):
        y = MARGIN + index * ROW_HEIGHT
        x = MARGIN + shallow[call.depth] * INDENT
        colour, name = COLOURS[rooms.index(_room(call)) % len(COLOURS)], escape(call.name)
        parts += [
            f'<rect x="{x}" y="{y}" width="{400 + 12 * INDENT - x}" height="{ROW_HEIGHT - 3}" rx="4" fill="{colour}"/>',
            f'<text x="{x + 8}" y="{y + 14}">{escape(call.where)} <tspan class="call">{name}</tspan></text>',
            f'<text class="words" x="{400 + 13 * INDENT}" y="{y + 14}">{escape(_cut(call.words))}</text>',
        ]
    return _svg(WIDTH, 2 * MARGIN + len(calls) * ROW_HEIGHT, "The calls of one request, in order", parts)


def _room(call: Call) -> str:
    parts = call.where.split("/")
    return "/".join(parts[:2]) if parts[0] == "server" and len(parts) > 2 else parts[0]


def _cut(words: str) -> str:
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1].rsplit(' ', 1)[0]} ..."


# --- SVG -----------------------------------------------------------------------------------------

_STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #0f172a }
.name { font-size: 14px; text-anchor: middle }
.call { font-weight: bold }
.words { font: 12px system-ui, sans-serif; fill: #475569 }
.arrow { fill: none; stroke: #94a3b8; stroke-width: 1.3; marker-end: url(#head) }
rect { stroke: #64748b; stroke-width: 0.8 }
"""


def _svg(width: float, height: float, title: str, parts: list[str]) -> str:
    size = f'width="{width:g}" height="{height:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0,0 L8,4 L0,8 z" fill="#94a3b8"/></marker>',
        f'<rect {size} fill="#ffffff" style="stroke: none"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


DRAWINGS = ("rooms.svg", "server.svg", "request.svg")


def images() -> dict[str, str]:
    """Return each drawing by its file name."""
    rooms = draw_rooms(imports_of(ROOT, "fanlight"), "The rooms of Fanlight, and what each imports")
    server = draw_rooms(imports_of(ROOT / "server", "fanlight.server"), "The rooms of server/, and what each imports")
    return dict(zip(DRAWINGS, (rooms, server, draw_request(record_request())), strict=True))


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY / "src"))
    for name, text in images().items():
        (IMAGES / name).write_text(text)
