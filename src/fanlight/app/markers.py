"""Read from an annotation what a parameter is, where it is no field: the request, a cookie, a dependency.

In: an annotation. Out: its `Marked`, None for a plain type. Looks into `Annotated[...]` and unions.
Refuses, by TypeError, an annotation that says two things at once, and names that no request has.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any

from fanlight.message import ContentStream, CookieName, EarlyHints, FormErrors, HeaderName, Request, State

Dependency = Callable[..., Any]
Given = type[Request] | type[State] | type[FormErrors] | type[ContentStream] | type[EarlyHints]
Marked = CookieName | HeaderName | Dependency | Given
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2: a token
_GIVEN = (Request, State, FormErrors, ContentStream, EarlyHints)


def marked(annotation: object) -> Marked | None:
    """Return what an annotation asks for, None if it is that of a field. Raises TypeError if it can't be."""
    found = list(dict.fromkeys(_marks(annotation)))
    if len(found) > 1:
        raise TypeError("it says two places to take it from")
    for mark in found:
        if isinstance(mark, CookieName | HeaderName) and mark.name and not _NAME.fullmatch(mark.name):
            raise TypeError(f"nothing can be called {mark.name!r}")
        return mark
    return None


def said(mark: Marked) -> str:
    """Return how one speaks of it."""
    if isinstance(mark, CookieName):
        return "a cookie"
    if isinstance(mark, HeaderName):
        return "a header field"
    return _SAYS.get(mark, "a dependency")


_SAYS: dict[object, str] = {
    Request: "the request",
    State: "the app's state",
    FormErrors: "the errors of a form",
    ContentStream: "the content as it comes",
    EarlyHints: "early hints",
}


def _marks(annotation: object) -> Iterator[Marked]:
    if any(annotation is each for each in _GIVEN):
        yield annotation  # type: ignore[misc]  # it is one of these
        return
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = typing.get_args(annotation)
        yield from (each for each in metadata if _is_mark(each))
        yield from _marks(inner)
    elif origin in (typing.Union, UnionType):
        for each in typing.get_args(annotation):
            yield from _marks(each)


def _is_mark(metadata: object) -> bool:
    return isinstance(metadata, CookieName | HeaderName | functools.partial) or (inspect.isroutine(metadata))
