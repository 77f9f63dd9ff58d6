"""Middleware for a single view, or for a part of URLS.

    @middleware(timing)                               a view
    def report(): ...

    URLS = {"/admin": middleware(log, guard)({        a nested table: for everything in it
        "/": dashboard,
    })}

In: generator functions, the outermost first. Out: the mark with them. How middleware runs is in `app/middleware.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fanlight.message.route_marks import RouteMark

Middleware = Callable[..., object]


class MiddlewareMark(RouteMark):
    """Adds middleware, the outermost first, to a view or a table; `middleware(...)` makes it."""

    def __init__(self, functions: tuple[Middleware, ...]) -> None:
        self.functions = functions


def middleware(*functions: Middleware) -> MiddlewareMark:
    """Add middleware to a view or a nested table, the outermost first: `@middleware(timing, guard)`."""
    return MiddlewareMark(functions)


def middleware_of(marks: Iterable[object]) -> tuple[Middleware, ...]:
    """Return the middleware among some marks, the outermost first."""
    return tuple(each for mark in marks if isinstance(mark, MiddlewareMark) for each in mark.functions)
