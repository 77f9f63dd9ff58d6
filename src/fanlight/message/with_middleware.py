"""Put steps around a single view, or around a part of URLS.

    @middleware(timing)                               a view: @around stands on it, like @lane
    def report(): ...

    URLS = {"/admin": middleware(log, guard)({        a nested table: the steps are around all in it
        "/": dashboard,
    })}

In: generator functions, the outermost first. Out: a marked function, or what was given with its
steps beside it. Runs nothing: what a step is, the room `app` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar, cast, overload

View = TypeVar("View", bound=Callable[..., object])
Step = Callable[..., object]
MIDDLEWARE_ATTRIBUTE = "__fanlight_middleware__"


@dataclass(frozen=True, slots=True)
class WithMiddleware:
    """A value of URLS with its steps.

    It is no mapping, on purpose: `{**table}` would give the table without what guards it.
    """

    inner: object
    steps: tuple[Step, ...]


class MiddlewareMarker:
    """Steps, ready to be put around something; `middleware(...)` makes it."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        """Take the steps, outermost first."""
        self._steps = steps

    @overload
    def __call__(self, inner: View) -> View: ...  # type: ignore[overload-overlap]  # what is not called is wrapped
    @overload
    def __call__(self, inner: object) -> WithMiddleware: ...
    def __call__(self, inner: Any) -> Any:
        """Mark a function, or return anything else (a table, a text) with its steps."""
        if not isinstance(inner, FunctionType):
            return WithMiddleware(inner, self._steps)
        setattr(inner, MIDDLEWARE_ATTRIBUTE, (*self._steps, *middleware_of(inner)))
        return inner


def middleware(*steps: Step) -> MiddlewareMarker:
    """Put generator functions around a view or a nested table, the outermost first: `@middleware(timing, guard)`."""
    return MiddlewareMarker(steps)


def middleware_of(view: object) -> tuple[Step, ...]:
    """Return the steps with which a view was marked."""
    return cast("tuple[Step, ...]", getattr(view, MIDDLEWARE_ATTRIBUTE, ()))
