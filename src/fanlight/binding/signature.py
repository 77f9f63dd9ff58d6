"""Read a view's parameters: names, annotations, defaults, and where the view is written.

In: any callable in the place of a view. Out: its `Signature`, with its annotations resolved. Rejects, with file and
line, what no request can fill: positional-only parameters, and annotations that can't be evaluated.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from pathlib import Path
from types import FunctionType

from msgspec import Struct
from msgspec.structs import replace

from fanlight.binding.annotations import Marker, describe_marker, parse_annotation
from fanlight.binding.callables import (
    View,
    decorator_value,
    display_name,
    is_default_factory,
    mistake_in,
    source_location,
    unwrap_callable,
)
from fanlight.binding.metadata import AnnotationError
from fanlight.binding.scope import scope_of
from fanlight.binding.sentinels import MISSING, OMIT
from fanlight.errors import Mistake, SetupError
from fanlight.message.body_policy import LIMITS_ATTRIBUTE, RouteLimits
from fanlight.message.handler import Lane
from fanlight.message.lane import LANE_ATTRIBUTE
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider, UnusableArgument

# The errors of evaluating and parsing an annotation.
ANNOTATION_ERRORS = (NameError, AttributeError, LookupError, SyntaxError, TypeError, ValueError, re.error)
_WRITE_A_FUNCTION = "write a function that calls it with what it needs, and use that"
_WRITE_A_TYPE = "write a type, like int, list[str] or date"


class Parameter(Struct, frozen=True):
    """A parameter of a view; annotation and default are MISSING where it has none."""

    name: str
    annotation: object = MISSING  # the type alone, without aliases and markers
    marker: Marker | None = None  # the source, if the annotation names one
    written: object = MISSING  # the annotation as the view has it
    default: object = MISSING


class Signature(Struct, frozen=True):
    """The parameters of a view. `has_kwargs`: it has `**names`, which receive the remaining path parameters."""

    name: str  # for messages: "views.post"
    location: str  # "views.py:12", "" if it is not written in Python
    parameters: tuple[Parameter, ...] = ()
    has_kwargs: bool = False
    preset: frozenset[str] = frozenset()  # the parameters that a partial has filled

    @property
    def takes_request(self) -> bool:
        """Whether one of the parameters is the request."""
        return any(
            each.marker is Request or (each.marker is None and each.name == "request") for each in self.parameters
        )

    @property
    def websocket(self) -> str:
        """The name of the parameter that is a WebSocket, "" if none is."""
        found = (
            each.name for each in self.parameters if isinstance(each.marker, TypeProvider) and each.marker.is_websocket
        )
        return next(found, "")

    def mistake(self, message: str, hint: str = "") -> Mistake:
        """Return a mistake at the location of this view."""
        return Mistake(message=message, places=(self.location,) if self.location else (), hint=hint)


def read_signature(view: View, folder: Path | None = None) -> Signature:
    """Return the signature of a view. Raises SetupError with everything that is wrong with its parameters."""
    name = display_name(view)
    signature = Signature(name=name, location=source_location(view, folder), preset=_preset(view))
    try:
        found = _inspect(view)
    except ANNOTATION_ERRORS as error:
        message = f"the parameters of {name} can't be read: {error}"
        raise SetupError([signature.mistake(message, _WRITE_A_FUNCTION)]) from None
    if _is_untyped_builtin(unwrap_callable(view), found):
        message = f"the parameters of {name} have no types"
        raise SetupError([signature.mistake(message, _WRITE_A_FUNCTION)])
    mistakes: list[Mistake] = []
    parameters: list[Parameter] = []
    has_kwargs = False
    for parameter in found.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            has_kwargs = has_kwargs or parameter.kind is parameter.VAR_KEYWORD
            if _has_marker(parameter, view):
                message = f"{parameter} in {name} can only receive the remaining path parameters"
                mistakes.append(signature.mistake(message, "write one parameter for each value"))
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            hint = f'remove the "/" after "{parameter.name}": arguments are passed by name'
            mistakes.append(signature.mistake(f"{name} takes {parameter.name} by position only", hint))
        elif parameter.name not in signature.preset and not _is_private(parameter, view):
            try:
                parameters.append(_read(parameter, view))
            except ANNOTATION_ERRORS as error:
                message = f"the annotation of {parameter.name} in {name} can't be read: {error}"
                mistakes.append(signature.mistake(message, annotation_hint(error) or _WRITE_A_TYPE))
    if mistakes:
        raise SetupError(mistakes)
    return replace(signature, parameters=tuple(parameters), has_kwargs=has_kwargs)


def _is_private(parameter: inspect.Parameter, view: View) -> bool:
    """Return whether a parameter of a class is private, so that no client sets it."""
    return isinstance(view, type) and parameter.name.startswith("_") and parameter.default is not parameter.empty


def _has_marker(parameter: inspect.Parameter, view: View) -> bool:
    """Return whether `*names` or `**names` are annotated with a source, or with the names they take."""
    if parameter.annotation is parameter.empty:
        return False
    try:
        parsed = _read(parameter, view)
    except ANNOTATION_ERRORS:  # its type is not needed
        return False
    return parsed.marker is not None or typing.get_origin(parsed.annotation) is typing.Unpack


def _inspect(view: View) -> inspect.Signature:
    """Return the signature of a view; `inspect` takes a static `__call__` for a method."""
    call = inspect.getattr_static(type(view), "__call__", None)
    is_static = isinstance(call, staticmethod) and not isinstance(view, type)
    return inspect.signature(call.__func__ if is_static else view)


def markers_of(function: View) -> dict[str, Marker]:
    """Return the parameters of a function that are annotated with a source other than the request.

    SECURITY: tests/binding/test_markers.py; `def guard(user: CurrentUser): yield` would take the request for the user.
    """
    found: dict[str, Marker] = {}
    try:
        parameters = _inspect(function).parameters.values()
    except (TypeError, ValueError):  # not written in Python
        return found
    for parameter in parameters:
        try:
            marker = None if parameter.annotation is parameter.empty else _read(parameter, function).marker
        except ANNOTATION_ERRORS:  # its type may be there for type checkers only
            continue
        if marker is not None and marker is not Request:
            found[parameter.name] = marker
    return found


def reject_markers(function: View, receives: str, folder: Path | None) -> Mistake | None:
    """Return a mistake if a function that `receives` fixed arguments has a parameter with a marker."""
    for parameter, marker in markers_of(function).items():
        name = display_name(function)
        message = f"{parameter} in {name} is {describe_marker(marker)}, but {name} is given only {receives}"
        return mistake_in(function, folder, message, "views, dependencies, middleware and error views can have it")
    return None


def _is_untyped_builtin(function: object, signature: inspect.Signature) -> bool:
    """Return whether a function that is not written in Python has parameters without types."""
    is_class = isinstance(function, type)
    makers = [getattr(function, name, None) for name in ("__init__", "__new__")] if is_class else [function]
    if any(isinstance(each, FunctionType) for each in makers):
        return False
    return any(each.annotation is each.empty for each in signature.parameters.values())


def _read(parameter: inspect.Parameter, view: View) -> Parameter:
    default = MISSING if parameter.default is parameter.empty else parameter.default
    if isinstance(view, type) and is_default_factory(default):
        default = OMIT
    if parameter.annotation is parameter.empty:
        return Parameter(name=parameter.name, default=default)
    # One at a time: an annotation that can't be evaluated does not affect the others: that of the result is not needed.
    parsed = parse_annotation(parameter.annotation, scope_of(unwrap_callable(view)))
    return Parameter(
        name=parameter.name,
        annotation=parsed.annotation,
        marker=parsed.marker,
        written=parameter.annotation,
        default=default,
    )


def annotation_hint(error: Exception) -> str:
    """Return what to write instead of an annotation that raised an error, "" if the error gives no hint."""
    if isinstance(error, NameError):
        return f"import {error.name} at the top of the file, outside `if TYPE_CHECKING:`" if error.name else ""
    if isinstance(error, AnnotationError | UnusableArgument):
        return error.hint
    return "Meta(pattern=...) takes a regular expression" if isinstance(error, re.error) else ""


def _preset(view: View) -> frozenset[str]:
    """Return the names of the parameters that a partial has filled.

    SECURITY: tests/binding/test_query_fields.py; `inspect` shows them as parameters with defaults, but a query must
    not override a value that the site's author has set.
    """
    names: set[str] = set()
    while isinstance(view, functools.partial):
        names.update(view.keywords)
        view = view.func
    return frozenset(names)


def pinned_lane(view: object) -> Lane | None:
    """Return the lane that `@lane` has set for a view, None without one."""
    return decorator_value(view, LANE_ATTRIBUTE, Lane)


def route_limits(view: object) -> RouteLimits | None:
    """Return the limits that `@limits` has set for a view, None without one."""
    return decorator_value(view, LIMITS_ATTRIBUTE, RouteLimits)
