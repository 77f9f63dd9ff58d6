"""What the return annotation of a view promises: JSON of a type, a page, a file, a stream, nothing.

In: a view. Out: its `ReturnTypes`, one entry for each kind of response that the annotation names. Nothing is refused:
what an annotation does not say, or says of a value that can't be sent, is a `problem` in words.

    -> Cat | None                          JSON, or 204
    -> tuple[Cat, Literal[201]]            JSON with status 201
    -> Iterator[str]                       a stream of text
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import typing
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Never, NoReturn, Union
from uuid import UUID

import msgspec
from msgspec import Struct

from fanlight.binding.callables import View, unwrap_callable
from fanlight.binding.describe import annotation_text
from fanlight.binding.return_annotation import return_annotation, return_text
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import ANNOTATION_ERRORS, annotation_hint
from fanlight.message.events import EventStream
from fanlight.message.file_response import FileResponse
from fanlight.message.response import Response
from fanlight.pages.page import Page

_UNIONS = (Union, UnionType)


class ResponseKind(Enum):
    """A kind of response; the value is its media type without parameters, "" if the annotation leaves it open."""

    JSON = "application/json"
    TEXT = "text/html"
    PAGE = "text/html "
    BYTES = "application/octet-stream"
    FILE = "*/*"
    STREAM = "text/plain"
    EVENTS = "text/event-stream"
    NOTHING = ""
    RESPONSE = " "
    ANYTHING = "  "

    @property
    def media_type(self) -> str:
        """The media type, "" if there is no content or it is not known."""
        return self.value.strip()


class ReturnedType(Struct, frozen=True):
    """One kind of response; `statuses` are those it may have, none if the view decides."""

    kind: ResponseKind
    annotation: Any
    statuses: tuple[int, ...] = ()


class ReturnTypes(Struct, frozen=True, kw_only=True):
    """What a view is annotated to return."""

    types: tuple[ReturnedType, ...] = ()
    written: str = ""  # as it is in the code; "" if the view has no annotation
    problem: str = ""  # what it leaves open, and what to write instead

    @property
    def is_page(self) -> bool:
        """Whether the view makes pages for people: HTML, and nothing else but whole responses and empty ones."""
        kinds = {each.kind for each in self.types}
        open_kinds = {ResponseKind.RESPONSE, ResponseKind.NOTHING}
        return bool(kinds & {ResponseKind.TEXT, ResponseKind.PAGE}) and kinds <= {
            ResponseKind.TEXT,
            ResponseKind.PAGE,
            *open_kinds,
        }

    @property
    def says_data(self) -> bool:
        """Whether the annotation names data of any kind."""
        kinds = {each.kind for each in self.types}
        return bool(kinds - {ResponseKind.TEXT, ResponseKind.PAGE, ResponseKind.RESPONSE, ResponseKind.ANYTHING})


def read_return_types(view: View) -> ReturnTypes:
    """Return what a view is annotated to return."""
    plain = unwrap_callable(view)
    is_generator = inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain)
    try:
        annotation = return_annotation(view)
    except ANNOTATION_ERRORS as error:
        hint = annotation_hint(error)
        problem = f"its return annotation can't be read: {error}" + (f"; {hint}" if hint else "")
        return ReturnTypes(types=(_anything(),), written=return_text(view), problem=problem)
    if annotation is MISSING:
        if is_generator:
            return ReturnTypes(types=(ReturnedType(ResponseKind.STREAM, MISSING, (200,)),))
        return ReturnTypes(types=(_anything(),), problem="it has no return annotation; write one, like -> list[Cat]")
    problems: list[str] = []
    types = tuple(_types_in(annotation, problems, is_generator=is_generator))
    return ReturnTypes(types=types, written=return_text(view), problem="; ".join(dict.fromkeys(problems)))


def types_of(annotation: Any, problems: list[str]) -> list[ReturnedType]:
    """Return the kinds of response in a type; what it leaves open is added to `problems`."""
    return list(_types_in(NoneType if annotation is None else annotation, problems, is_generator=False))


def _anything() -> ReturnedType:
    return ReturnedType(ResponseKind.ANYTHING, Any)


def _types_in(annotation: Any, problems: list[str], *, is_generator: bool) -> Iterator[ReturnedType]:
    """Yield the kinds of response in an annotation; what it leaves open is added to `problems`."""
    origin = typing.get_origin(annotation)
    if origin in _UNIONS:
        for each in typing.get_args(annotation):
            yield from _types_in(each, problems, is_generator=is_generator)
    elif origin is tuple or annotation is tuple:
        yield from _of_tuple(annotation, problems)
    elif annotation not in (Never, NoReturn):
        kind = _kind_of(annotation, is_generator=is_generator)
        if kind is ResponseKind.ANYTHING:
            problems.append(_problem_with(annotation))
        if kind is ResponseKind.RESPONSE:
            problems.append("Response says neither status nor content; name the type of the content, like -> Cat")
        yield ReturnedType(kind, annotation, _STATUSES.get(kind, (200,)))


_STATUSES = {ResponseKind.NOTHING: (204,), ResponseKind.RESPONSE: (), ResponseKind.ANYTHING: ()}


def _of_tuple(annotation: Any, problems: list[str]) -> Iterator[ReturnedType]:
    """Yield the responses of `tuple[body, status]` and `tuple[body, status, headers]`."""
    parts = typing.get_args(annotation)
    if len(parts) not in (2, 3) or ... in parts:
        problems.append("a tuple is sent as (body, status, headers); write tuple[Cat, Literal[201]]")
        yield _anything()
        return
    values = typing.get_args(parts[1]) if typing.get_origin(parts[1]) is Literal else ()
    statuses = tuple(int(each) for each in values if isinstance(each, int))
    if not statuses:
        problems.append(f"the status is {annotation_text(parts[1])}; write it as a Literal: tuple[Cat, Literal[201]]")
    for each in _types_in(parts[0], problems, is_generator=False):
        yield ReturnedType(each.kind, each.annotation, statuses)


def _kind_of(annotation: Any, *, is_generator: bool) -> ResponseKind:
    """Return the kind of response for one type, ANYTHING for one that says nothing."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    cls = typing.get_origin(annotation) or annotation
    if cls is Literal:
        is_text = all(isinstance(each, str) for each in typing.get_args(annotation))
        return ResponseKind.TEXT if is_text else ResponseKind.ANYTHING
    if not isinstance(cls, type):
        return ResponseKind.ANYTHING
    if is_generator and issubclass(cls, collections.abc.Iterable | collections.abc.AsyncIterable):
        return ResponseKind.STREAM
    kind = kind_of_class(cls)
    if kind is not None:
        return kind
    is_record = dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__") or typing.is_typeddict(cls)
    return ResponseKind.JSON if is_record else ResponseKind.ANYTHING


def kind_of_class(cls: type) -> ResponseKind | None:
    """Return the kind of response that a value of a class is, None if only its annotation or its fields say."""
    return next((kind for classes, kind in _KINDS if issubclass(cls, classes)), None)


# In the order in which the app decides what a value is: a Page is a dataclass, a FileResponse a Response.
_KINDS: tuple[tuple[tuple[type, ...], ResponseKind], ...] = (
    ((NoneType,), ResponseKind.NOTHING),
    ((str,), ResponseKind.TEXT),
    ((bytes, bytearray, memoryview), ResponseKind.BYTES),
    ((Page,), ResponseKind.PAGE),
    ((EventStream,), ResponseKind.EVENTS),
    ((FileResponse, Path), ResponseKind.FILE),
    ((Response,), ResponseKind.RESPONSE),
    ((msgspec.Struct, dict, list), ResponseKind.JSON),
    ((collections.abc.Iterator, collections.abc.AsyncIterator), ResponseKind.STREAM),
    ((collections.abc.Mapping, collections.abc.Sequence), ResponseKind.JSON),
)
_NOT_SENDABLE: tuple[tuple[tuple[type, ...], str], ...] = (
    ((set, frozenset, range), "a list"),
    ((bool, int, float, complex, Decimal, date, time, timedelta, UUID, Enum), "a dict, or str(...) of it"),
)


def _problem_with(annotation: Any) -> str:
    text = annotation_text(annotation)
    cls = typing.get_origin(annotation) or annotation
    for classes, instead in _NOT_SENDABLE:
        if isinstance(cls, type) and issubclass(cls, classes):
            return f"{text} can't be sent as a response; return {instead}"
    return f"{text} does not say what is returned; name the type, like -> Cat or -> list[Cat]"
