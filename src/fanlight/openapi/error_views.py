"""What is sent for the errors that the code of an operation raises, if its site has views for their classes.

    errors={OutOfStock: out_of_stock}

In: the errors: a status, or a class of exceptions; and the view for a class. Out: the statuses that are sent as problem
details, the responses of error views, and what those leave open, in words. An error view says what it sends as any view
does: by its return annotation, by the HTTP errors in its code, or by `in_openapi(responses=...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fanlight.binding.callables import View, display_name
from fanlight.errors import HTTPError, InternalServerError
from fanlight.message.route_marks import marks_of
from fanlight.openapi.openapi_mark import merged
from fanlight.openapi.operation_responses import marked_responses, view_responses
from fanlight.openapi.return_types import ResponseKind, ReturnedType, read_return_types
from fanlight.openapi.scalar_schemas import Schema
from fanlight.openapi.schemas import Schemas
from fanlight.openapi.view_code import CodeFacts, read_code

ErrorViewOf = Callable[[type[Exception]], View | None]
_OPEN = (ResponseKind.RESPONSE, ResponseKind.ANYTHING)


class ErrorViews:
    """What is sent for the errors of one operation; `problems` is what is left open."""

    def __init__(self, view_of: ErrorViewOf, folder: Path, schemas: Schemas) -> None:
        self._view_of, self._folder, self._schemas = view_of, folder, schemas
        self.statuses: set[int] = set()
        self.responses: dict[str, Any] = {}
        self.problems: list[str] = []

    def add(self, errors: Iterable[int | type[Exception]], *, are_declared: bool = False) -> None:
        """Add what is sent for errors; if they `are_declared`, each must be one that a response is known of."""
        for each in errors:
            if isinstance(each, int):
                self.statuses.add(each)
            elif (view := self._view_of(each)) is not None:
                self._add_view(view, each)
            elif issubclass(each, HTTPError):
                self.statuses.add(each.status)
            elif are_declared:
                self.problems.append(f"{each.__name__} has no view in the errors of the app, so it is any other error")

    def _add_view(self, view: View, kind: type[Exception]) -> None:
        code = read_code(view, self._folder)
        self.statuses |= code.errors
        mark = merged(marks_of(view))
        if mark.responses is not None:
            self._merge(marked_responses(mark.responses, self._schemas))
            return
        types = [
            _as_sent(each, kind) for each in read_return_types(view).types if each.kind is not ResponseKind.NOTHING
        ]
        if any(_is_open(each, code) for each in types):
            hint = f"write its status and its content, like -> tuple[{kind.__name__}Problem, Literal[409]]"
            self.problems.append(f"{display_name(view)} does not say what it sends for {kind.__name__}; {hint}")
        known = {str(status) for each in types for status in each.statuses} | {str(each) for each in code.redirects}
        made = view_responses(types, code, self._schemas)
        self._merge({status: each for status, each in made.items() if status in known})

    def _merge(self, responses: Mapping[str, Any]) -> None:
        self.responses = with_responses(self.responses, responses)


def _as_sent(returned: ReturnedType, kind: type[Exception]) -> ReturnedType:
    """Return a type with the statuses that it is sent with: an error that names none has that of its class."""
    own = kind.status if issubclass(kind, HTTPError) else InternalServerError.status
    statuses = tuple(own if each == 200 else each for each in returned.statuses)
    return ReturnedType(returned.kind, returned.annotation, statuses)


def _is_open(returned: ReturnedType, code: CodeFacts) -> bool:
    return returned.kind in _OPEN and not returned.statuses and not (code.only_redirects or code.only_raises)


def with_responses(responses: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return responses by status with more of them; where both have a status, it has the content of either."""
    found = dict(responses)
    for status, each in more.items():
        found[status] = _either(found[status], each) if status in found else each
    return dict(sorted(found.items()))


def _either(first: Schema, second: Schema) -> Schema:
    content = dict(first.get("content", {}))
    for media_type, made in second.get("content", {}).items():
        known = content.get(media_type, made)
        content[media_type] = known if known == made else {"schema": {"anyOf": [*_choices(known), *_choices(made)]}}
    return {**second, **first} | ({"content": content} if content else {})


def _choices(content: Schema) -> list[Schema]:
    schema = content.get("schema", {})
    return schema["anyOf"] if list(schema) == ["anyOf"] else [schema]
