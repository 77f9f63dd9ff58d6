"""Read an annotation: unwrap its aliases, and tell its type from the marks that stand beside it.

In: an annotation, and the scope in which it is written. Out: a `Reading`: a type with bounds and nothing else,
and the mark at its outside, if it has one. `type X = ...` (also with parameters), `NewType` and
texts are looked through, wherever they stand.
Refuses, by TypeError and NameError, metadata that nobody understands, marks where nobody looks for them
(below a container, in a union), and two marks at once. SECURITY: tests/binding/test_markers.py; what is not
seen here would be filled with whatever a client sends.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from types import NoneType, UnionType
from typing import Annotated, Any, ForwardRef, Literal, NamedTuple, NewType, TypeVar, Union

from fanlight.binding.markers import CookieName, FieldName, HeaderName, WholeBody
from fanlight.binding.metadata import INJECTED, AnnotationError, bounds, is_alias, is_bound, mark_of, said
from fanlight.binding.scope import Scope, Unknown, module_scope
from fanlight.message.app_state import State
from fanlight.message.content_stream import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form_errors import FormErrors
from fanlight.message.request import Request

Dependency = Callable[..., Any]
Given = type[Request] | type[State] | type[FormErrors] | type[ContentStream] | type[EarlyHints]
Marker = CookieName | HeaderName | FieldName | WholeBody | Dependency | Given
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2: a token
_UNIONS = (Union, UnionType)


class ParsedAnnotation(NamedTuple):
    """What an annotation says: its type, and where the value comes from if it is no field."""

    annotation: Any
    mark: Marker | None


class IdentityKey:
    """A dependency that can't be a key, such as an object of a dataclass: it is one by itself, not by its fields."""

    def __init__(self, function: Dependency) -> None:
        """Stand for the function."""
        self.__wrapped__ = function

    def __call__(self, *args: Any, **values: Any) -> Any:
        """Call it."""
        return self.__wrapped__(*args, **values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentityKey) and other.__wrapped__ is self.__wrapped__

    def __hash__(self) -> int:
        return id(self.__wrapped__)


def read_annotation(annotation: object, scope: Scope) -> ParsedAnnotation:
    """Return what the annotation of a parameter says. Raises TypeError or NameError."""
    found = _Found()
    bare = settled(_Walk(found, scope).bare(annotation))
    inner = _without_none(bare)
    if any(inner is each for each in INJECTED):
        found.mark(inner)
    if len(found.marks) > 1:
        raise AnnotationError("it says two places to take it from", "leave out one of them")
    mark: Any = found.marks[0] if found.marks else None
    if mark is None or isinstance(mark, CookieName | HeaderName | FieldName | WholeBody):
        if found.unknown:
            raise found.unknown[0].error()
        _check_name(mark)
    elif found.is_bound:
        raise AnnotationError(
            f"the bounds of {said(mark)} can't be enforced", "check the value in the function that makes it"
        )
    return ParsedAnnotation(bare, mark)


def read_type(annotation: object, scope: Scope, where: str) -> Any:
    """Return the type of what can have no mark, of which `where` speaks. Raises as above."""
    return _read_within(_Walk(_Found(), scope, where), annotation).annotation


def read_field(annotation: object, scope: Scope, where: str) -> ParsedAnnotation:
    """Return what is said of the field of a class, which can have no mark but a name. Raises as above."""
    return _read_within(_Walk(_Found(), scope, where, takes_name=True), annotation)


def _read_within(walk: _Walk, annotation: object) -> ParsedAnnotation:
    bare, found = walk.bare(annotation), walk.found
    if found.unknown:
        raise found.unknown[0].error()
    if len(found.marks) > 1:
        raise AnnotationError("it has two names", "leave out one of them")
    mark = found.marks[0] if found.marks else None
    _check_name(mark)
    return ParsedAnnotation(bare, mark)


def _check_name(mark: Any) -> None:
    """Raise TypeError for a name that nothing can have."""
    name = getattr(mark, "name", "")
    if not isinstance(name, str) or (name and not isinstance(mark, FieldName) and not _NAME.fullmatch(name)):
        raise TypeError(f"nothing can be called {name!r}")


def substituted(annotation: Any, given: Mapping[Any, Any]) -> Any:
    """Return an annotation with types in place of its type variables."""
    if isinstance(annotation, TypeVar):
        return given.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not isinstance(parameters, tuple) or not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(given.get(each, each) for each in parameters)]


def settled(annotation: Any) -> Any:
    """Return an annotation with its bound, or Any, in place of each type variable that nobody has given a type."""
    variables = (annotation,) if isinstance(annotation, TypeVar) else getattr(annotation, "__parameters__", ())
    return substituted(annotation, {each: bound_of(each) for each in variables} if isinstance(variables, tuple) else {})


def has_default(variable: Any) -> bool:
    """Say whether a type variable has a default: PEP 696, of Python 3.13 and typing_extensions."""
    return bool(getattr(variable, "has_default", bool)())


def bound_of(variable: Any) -> Any:
    """Return what a type variable stands for by itself: its default, its constraints, or its bound."""
    if has_default(variable):
        return read_type(variable.__default__, module_scope(variable), f"in the default of {variable}")
    constraints, bound = getattr(variable, "__constraints__", ()), getattr(variable, "__bound__", None)
    if constraints:
        bound = Union[constraints]  # noqa: UP007 - of a number that is not known
    return Any if bound is None else read_type(bound, module_scope(variable), f"in the bound of {variable}")


@dataclass(slots=True)
class _Found:
    """What has been found on the walk through one annotation."""

    marks: list[Any] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    is_bound: bool = False  # something at the outside bounds the value

    def mark(self, mark: Any) -> None:
        try:
            hash(mark)
        except TypeError:
            mark = IdentityKey(mark)
        if mark not in self.marks:
            self.marks.append(mark)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The way to one place in an annotation; `where` names the place if no mark may stand there."""

    found: _Found
    scope: Scope
    where: str = ""
    takes_name: bool = False  # a field of a class, which may have another name, but no other mark
    within: tuple[object, ...] = ()  # the aliases that are being unwrapped

    def bare(self, annotation: Any) -> Any:
        """Return an annotation without aliases and metadata, but with its bounds."""
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if isinstance(annotation, str):
            return self._into(annotation, self.scope).bare(self.scope.read(annotation))
        if isinstance(annotation, Unknown):
            self.found.unknown.append(annotation)
            return annotation
        if annotation is None:
            return NoneType
        if is_alias(annotation) or isinstance(annotation, NewType):
            scope = module_scope(annotation)
            value = annotation.__supertype__ if isinstance(annotation, NewType) else annotation.__value__
            return self._into(annotation, scope).bare(value)
        if isinstance(annotation, InitVar):
            return self.bare(annotation.type)
        return self._parts(annotation)

    def _parts(self, annotation: Any) -> Any:
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if is_alias(origin):
            return self._of_generic_alias(annotation, origin, parts)
        if origin is Annotated:
            kept = [meta for each in annotation.__metadata__ for meta in self._bounds(each)]
            inner = self.bare(parts[0])
            return Annotated[(inner, *kept)] if kept else inner
        if origin in _UNIONS:
            return self._of_union(parts)
        if origin is None or origin is Literal or not parts:
            return annotation
        inside = replace(self, where=self.where or f"below {_written(origin)}[...]", takes_name=False)
        bare = tuple(each if isinstance(each, list) or each is ... else inside.bare(each) for each in parts)
        if all(new is old for new, old in zip(bare, parts, strict=True)):
            return annotation
        return origin[bare if len(bare) > 1 else bare[0]]

    def _of_union(self, parts: tuple[Any, ...]) -> Any:
        others = sum(each is not NoneType for each in parts)
        inside = self if others == 1 else replace(self, where=self.where or "in a union", takes_name=False)
        return Union[tuple(inside.bare(each) for each in parts)]  # noqa: UP007 - of a number that is not known

    def _of_generic_alias(self, annotation: Any, alias: Any, parts: tuple[Any, ...]) -> Any:
        """Unwrap `X[int]`, where X was written as `type X[T] = ...`."""
        # As they are written: what is the outside of an argument may stand deep inside of the value.
        given = dict(zip(alias.__type_params__, (self.scope.read_text(each) for each in parts), strict=False))
        scope = module_scope(alias)
        value = scope.read_text(alias.__value__)
        return self._into(annotation, scope).bare(substituted(value, given))

    def _bounds(self, metadata: object) -> tuple[Any, ...]:
        kept = bounds(metadata)
        if kept is None:
            mark, kept = mark_of(metadata), ()
            if self.where and not (self.takes_name and isinstance(mark, FieldName)):
                raise AnnotationError(f"{said(mark)} can't stand {self.where}", _OUTSIDE)
            self.found.mark(mark)
        if not self.where and any(map(is_bound, kept)):
            self.found.is_bound = True
        return kept

    def _into(self, alias: object, scope: Scope) -> _Walk:
        if any(each is alias or (isinstance(alias, str) and each == alias) for each in self.within):
            raise AnnotationError(
                f"{_written(alias)} holds itself", "write a class for what holds more of its own kind"
            )
        return replace(self, scope=scope, within=(*self.within, alias))


_OUTSIDE = "it belongs to a parameter as a whole: Annotated[type, function], Header[str]"


def _without_none(annotation: Any) -> Any:
    """Return the one type of an optional one, without what bounds it."""
    if typing.get_origin(annotation) in _UNIONS:
        others = [each for each in typing.get_args(annotation) if each is not NoneType]
        annotation = others[0] if len(others) == 1 else annotation
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _written(thing: object) -> str:
    return getattr(thing, "__name__", "") or str(thing)
