"""The table of routes, as a person reads it."""

from __future__ import annotations

from pathlib import Path

from fanlight.app.application import Application
from fanlight.pages.static.static import Static
from fanlight.routing.path import browser_path
from fanlight.routing.table import Table

_ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def listed(table: Table) -> list[str]:
    """Return a line for each route: methods, pattern, what answers, where it is written."""
    rows = [
        (
            "|".join(sorted(route.methods, key=_rank)),
            route.pattern,
            _shown(route.view) if isinstance(route.view, Static) else route.name or _shown(route.view),
            _near(route.place),
        )
        for route in table.routes
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]


def explained(app: Application, question: str) -> list[str]:
    """Return what a request gets, and why; `question` is "[METHOD ]PATH"."""
    method, space, path = question.partition(" ")
    if not space:
        method, path = "GET", question
    path = path.partition("?")[0]
    told = app.table.explain(method.upper(), path)
    found = app.table.find(method.upper(), browser_path(path))
    static = found[0].view if isinstance(found, tuple) else None
    if isinstance(found, tuple) and isinstance(static, Static):
        route, parameters = found
        told.insert(2, f"     {app.statics.explain(static, route.pattern, str(parameters.get('path', '')))}")
    return told


def _rank(method: str) -> int:
    return _ORDER.index(method) if method in _ORDER else len(_ORDER)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _near(place: str) -> str:
    """Return a place relative to the current folder, where it is below it."""
    try:
        return str(Path(place).relative_to(Path.cwd()))
    except ValueError:
        return place
