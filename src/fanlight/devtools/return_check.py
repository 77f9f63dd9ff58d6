"""Compare what a view returns with its return annotation, in development.

In: a view. Out: a view of the same kind that raises InvalidResponse for a value that its annotation does not allow:
another kind of response, another status, JSON of another form. A view without an annotation, or with one that can't be
read, is returned as it is; so `fanlight run`, which has none of this, pays nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec import inspect as kinds

from fanlight.binding.callables import View, is_async
from fanlight.binding.diagnose import json_validator
from fanlight.binding.json_errors import JSONErrors
from fanlight.binding.json_scalars import Validator
from fanlight.errors import BadRequest, InvalidResponse
from fanlight.message.json_document import read_as_written
from fanlight.openapi.return_types import ResponseKind, ReturnedType, kind_of_class, read_return_types

_MOST_BYTES = 1024 * 1024  # of JSON; more of it is not checked
_WORDS = {
    ResponseKind.JSON: "JSON",
    ResponseKind.TEXT: "a text",
    ResponseKind.BYTES: "bytes",
    ResponseKind.PAGE: "a page from render()",
    ResponseKind.FILE: "a file",
    ResponseKind.STREAM: "a stream",
    ResponseKind.EVENTS: "an EventStream",
    ResponseKind.NOTHING: "None",
    ResponseKind.RESPONSE: "a Response",
}


class _Allowed(Struct, frozen=True):
    """One kind of response that an annotation names, and what checks its JSON."""

    returned: ReturnedType
    validate: Validator | None


def checked_view(view: View, name: str, place: str) -> View:
    """Return a view that checks what it returns; `name` and `place` are named in its errors."""
    returned = read_return_types(view)
    is_open = any(each.kind is ResponseKind.ANYTHING for each in returned.types)
    if not returned.written or not returned.types or is_open:
        return view
    where = f"{name} ({place})" if place else name
    check = _check(tuple(map(_allowed, returned.types)), f"{where} is annotated -> {returned.written}, but ", place)
    if is_async(view):

        @functools.wraps(view)
        async def checked_async(*given: Any, **named: Any) -> Any:
            result: Any = view(*given, **named)
            return check(await result)

        return checked_async

    @functools.wraps(view)
    def checked(*given: Any, **named: Any) -> Any:
        return check(view(*given, **named))

    return checked


def _allowed(returned: ReturnedType) -> _Allowed:
    if returned.kind is not ResponseKind.JSON:
        return _Allowed(returned, None)
    try:
        return _Allowed(returned, json_validator(kinds.type_info(returned.annotation)))
    except (TypeError, NameError, AttributeError):  # in the annotation of a field, written as text
        return _Allowed(returned, None)


def _check(allowed: tuple[_Allowed, ...], start: str, place: str) -> Callable[[Any], Any]:
    """Return a function that returns a result, or raises InvalidResponse."""

    def check(result: Any) -> Any:
        body, status = result, 0
        if isinstance(result, tuple) and len(result) in (2, 3) and isinstance(result[1], int):
            body, status = result[0], int(result[1])
        kind = _kind_of(body)
        fitting = [each for each in allowed if _fits(each.returned.kind, kind)]
        if not fitting:
            raise InvalidResponse(f"{start}returned {_described(body, kind)}; change one of them", place=place)
        if kind is ResponseKind.RESPONSE:
            return result
        status = status or (204 if kind is ResponseKind.NOTHING else 200)
        of_status = [each for each in fitting if status in each.returned.statuses or not each.returned.statuses]
        if not of_status:
            raise InvalidResponse(f"{start}the status is {status}; change one of them", place=place)
        if kind is ResponseKind.JSON and (wrong := _wrong_json(body, of_status)):
            raise InvalidResponse(f"{start}{wrong}; change one of them", place=place)
        return result

    return check


def _kind_of(body: object) -> ResponseKind:
    return kind_of_class(type(body)) or ResponseKind.JSON


def _fits(allowed: ResponseKind, kind: ResponseKind) -> bool:
    is_response = kind in (ResponseKind.EVENTS, ResponseKind.FILE)
    return allowed is kind or (allowed is ResponseKind.RESPONSE and is_response)


def _described(body: object, kind: ResponseKind) -> str:
    if kind is ResponseKind.JSON:
        return f"a {type(body).__qualname__}"
    return _WORDS[kind]


def _wrong_json(body: object, allowed: list[_Allowed]) -> str:
    """Return what is wrong with a value as JSON, by the type that it fits best; "" if it fits one of them."""
    if any(each.validate is None for each in allowed):
        return ""
    try:
        content = msgspec.json.encode(body)
        if len(content) > _MOST_BYTES:
            return ""
        value = read_as_written(content)
    except (TypeError, ValueError, RecursionError, BadRequest):  # it can't be sent, which is another error
        return ""
    found = []
    for each in allowed:
        errors = JSONErrors()
        assert each.validate is not None
        each.validate(value, None, errors)
        if not errors.fields:
            return ""
        found.append(errors.fields)
    best = min(found, key=len)
    return ", ".join(f"{each.name or 'it'}: {each.message}" for each in best[:3])
