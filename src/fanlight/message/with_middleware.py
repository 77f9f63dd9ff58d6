"""Middleware for a single view, or for a part of URLS.

    @middleware(timing)                               a view
    def report(): ...

    URLS = {"/admin": middleware(log, guard)({        a nested table: for everything in it
        "/": dashboard,
    })}

In: generator functions, the outermost first. Out: a function with an attribute, or the given value with its
middleware. How middleware runs is in `app/middleware.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast, overload

from msgspec import Struct

View = TypeVar("View", bound=Callable[..., object])
Middleware = Callable[..., object]
MIDDLEWARE_ATTRIBUTE = "__fanlight_middleware__"


class WithMiddleware(Struct, frozen=True):
    """A value of URLS with its middleware.

    It is not a mapping, on purpose: `{**table}` would give the table without the middleware that guards it.
    """

    inner: object
    middleware: tuple[Middleware, ...]


class MiddlewareMarker:
    """Adds middleware, the outermost first, to a view or a table; `middleware(...)` makes it."""

    def __init__(self, middleware: tuple[Middleware, ...]) -> None:
        self._middleware = middleware

    @overload
    def __call__(self, inner: View) -> View: ...  # type: ignore[overload-overlap]  # only functions are marked
    @overload
    def __call__(self, inner: object) -> WithMiddleware: ...
    def __call__(self, inner: Any) -> Any:
        """Mark a function, or return anything else (a table, a text) with its middleware."""
        if not isinstance(inner, FunctionType):
            return WithMiddleware(inner, self._middleware)
        setattr(inner, MIDDLEWARE_ATTRIBUTE, (*self._middleware, *middleware_of(inner)))
        return inner


def middleware(*functions: Middleware) -> MiddlewareMarker:
    """Add middleware to a view or a nested table, the outermost first: `@middleware(timing, guard)`."""
    return MiddlewareMarker(functions)


def middleware_of(view: object) -> tuple[Middleware, ...]:
    """Return the middleware of a view."""
    return cast("tuple[Middleware, ...]", getattr(view, MIDDLEWARE_ATTRIBUTE, ()))
