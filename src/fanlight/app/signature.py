"""Read a view's parameters: names, annotations, defaults, and where the view is written.

In: whatever stands as a view. Out: its `Signature`, annotations resolved. Refuses, with file and
line, what no request can ever fill: positional-only parameters and annotations that can't be read.
Knows nothing of routes, and calls nothing.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import TypeVar

from fanlight.errors import Mistake, SetupError
from fanlight.message import LIMITS_MARK, MARK, Lane, RouteLimits

View = Callable[..., object]
M = TypeVar("M")

# What an annotation that stands as text raises when it is looked at.
_UNREADABLE = (NameError, AttributeError, LookupError, SyntaxError, TypeError, ValueError, re.error)


class Absent(Enum):
    """What stands where there is no value, and where None would be one."""

    MISSING = "missing"  # there is none
    LEAVE_OUT = "leave out"  # there is none, and need not be: the view has a default


MISSING = Absent.MISSING
LEAVE_OUT = Absent.LEAVE_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing that a view asks for; annotation and default are MISSING where it gives none."""

    name: str
    annotation: object = MISSING
    default: object = MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a view asks for. `takes_more`: it has `**names`, which take what is left of the path."""

    name: str  # as one says it: "views.post"
    place: str  # "views.py:12", "" where it is written nowhere
    parameters: tuple[Parameter, ...]
    takes_more: bool = False
    fixed: frozenset[str] = frozenset()  # what a partial has filled already

    def mistake(self, message: str, hint: str = "") -> Mistake:
        """Return a mistake of this view."""
        return Mistake(message=message, places=(self.place,) if self.place else (), hint=hint)


def read_signature(view: View, folder: Path | None = None) -> Signature:
    """Return what a view asks for. Raises SetupError with all that is wrong with its parameters."""
    name, place = called(view), place_of(view, folder)
    blank = Signature(name=name, place=place, parameters=())
    try:
        found = inspect.signature(view)
    except _UNREADABLE as error:
        raise SetupError([blank.mistake(f"the parameters of {name} can't be read: {error}")]) from None
    mistakes: list[Mistake] = []
    parameters: list[Parameter] = []
    takes_more = False
    fixed = _fixed(view)
    for parameter in found.parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            hint = f'remove the "/" behind "{parameter.name}": parameters are given by name'
            mistakes.append(blank.mistake(f"{name} takes {parameter.name} by position only", hint))
        elif parameter.kind is parameter.VAR_KEYWORD:
            takes_more = True
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in fixed:
            try:
                parameters.append(_read(parameter, view))
            except _UNREADABLE as error:
                message = f"the annotation of {parameter.name} in {name} can't be read: {error}"
                mistakes.append(blank.mistake(message, _annotation_hint(error)))
    if mistakes:
        raise SetupError(mistakes)
    return Signature(name=name, place=place, parameters=tuple(parameters), takes_more=takes_more, fixed=fixed)


def _read(parameter: inspect.Parameter, view: View) -> Parameter:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        annotation = MISSING
    else:
        # One at a time, so that one which can't be read (or the return's, which nobody needs) spoils no other.
        holder = SimpleNamespace(__annotations__={"it": annotation})
        function = function_of(view)
        names = getattr(function, "__globals__", {})
        annotation = typing.get_type_hints(holder, names, _enclosed(function), include_extras=True)["it"]
    default = MISSING if parameter.default is parameter.empty else parameter.default
    return Parameter(name=parameter.name, annotation=annotation, default=default)


def _enclosed(function: object) -> dict[str, object]:
    """Return the names that a function sees of the function around it."""
    if not isinstance(function, FunctionType) or not function.__closure__:
        return {}
    found: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
    return found


def _annotation_hint(error: Exception) -> str:
    if isinstance(error, NameError):
        return f"import {error.name} at the top of the file, outside `if TYPE_CHECKING:`" if error.name else ""
    if isinstance(error, re.error):
        return "Meta(pattern=...) takes a regular expression"
    return "write a type, like int, list[str] or date"


def _fixed(view: View) -> frozenset[str]:
    """Return the names a partial has filled.

    SECURITY: tests/app/test_signature.py; to Python these are mere defaults, but what the app's
    author has set must not be set anew by a query.
    """
    names: set[str] = set()
    while isinstance(view, functools.partial):
        names.update(view.keywords)
        view = view.func
    return frozenset(names)


def function_of(view: object) -> object:
    """Return the plain function behind partials, wrappers, methods and callable objects."""
    while True:
        if isinstance(view, functools.partial):
            view = view.func
        elif hasattr(view, "__wrapped__"):
            view = view.__wrapped__
        elif inspect.ismethod(view):
            view = view.__func__
        elif isinstance(view, FunctionType) or inspect.isbuiltin(view) or isinstance(view, type):
            return view
        elif isinstance(call := _call_of(view), FunctionType):
            view = call
        else:
            return view


def _call_of(view: object) -> object:
    """Return what runs when an object is called: of a plain function, nothing written in Python."""
    return inspect.getattr_static(type(view), "__call__", None)


def is_async(view: View) -> bool:
    """Say whether calling a view gives a coroutine; async generators give a stream, at once."""
    while isinstance(view, functools.partial):
        view = view.func
    return inspect.iscoroutinefunction(view) or inspect.iscoroutinefunction(_call_of(view))


def pinned_lane(view: object) -> Lane | None:
    """Return the lane that `@lane` has pinned a view to, None if it has not."""
    return _mark_of(view, MARK, Lane)


def own_limits(view: object) -> RouteLimits | None:
    """Return what `@limits` says of a view, None if it says nothing."""
    return _mark_of(view, LIMITS_MARK, RouteLimits)


def _mark_of(view: object, name: str, kind: type[M]) -> M | None:
    """Return what a decorator has written on a view, or on what runs when it is called."""
    while view is not None:
        for marked in (view, _call_of(view)):
            mark = getattr(marked, name, None)
            if isinstance(mark, kind):
                return mark
        view = view.func if isinstance(view, functools.partial) else None
    return None


def called(view: object) -> str:
    """Return how one speaks of a view: "views.post", without the module where that is only the start file."""
    function = function_of(view)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    name = name.replace("<locals>.", "").removesuffix(".__call__")
    module = getattr(function, "__module__", "") or ""
    return name if module in ("", "__main__", "main") else f"{module}.{name}"


def place_of(view: object, folder: Path | None = None) -> str:
    """Return "views.py:12" for a function of Python's, "" for anything else."""
    code = getattr(function_of(view), "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    path = Path(code.co_filename)
    if folder is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return f"{path.as_posix()}:{code.co_firstlineno}"
