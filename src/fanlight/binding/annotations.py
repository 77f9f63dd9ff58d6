"""Parse an annotation: unwrap its aliases, and separate the type from the markers beside it.

In: an annotation, and the scope in which it is written. Out: a `ParsedAnnotation`: a type with its constraints, and the
marker at its outside, if it has one. `type X = ...` (also with parameters), `NewType` and text are unwrapped at any
depth. Rejects, with TypeError and NameError, metadata with no meaning, two markers at once, and markers that would
have no effect (inside a container or a union).
SECURITY: tests/binding/test_markers.py; a marker that is missed would make the parameter a field that a client sets.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import InitVar
from types import NoneType, UnionType
from typing import Annotated, Any, ForwardRef, Literal, NewType, TypeVar, Union

from msgspec import Struct, field
from msgspec.structs import replace

from fanlight.binding.callables import Dependency
from fanlight.binding.image_kinds import carries_image
from fanlight.binding.markers import CookieName, FieldName, HeaderName, WholeBody
from fanlight.binding.metadata import (
    AnnotationError,
    constraints_of,
    is_constraint,
    is_type_alias,
    marker_of,
    misplaced_type,
)
from fanlight.binding.scope import Scope, UndefinedName, module_scope
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.app_state import State
from fanlight.message.content import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form import FormErrors
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider, provider_of, provides_itself

_ProvidedType = type[Request] | type[State] | type[FormErrors] | type[ContentStream] | type[EarlyHints]
Marker = CookieName | HeaderName | FieldName | WholeBody | Dependency | _ProvidedType
_NAMED_MARKERS: Mapping[type, str] = {
    CookieName: "a cookie",
    HeaderName: "a header field",
    FieldName: "a field name",
    WholeBody: "the whole body",
}
# The types that Fanlight itself provides, and never the client.
_PROVIDED: Mapping[type, str] = {
    Request: "the request",
    State: "the app's state",
    FormErrors: "the errors of a form",
    ContentStream: "the content stream",
    EarlyHints: "early hints",
}
_NAME = lazy_pattern(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2: a token
_UNIONS = (Union, UnionType)
_OUTSIDE = "it applies to a whole parameter: Annotated[type, function], Header[str]"


class ParsedAnnotation(Struct, frozen=True):
    """A type, and the marker that names its source; None: it is a field."""

    annotation: Any
    marker: Marker | None


class UnhashableDependency:
    """A dependency that is not hashable, such as an object of a dataclass, with its identity as the key."""

    def __init__(self, function: Dependency) -> None:
        self.__wrapped__ = function

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnhashableDependency) and other.__wrapped__ is self.__wrapped__

    def __hash__(self) -> int:
        return id(self.__wrapped__)


def as_dependency(function: Any) -> Any:
    """Return a function as the key of its dependency, which is hashable."""
    try:
        hash(function)
    except TypeError:
        return UnhashableDependency(function)
    return function


def is_dependency(marker: object) -> bool:
    """Return whether a marker is a function, or another callable, whose parameters are bound as a view's are."""
    is_provided = isinstance(marker, TypeProvider) or any(marker is each for each in _PROVIDED)
    return marker is not None and not is_provided and type(marker) not in _NAMED_MARKERS


def describe_marker(marker: object) -> str:
    """Return a marker in words: "a cookie", "a dependency"."""
    if isinstance(marker, TypeProvider):
        return marker.description
    words, kind = (_PROVIDED, marker) if isinstance(marker, type) else (_NAMED_MARKERS, type(marker))
    return words.get(kind, "a dependency")


def parse_annotation(annotation: object, scope: Scope) -> ParsedAnnotation:
    """Return the type and the marker of a parameter. Raises TypeError or NameError."""
    found = _Found()
    bare = fill_type_variables(_Parser(found, scope).strip(annotation))
    inner = _without_none(bare)
    if any(inner is each for each in _PROVIDED):
        found.add(inner)
    elif provides_itself(typing.get_origin(inner) or inner):
        if found.undefined:
            raise found.undefined[0].error()
        found.add(provider_of(inner))
    if len(found.markers) > 1:
        raise AnnotationError("it names two sources", "remove one of them")
    marker: Any = found.markers[0] if found.markers else None
    if marker is None or isinstance(marker, tuple(_NAMED_MARKERS)):
        if found.undefined:
            raise found.undefined[0].error()
        _check_name(marker)
    elif found.has_constraint:
        message = f"the constraints of {describe_marker(marker)} can't be enforced"
        raise AnnotationError(message, "check the value in the function that returns it")
    return ParsedAnnotation(bare, marker)


def parse_type(annotation: object, scope: Scope, where: str) -> Any:
    """Return a type where no marker is allowed; `where` names the place for the message. Raises as above."""
    return _parse_inner(_Parser(_Found(), scope, where), annotation).annotation


def parse_field(annotation: object, scope: Scope, where: str) -> ParsedAnnotation:
    """Return the type of a class's field, whose only marker may be a name. Raises as above."""
    return _parse_inner(_Parser(_Found(), scope, where, allows_name=True), annotation)


def _parse_inner(parser: _Parser, annotation: object) -> ParsedAnnotation:
    bare, found = parser.strip(annotation), parser.found
    if found.undefined:
        raise found.undefined[0].error()
    if len(found.markers) > 1:
        raise AnnotationError("it has two names", "remove one of them")
    marker = found.markers[0] if found.markers else None
    _check_name(marker)
    return ParsedAnnotation(bare, marker)


def _check_name(marker: Any) -> None:
    """Raise TypeError for the name of a cookie or a header field that can't exist."""
    name = getattr(marker, "name", "")
    if not isinstance(name, str) or (name and not isinstance(marker, FieldName) and not _NAME.fullmatch(name)):
        raise TypeError(f"{name!r} is not a valid name")


def substitute(annotation: Any, arguments: Mapping[Any, Any]) -> Any:
    """Return an annotation with type arguments in place of its type variables."""
    if isinstance(annotation, TypeVar):
        return arguments.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not isinstance(parameters, tuple) or not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(arguments.get(each, each) for each in parameters)]


def fill_type_variables(annotation: Any) -> Any:
    """Return an annotation with the bound, or Any, in place of each type variable without an argument."""
    variables = (annotation,) if isinstance(annotation, TypeVar) else getattr(annotation, "__parameters__", ())
    return substitute(
        annotation, {each: _variable_bound(each) for each in variables} if isinstance(variables, tuple) else {}
    )


def has_default(variable: Any) -> bool:
    """Return whether a type variable has a default: PEP 696, of Python 3.13 and typing_extensions."""
    return bool(getattr(variable, "has_default", bool)())


def _variable_bound(variable: Any) -> Any:
    """Return the type that a type variable stands for by itself: its default, its constraints, or its bound."""
    if has_default(variable):
        return parse_type(variable.__default__, module_scope(variable), f"in the default of {variable}")
    constraints, bound = getattr(variable, "__constraints__", ()), getattr(variable, "__bound__", None)
    if constraints:
        bound = Union[constraints]  # noqa: UP007 - their number is not known
    return Any if bound is None else parse_type(bound, module_scope(variable), f"in the bound of {variable}")


class _Found(Struct):
    markers: list[Any] = field(default_factory=list)
    undefined: list[UndefinedName] = field(default_factory=list)
    has_constraint: bool = False  # at the outside

    def add(self, marker: Any) -> None:
        marker = as_dependency(marker)
        if marker not in self.markers:
            self.markers.append(marker)


class _Parser(Struct, frozen=True):
    """Parses one part of an annotation; `where` names the part if no marker is allowed there."""

    found: _Found
    scope: Scope
    where: str = ""
    allows_name: bool = False  # the field of a class: it may have a name, but no other marker
    aliases: tuple[object, ...] = ()  # those being unwrapped

    def strip(self, annotation: Any) -> Any:
        """Return an annotation without aliases and markers, but with its constraints."""
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            return self._enter(annotation, self.scope).strip(self.scope.evaluate(annotation))
        if isinstance(annotation, UndefinedName):
            self.found.undefined.append(annotation)
            return annotation
        if annotation is None:
            return NoneType
        if is_type_alias(annotation) or isinstance(annotation, NewType):
            scope = module_scope(annotation)
            value = annotation.__supertype__ if isinstance(annotation, NewType) else annotation.__value__
            return self._enter(annotation, scope).strip(value)
        if isinstance(annotation, InitVar):
            return self.strip(annotation.type)
        return self._strip_parts(annotation)

    def _strip_parts(self, annotation: Any) -> Any:
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if is_type_alias(origin):
            return self._strip_generic_alias(annotation, origin, parts)
        if origin is Annotated:
            kept = [meta for each in annotation.__metadata__ for meta in self._constraints(each)]
            inner = self.strip(parts[0])
            if sum(map(carries_image, (*getattr(inner, "__metadata__", ()), *kept))) > 1:
                raise AnnotationError("it has two checks Image()", "write one, with all the formats")
            return Annotated[(inner, *kept)] if kept else inner
        if origin in _UNIONS:
            return self._strip_union(parts)
        if origin is None or origin is Literal or not parts:
            return annotation
        inside = replace(self, where=self.where or f"inside {_name(origin)}[...]", allows_name=False)
        bare = tuple(each if isinstance(each, list) or each is ... else inside.strip(each) for each in parts)
        if all(new is old for new, old in zip(bare, parts, strict=True)):
            return annotation
        return origin[bare if len(bare) > 1 else bare[0]]

    def _strip_union(self, parts: tuple[Any, ...]) -> Any:
        others = sum(each is not NoneType for each in parts)
        inside = self if others == 1 else replace(self, where=self.where or "in a union", allows_name=False)
        return Union[tuple(inside.strip(each) for each in parts)]  # noqa: UP007 - their number is not known

    def _strip_generic_alias(self, annotation: Any, alias: Any, parts: tuple[Any, ...]) -> Any:
        """Unwrap `X[int]`, where X was written as `type X[T] = ...`."""
        # The arguments are not stripped yet: a marker at the outside of one may be deep inside the value.
        arguments = dict(zip(alias.__type_params__, (self.scope.resolve(each) for each in parts), strict=False))
        scope = module_scope(alias)
        value = scope.resolve(alias.__value__)
        return self._enter(annotation, scope).strip(substitute(value, arguments))

    def _constraints(self, metadata: object) -> tuple[Any, ...]:
        """Return the constraints in a piece of metadata; a marker is added to what was found."""
        kept = constraints_of(metadata)
        if kept is None:
            # SECURITY: tests/binding/test_markers.py; such a class would be called, as a dependency.
            if any(metadata is each for each in _PROVIDED) or provides_itself(metadata):
                raise misplaced_type(metadata)
            marker, kept = marker_of(metadata), ()
            if self.where and not (self.allows_name and isinstance(marker, FieldName)):
                raise AnnotationError(f"{describe_marker(marker)} can't be used {self.where}", _OUTSIDE)
            self.found.add(marker)
        if not self.where and any(map(is_constraint, kept)):
            self.found.has_constraint = True
        return kept

    def _enter(self, alias: object, scope: Scope) -> _Parser:
        if any(each is alias or (isinstance(alias, str) and each == alias) for each in self.aliases):
            raise AnnotationError(f"{_name(alias)} refers to itself", "write a class for a recursive type")
        return replace(self, scope=scope, aliases=(*self.aliases, alias))


def _without_none(annotation: Any) -> Any:
    """Return the one type of an optional annotation, without its constraints."""
    if typing.get_origin(annotation) in _UNIONS:
        others = [each for each in typing.get_args(annotation) if each is not NoneType]
        annotation = others[0] if len(others) == 1 else annotation
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _name(thing: object) -> str:
    return getattr(thing, "__name__", "") or str(thing)
