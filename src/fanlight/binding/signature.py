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
from types import FunctionType

from fanlight.binding.annotations import Marker, read_annotation
from fanlight.binding.callables import decorator_value, display_name, source_location, unwrap_callable
from fanlight.binding.metadata import AnnotationError, said
from fanlight.binding.scope import scope_of
from fanlight.errors import Mistake, SetupError
from fanlight.message.body_policy import LIMITS_ATTRIBUTE, RouteLimits
from fanlight.message.handler import Lane
from fanlight.message.lane import LANE_ATTRIBUTE
from fanlight.message.request import Request

View = Callable[..., object]

# The modules of what stands for a default_factory in a signature, or among the defaults of a Struct.
FACTORIES = ("dataclasses", "attr._make", "msgspec", "msgspec._core")
_WRITE_A_FUNCTION = "write a function that calls it with what it needs, and name that"
_WRITE_A_TYPE = "write a type, like int, list[str] or date"
# What an annotation that stands as text raises when it is looked at.
UNREADABLE = (NameError, AttributeError, LookupError, SyntaxError, TypeError, ValueError, re.error)


class Sentinel(Enum):
    """What stands where there is no value, and where None would be one."""

    MISSING = "missing"  # there is none
    OMIT = "leave out"  # there is none, and need not be: the view has a default


MISSING = Sentinel.MISSING
OMIT = Sentinel.OMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing that a view asks for; annotation and default are MISSING where it gives none."""

    name: str
    annotation: object = MISSING  # the type alone, without aliases and marks
    mark: Marker | None = None  # where it comes from, if the annotation says so
    written: object = MISSING  # the annotation as the view has it
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
    name, place = display_name(view), source_location(view, folder)
    blank = Signature(name=name, place=place, parameters=())
    try:
        found = _signature_of(view)
    except UNREADABLE as error:
        raise SetupError(
            [blank.mistake(f"the parameters of {name} can't be read: {error}", _WRITE_A_FUNCTION)]
        ) from None
    mistakes: list[Mistake] = []
    parameters: list[Parameter] = []
    takes_more = False
    if _says_nothing(unwrap_callable(view), found):
        message = f"the parameters of {name} say nothing of what they take"
        raise SetupError([blank.mistake(message, _WRITE_A_FUNCTION)])
    fixed = _fixed(view)
    for parameter in found.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            mistakes += _marks_of_many(parameter, view, blank)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            hint = f'remove the "/" behind "{parameter.name}": parameters are given by name'
            mistakes.append(blank.mistake(f"{name} takes {parameter.name} by position only", hint))
        elif parameter.kind is parameter.VAR_KEYWORD:
            takes_more = True
        elif parameter.kind is parameter.VAR_POSITIONAL or parameter.name in fixed or _is_private(parameter, view):
            continue
        else:
            try:
                parameters.append(_read(parameter, view))
            except UNREADABLE as error:
                message = f"the annotation of {parameter.name} in {name} can't be read: {error}"
                mistakes.append(blank.mistake(message, annotation_hint(error) or _WRITE_A_TYPE))
    if mistakes:
        raise SetupError(mistakes)
    return Signature(name=name, place=place, parameters=tuple(parameters), takes_more=takes_more, fixed=fixed)


def _is_private(parameter: inspect.Parameter, view: View) -> bool:
    """Say whether a class keeps a parameter for itself, so that no client sets it."""
    return isinstance(view, type) and parameter.name.startswith("_") and parameter.default is not parameter.empty


def _marks_of_many(parameter: inspect.Parameter, view: View, blank: Signature) -> list[Mistake]:
    """Refuse `*names` and `**names` that ask for more than what is left of the path."""
    if parameter.annotation is parameter.empty:
        return []
    try:
        reading = _read(parameter, view)
    except UNREADABLE:  # nobody needs its type
        return []
    if reading.mark is None and typing.get_origin(reading.annotation) is not typing.Unpack:
        return []
    hint = "write one parameter for each thing that it takes"
    return [blank.mistake(f"{parameter} in {blank.name} takes nothing but what is left of the path", hint)]


def _signature_of(view: View) -> inspect.Signature:
    """Return what Python knows of the parameters; it takes a static `__call__` for a method."""
    call = inspect.getattr_static(type(view), "__call__", None)
    is_static = isinstance(call, staticmethod) and not isinstance(view, type)
    return inspect.signature(call.__func__ if is_static else view)


def reject_markers(function: View, name: str, place: str, takes: str) -> Mistake | None:
    """Return a mistake for a parameter that is a mark, of a function that is given only what it `takes`.

    SECURITY: tests/binding/test_markers.py; `def guard(user: CurrentUser): yield` would take the request for the user.
    """
    for parameter in _signature_of(function).parameters.values():
        try:
            mark = None if parameter.annotation is parameter.empty else _read(parameter, function).mark
        except UNREADABLE:  # its type may be there for type checkers only
            continue
        if mark is not None and mark is not Request:
            message = f"{parameter.name} in {name} is {said(mark)}, but {name} is given only {takes}"
            return Mistake(
                message=message, places=(place,) if place else (), hint="only views and dependencies take it"
            )
    return None


def _says_nothing(function: object, signature: inspect.Signature) -> bool:
    """Say whether a function that is not written in Python has parameters without types: any text would be given."""
    is_class = isinstance(function, type)
    makers = [getattr(function, name, None) for name in ("__init__", "__new__")] if is_class else [function]
    if any(isinstance(each, FunctionType) for each in makers):
        return False
    return any(each.annotation is each.empty for each in signature.parameters.values())


def _read(parameter: inspect.Parameter, view: View) -> Parameter:
    default = MISSING if parameter.default is parameter.empty else parameter.default
    if isinstance(view, type) and type(default).__module__ in FACTORIES:
        default = OMIT  # it stands for a default_factory
    if parameter.annotation is parameter.empty:
        return Parameter(name=parameter.name, default=default)
    # One at a time, so that one which can't be read (or the return's, which nobody needs) spoils no other.
    reading = read_annotation(parameter.annotation, scope_of(unwrap_callable(view)))
    return Parameter(
        name=parameter.name,
        annotation=reading.annotation,
        mark=reading.mark,
        written=parameter.annotation,
        default=default,
    )


def annotation_hint(error: Exception) -> str:
    """Return what to write instead of an annotation that can't be read, "" where only its type can tell."""
    if isinstance(error, NameError):
        return f"import {error.name} at the top of the file, outside `if TYPE_CHECKING:`" if error.name else ""
    if isinstance(error, AnnotationError):
        return error.hint
    return "Meta(pattern=...) takes a regular expression" if isinstance(error, re.error) else ""


def _fixed(view: View) -> frozenset[str]:
    """Return the names a partial has filled.

    SECURITY: tests/binding/test_query_fields.py; to Python these are mere defaults, but what the app's
    author has set must not be set anew by a query.
    """
    names: set[str] = set()
    while isinstance(view, functools.partial):
        names.update(view.keywords)
        view = view.func
    return frozenset(names)


def pinned_lane(view: object) -> Lane | None:
    """Return the lane that `@lane` has pinned a view to, None if it has not."""
    return decorator_value(view, LANE_ATTRIBUTE, Lane)


def route_limits(view: object) -> RouteLimits | None:
    """Return what `@limits` says of a view, None if it says nothing."""
    return decorator_value(view, LIMITS_ATTRIBUTE, RouteLimits)
