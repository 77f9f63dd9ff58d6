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
from types import CodeType, FunctionType, MethodWrapperType, WrapperDescriptorType
from typing import Any, TypeVar

from fanlight.binding.annotations import Marked, read_annotation
from fanlight.binding.metadata import Misread, said
from fanlight.binding.scope import scope_of
from fanlight.errors import Mistake, SetupError
from fanlight.message.body_policy import LIMITS_ATTRIBUTE, RouteLimits
from fanlight.message.handler import Lane
from fanlight.message.lane import LANE_ATTRIBUTE
from fanlight.message.request import Request

View = Callable[..., object]
M = TypeVar("M")

_NOT_PYTHONS = (WrapperDescriptorType, MethodWrapperType)

# The modules of what stands for a default_factory in a signature, or among the defaults of a Struct.
FACTORIES = ("dataclasses", "attr._make", "msgspec", "msgspec._core")
_WRITE_A_FUNCTION = "write a function that calls it with what it needs, and name that"
_WRITE_A_TYPE = "write a type, like int, list[str] or date"
# What an annotation that stands as text raises when it is looked at.
UNREADABLE = (NameError, AttributeError, LookupError, SyntaxError, TypeError, ValueError, re.error)


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
    annotation: object = MISSING  # the type alone, without aliases and marks
    mark: Marked | None = None  # where it comes from, if the annotation says so
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
    name, place = called(view), place_of(view, folder)
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
    if _says_nothing(function_of(view), found):
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


def refuse_marks(function: View, name: str, place: str, takes: str) -> Mistake | None:
    """Return a mistake for a parameter that is a mark, of a function that is given only what it `takes`.

    SECURITY: tests/app/test_marks.py; `def guard(user: CurrentUser): yield` would take the request for the user.
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
        default = LEAVE_OUT  # it stands for a default_factory
    if parameter.annotation is parameter.empty:
        return Parameter(name=parameter.name, default=default)
    # One at a time, so that one which can't be read (or the return's, which nobody needs) spoils no other.
    reading = read_annotation(parameter.annotation, scope_of(function_of(view)))
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
    if isinstance(error, Misread):
        return error.hint
    return "Meta(pattern=...) takes a regular expression" if isinstance(error, re.error) else ""


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
        elif isinstance(view, FunctionType | type) or inspect.isbuiltin(view):
            return view
        else:
            call = _call_of(view)
            if call is None or isinstance(call, _NOT_PYTHONS):
                return view
            view = call


def _call_of(view: object) -> Any:
    """Return what runs when an object is called: of a plain function, nothing written in Python."""
    call = inspect.getattr_static(type(view), "__call__", None)
    return call.__func__ if isinstance(call, staticmethod | classmethod) else call


def is_async(view: View) -> bool:
    """Say whether calling a view gives a coroutine; async generators give a stream, at once."""
    while isinstance(view, functools.partial):
        view = view.func
    return inspect.iscoroutinefunction(view) or inspect.iscoroutinefunction(_call_of(view))


def pinned_lane(view: object) -> Lane | None:
    """Return the lane that `@lane` has pinned a view to, None if it has not."""
    return _mark_of(view, LANE_ATTRIBUTE, Lane)


def own_limits(view: object) -> RouteLimits | None:
    """Return what `@limits` says of a view, None if it says nothing."""
    return _mark_of(view, LIMITS_ATTRIBUTE, RouteLimits)


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
    """Return "views.py:12" for a function or a class written in Python, "" for anything else."""
    function = function_of(view)
    file, line = _class_place(function) if isinstance(function, type) else ("", 0)
    if isinstance(code := getattr(function, "__code__", None), CodeType):
        file, line = code.co_filename, code.co_firstlineno
    if not file or file.startswith("<"):  # a lambda in an annotation that stands as text
        return ""
    path = Path(file)
    if folder is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return f"{path.as_posix()}:{line}"


def _class_place(cls: type) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return "", 0
