"""Settings for a part of URLS: for one view, or for a nested table and everything in it.

    @rate_limit("10/minute")                          a view
    def search(q: str): ...

    URLS = {"/api": rate_limit("10/minute")({         a nested table
        "/cats": cats,
    })}

In: a mark, and a view or a value of URLS. Out: a function with an attribute, or the value with its marks. What a mark
means is decided by the app; which parts of URLS it is for, by where it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast, overload

from msgspec import Struct

View = TypeVar("View", bound=Callable[..., object])
_ATTRIBUTE = "__fanlight_marks__"


class RouteMark:
    """A setting for a part of URLS; subclasses hold what it is."""

    @overload
    def __call__(self, inner: View) -> View: ...  # type: ignore[overload-overlap]  # only functions are marked
    @overload
    def __call__(self, inner: object) -> Marked: ...
    def __call__(self, inner: Any) -> Any:
        """Mark a function, or return anything else (a table, a text) with this mark. The outermost is applied first."""
        if not isinstance(inner, FunctionType):
            return Marked(inner, self)
        setattr(inner, _ATTRIBUTE, (self, *marks_of(inner)))
        return inner


class Marked(Struct, frozen=True):
    """A value of URLS with a mark.

    It is not a mapping, on purpose: `{**table}` would give the table without the mark that guards it.
    """

    inner: object
    mark: RouteMark


def marks_of(view: object) -> tuple[RouteMark, ...]:
    """Return the marks of a view, the outermost first."""
    return cast("tuple[RouteMark, ...]", getattr(view, _ATTRIBUTE, ()))
