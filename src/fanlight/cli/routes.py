"""Format the routes of a site for the terminal, and explain which one a request matches."""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.app.application import Application
from fanlight.pages.static.static import Static
from fanlight.routing.key import METHODS
from fanlight.routing.path import browser_path
from fanlight.routing.route import Route
from fanlight.routing.table import Table
from fanlight.settings.start_directory import short_path

_ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def format_routes(table: Table) -> list[str]:
    """Return a line for each route: its methods, pattern, view and source location."""
    rows = [
        (
            _methods_of(route),
            route.address,
            _short_repr(route.view) if isinstance(route.view, Static) else route.full_name or _short_repr(route.view),
            short_path(route.place),
        )
        for route in table.routes
    ]
    rows += [("ANY", *redirect) for redirect in table.redirects]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]


def explain_match(app: Application, question: str) -> list[str]:
    """Return which route a request matches, and why; `question` is "[METHOD ]PATH"."""
    method, space, path = question.partition(" ")
    if not space:
        method, path = "GET", question
    path = path.partition("?")[0]
    if app.has_hosts:  # "example.org/path", with or without its scheme
        path = f"//{path.partition('://')[2] or path.removeprefix('//')}"
    lines = app.table.explain(method.upper(), path)
    found = app.table.find(method.upper(), browser_path(path))
    static = found[0].view if isinstance(found, tuple) else None
    if isinstance(found, tuple) and isinstance(static, Static):
        route, parameters = found
        lines.insert(2, f"     {app.statics.explain(static, route.pattern, str(parameters.get('path', '')))}")
    return lines


def _methods_of(route: Route) -> str:
    """Return the methods of a route; all that there are is "ANY"."""
    return "ANY" if len(route.methods) == len(METHODS) else "|".join(in_order(route.methods))


def in_order(methods: Iterable[str]) -> list[str]:
    """Return methods in the order in which people name them."""
    return sorted(methods, key=lambda method: (_ORDER.index(method) if method in _ORDER else len(_ORDER), method))


def _short_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
