"""Say what stands beside a type in `Annotated[...]`: a bound, a description, or a mark that names a source.

In: one piece of metadata. Out: the `msgspec.Meta` for it, nothing for a description, or the mark itself.
Refuses, by Misread, whatever is not understood: what is dropped here would leave a parameter to whatever
a client sends. `annotated_types` is understood, and needs not be there.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from msgspec import Meta

from fanlight.binding.markers import Body, Cookie, CookieName, Field, FieldName, Header, HeaderName, WholeBody
from fanlight.binding.scope import Unknown
from fanlight.message.app_state import State
from fanlight.message.content_stream import ContentStream
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form_errors import FormErrors
from fanlight.message.request import Request
from fanlight.message.upload import Upload

INJECTED = (Request, State, FormErrors, ContentStream, EarlyHints)
_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern", "tz")
_DOCUMENTS = {"typing.Doc", "typing_extensions.Doc", "annotated_types.DocInfo", "annotated_types.Unit"}
# The classes of annotated_types that bound a value, as msgspec says it.
_ANNOTATED_TYPES: Mapping[str, Callable[[Any], Meta]] = {
    "Gt": lambda bound: Meta(gt=bound.gt),
    "Ge": lambda bound: Meta(ge=bound.ge),
    "Lt": lambda bound: Meta(lt=bound.lt),
    "Le": lambda bound: Meta(le=bound.le),
    "MultipleOf": lambda bound: Meta(multiple_of=bound.multiple_of),
    "MinLen": lambda bound: Meta(min_length=bound.min_length),
    "MaxLen": lambda bound: Meta(max_length=bound.max_length),
    "Timezone": lambda bound: Meta(tz=_has_zone(bound.tz)),
}
_SAYS: Mapping[object, str] = {
    Request: "the request",
    State: "the app's state",
    FormErrors: "the errors of a form",
    ContentStream: "the content as it comes",
    EarlyHints: "early hints",
}


_MARKS: Mapping[type, str] = {
    CookieName: "a cookie",
    HeaderName: "a header field",
    FieldName: "a field by name",
    WholeBody: "the whole body",
}
_CALLED: tuple[tuple[object, str], ...] = ((Cookie, "Cookie"), (Header, "Header"), (Field, "Field"))


class AnnotationError(TypeError):
    """An annotation can't be read; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Say what is wrong with it."""
        super().__init__(message)
        self.hint = hint


def said(mark: object) -> str:
    """Return how one speaks of a mark."""
    for kind, words in _MARKS.items():
        if isinstance(mark, kind):
            return words
    return _SAYS.get(mark, "a dependency") if isinstance(mark, type) else "a dependency"


def bounds(metadata: object) -> tuple[Meta, ...] | None:
    """Return the bounds that a piece of metadata sets, none if it only describes; None for a mark. Raises Misread."""
    if isinstance(metadata, Unknown):
        raise metadata.error()
    if isinstance(metadata, Meta):
        return (metadata,)
    cls = type(metadata)
    if f"{cls.__module__}.{cls.__name__}" in _DOCUMENTS:
        return ()
    if getattr(metadata, "__is_annotated_types_grouped_metadata__", False) is True and isinstance(metadata, Iterable):
        return tuple(meta for each in metadata for meta in bounds(each) or _refuse(each))
    if any(each.__module__ == "annotated_types" for each in cls.__mro__):
        return (_translated(metadata),)
    return None


def is_bound(meta: Meta) -> bool:
    """Say whether a `Meta` refuses values, and does not only describe them."""
    return any(getattr(meta, name) is not None for name in _BOUNDS)


def is_alias(thing: object) -> bool:
    """Say whether something was made by `type X = ...`, or by its like in typing_extensions."""
    return type(thing).__name__ == "TypeAliasType" and type(thing).__module__ in ("typing", "typing_extensions")


def mark_of(metadata: object) -> object:
    """Return a piece of metadata that is a mark: a cookie, a header field, a dependency. Raises Misread."""
    if isinstance(metadata, CookieName | HeaderName | FieldName | WholeBody):
        return metadata
    if metadata is Body:
        raise AnnotationError("Body stands behind the type", "write Body[...] around it")
    for source, name in _CALLED:
        if metadata is source:
            raise AnnotationError(
                f"{name} is not called in it", f'write {name}[str], or Annotated[str, {name}("name")]'
            )
    if isinstance(metadata, str):
        raise AnnotationError(
            f"the text {metadata!r} is not understood", "write the function itself, not its name as a text"
        )
    if isinstance(metadata, type):
        _refuse_class(metadata)
    elif is_alias(metadata) or typing.get_origin(metadata) is not None or type(metadata).__module__ == "typing":
        raise AnnotationError(
            f"the type {metadata} can't stand behind another", "Annotated[...] has one type, the first"
        )
    if not callable(metadata):
        _refuse(metadata)
    return metadata


def _refuse_class(cls: type) -> None:
    """Refuse a class that no dependency can be: nobody makes an object of it by calling it."""
    name = cls.__qualname__.replace("<locals>.", "")
    if cls in (*INJECTED, Upload):
        raise AnnotationError(f"{name} can't stand behind another type", f"write {name} as the type itself")
    is_type_only = typing.is_typeddict(cls) or getattr(cls, "_is_protocol", False) or cls is Any
    if is_type_only or inspect.isabstract(cls) or issubclass(cls, Enum | BaseException):
        raise AnnotationError(
            f"the class {name} can't be called to make a value", "name a function that gives the value"
        )


def _translated(metadata: object) -> Meta:
    """Return a bound of annotated_types as msgspec says it."""
    cls = type(metadata)
    translate = _ANNOTATED_TYPES.get(cls.__name__) if cls.__module__ == "annotated_types" else None
    if translate is None:
        raise AnnotationError(
            f"{metadata!r} can't be enforced", "check it in the view, or in the __post_init__ of a class"
        )
    try:
        return translate(metadata)
    except (TypeError, ValueError) as error:  # a date as the bound
        message = f"{metadata!r} can't be enforced: {str(error).replace('`', '')}"
        raise AnnotationError(message, "check it in the view, or in the __post_init__ of a class") from None


def _has_zone(zone: object) -> bool:
    if zone is None or zone is ...:
        return zone is ...
    raise TypeError("a time may have any zone, or none")


def _refuse(metadata: object) -> typing.NoReturn:
    hint = "a bound is msgspec.Meta(...), a description is Doc(...), a dependency is a function that gives the value"
    raise AnnotationError(f"{_shown(metadata)} is not understood", hint)


def _shown(metadata: object) -> str:
    is_plain = metadata is None or metadata is ... or isinstance(metadata, int | float)
    return repr(metadata) if is_plain else f"an object of {type(metadata).__qualname__}"
