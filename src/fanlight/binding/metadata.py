"""Classify what follows a type in `Annotated[...]`: a constraint, a description, or a marker that names a source.

In: one piece of metadata. Out: the `msgspec.Meta` for it (also for `Image()`), nothing for a description, or the marker
itself. Rejects, with AnnotationError, everything else: metadata that is silently dropped would leave the parameter to
whatever a client sends. `annotated_types` is understood, and need not be installed.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable
from enum import Enum
from typing import Any

from msgspec import Meta

from fanlight.binding.image_kinds import carries_image, image_meta
from fanlight.binding.markers import Body, Cookie, CookieName, Field, FieldName, Header, HeaderName, WholeBody
from fanlight.binding.scope import UndefinedName
from fanlight.message.image_check import Image
from fanlight.message.upload import Upload

_CONSTRAINTS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern", "tz")
_DESCRIPTIONS = {"typing.Doc", "typing_extensions.Doc", "annotated_types.DocInfo", "annotated_types.Unit"}
# The constraints of annotated_types, and the attribute of each, which has the same name in msgspec.
_ANNOTATED_TYPES = {
    "Gt": "gt",
    "Ge": "ge",
    "Lt": "lt",
    "Le": "le",
    "MultipleOf": "multiple_of",
    "MinLen": "min_length",
    "MaxLen": "max_length",
    "Timezone": "tz",
}
_NOT_ENFORCED = "check it in the view, or in the __post_init__ of a class"


class AnnotationError(TypeError):
    """An annotation can't be used; `hint` is what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def constraints_of(metadata: object) -> tuple[Meta, ...] | None:
    """Return the constraints in a piece of metadata, () for a description, None for a marker.

    Raises AnnotationError.
    """
    if isinstance(metadata, UndefinedName):
        raise metadata.error()
    if isinstance(metadata, Meta):
        return (metadata,)
    if isinstance(metadata, Image):
        return (image_meta(metadata),)
    cls = type(metadata)
    if f"{cls.__module__}.{cls.__name__}" in _DESCRIPTIONS:
        return ()
    if getattr(metadata, "__is_annotated_types_grouped_metadata__", False) is True and isinstance(metadata, Iterable):
        return tuple(meta for each in metadata for meta in constraints_of(each) or _reject(each))
    if any(each.__module__ == "annotated_types" for each in cls.__mro__):
        return (_translate(metadata),)
    return None


def is_constraint(meta: Meta) -> bool:
    """Return whether a `Meta` rejects values, and does not only describe them."""
    return carries_image(meta) or any(getattr(meta, name) is not None for name in _CONSTRAINTS)


def is_type_alias(thing: object) -> bool:
    """Return whether something was made by `type X = ...`, or by its backport in typing_extensions."""
    return type(thing).__name__ == "TypeAliasType" and type(thing).__module__ in ("typing", "typing_extensions")


def marker_of(metadata: object) -> object:
    """Return a piece of metadata that is a marker: a cookie, a header field, a dependency. Raises AnnotationError."""
    if isinstance(metadata, CookieName | HeaderName | FieldName | WholeBody):
        return metadata
    if metadata is Body:
        raise AnnotationError("Body is written after the type", "write Body[...] around the type")
    for source, name in ((Cookie, "Cookie"), (Header, "Header"), (Field, "Field")):
        if metadata is source:
            hint = f'write {name}[str], or Annotated[str, {name}("name")]'
            raise AnnotationError(f"{name} is used without a name", hint)
    if isinstance(metadata, str):
        raise AnnotationError(
            f"the string {metadata!r} has no meaning in Annotated[...]", "write the function itself, not its name"
        )
    if isinstance(metadata, type):
        _reject_class(metadata)
    elif is_type_alias(metadata) or typing.get_origin(metadata) is not None or type(metadata).__module__ == "typing":
        raise AnnotationError(f"the type {metadata} can't follow another", "Annotated[...] has one type, the first")
    if not callable(metadata):
        _reject(metadata)
    return metadata


def _reject_class(cls: type) -> None:
    """Reject a class that can't be a dependency: calling it gives no usable value."""
    name = cls.__qualname__.replace("<locals>.", "")
    if cls is Upload:
        raise misplaced_type(cls)
    if cls is Image:
        raise AnnotationError("Image is a class", "write Image(), with its formats if you want only some")
    is_type_only = typing.is_typeddict(cls) or getattr(cls, "_is_protocol", False) or cls is Any
    if is_type_only or inspect.isabstract(cls) or issubclass(cls, Enum | BaseException):
        raise AnnotationError(f"the class {name} can't be a dependency", "use a function that returns the value")


def misplaced_type(cls: Any) -> AnnotationError:
    """Return the error for a type that is recognized only as the type itself."""
    return AnnotationError(f"{cls.__name__} can't follow another type", f"write {cls.__name__} as the type itself")


def _translate(metadata: object) -> Meta:
    cls = type(metadata)
    name = _ANNOTATED_TYPES.get(cls.__name__) if cls.__module__ == "annotated_types" else None
    if name is None:
        raise AnnotationError(f"{metadata!r} can't be enforced", _NOT_ENFORCED)
    try:
        bound = getattr(metadata, name)
        constraint: dict[str, Any] = {name: _needs_zone(bound) if name == "tz" else bound}
        return Meta(**constraint)
    except (TypeError, ValueError) as error:  # a date as the bound
        message = f"{metadata!r} can't be enforced: {str(error).replace('`', '')}"
        raise AnnotationError(message, _NOT_ENFORCED) from None


def _needs_zone(zone: object) -> bool:
    if zone is None or zone is ...:
        return zone is ...
    raise TypeError("a time zone can be required or forbidden, but not a certain one")


def _reject(metadata: object) -> typing.NoReturn:
    is_plain = metadata is None or metadata is ... or isinstance(metadata, int | float)
    # Not the repr of anything else: it would be code of the site, and may be endless.
    text = repr(metadata) if is_plain else f"an object of {type(metadata).__qualname__}"
    hint = (
        "a constraint is msgspec.Meta(...), a description is Doc(...), a dependency is a function that gives the value"
    )
    raise AnnotationError(f"{text} has no meaning in Annotated[...]", hint)
