"""Settings for a part of URLS: for one view, or for a nested table and everything in it.

    @rate_limit("10/minute")                          a view
    def search(q: str): ...

    URLS = {"/api": rate_limit("10/minute")({         a nested table
        "/cats": cats,
    })}

In: a mark, and a view or a value of URLS. Out: the same function with an attribute, or the value with its marks. What a
mark means is decided by the app; which parts of URLS it is for, by where it is written: a view that is marked in one
place of URLS is a copy, so that it has no mark in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import update_wrapper
from types import FunctionType
from typing import Any, TypeVar, cast, overload

from msgspec import Struct

from fanlight.weakness import Weakness

View = TypeVar("View", bound=Callable[..., object])
_ATTRIBUTE = "__fanlight_marks__"
ORIGINAL = "__fanlight_original__"  # of a copy: the function by which `url_for` finds it


class RouteMark:
    """A setting for a part of URLS; subclasses hold what it is."""

    error_statuses: tuple[int, ...] = ()  # of the errors that it adds to a route

    @overload
    def __call__(self, inner: View) -> View: ...  # type: ignore[overload-overlap]  # only functions are marked
    @overload
    def __call__(self, inner: object) -> Marked: ...
    def __call__(self, inner: Any) -> Any:
        """Return a function, or anything else (a table, a text), with this mark. The outermost is applied first."""
        if not isinstance(inner, FunctionType):
            return Marked(inner, self)
        made = _copy_of(inner)
        setattr(made, _ATTRIBUTE, (self, *marks_of(inner)))
        return made

    def weaknesses(self) -> Iterable[Weakness]:
        """Return what the mark makes weaker than the defaults, without a place."""
        return ()


class Marked(Struct, frozen=True):
    """A value of URLS with a mark.

    It is not a mapping, on purpose: `{**table}` would give the table without the mark that guards it.
    """

    inner: object
    mark: RouteMark


def _copy_of(function: FunctionType) -> FunctionType:
    """Return a copy of a function: it has the same code, and attributes of its own."""
    # SECURITY: tests/protection/test_cross_site.py: one route of a view may be open while another is not
    parts = function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    made = FunctionType(*parts)
    update_wrapper(made, function)
    made.__kwdefaults__ = function.__kwdefaults__
    del vars(made)["__wrapped__"]  # it wraps nothing
    setattr(made, ORIGINAL, getattr(function, ORIGINAL, function))
    return made


def marks_of(view: object) -> tuple[RouteMark, ...]:
    """Return the marks of a view, the outermost first."""
    return cast("tuple[RouteMark, ...]", getattr(view, _ATTRIBUTE, ()))
