"""What comes back from one route with some methods: the responses of its view, and the errors in its place.

In: the return annotation of the view, and the errors that may be raised. Out: the Responses Object of OpenAPI. Every
other error is described by its `default`: all have the same form, problem details (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import inspect as kinds

from fanlight.message.media_types import JSON
from fanlight.openapi.return_types import ResponseKind, ReturnedType, types_of
from fanlight.openapi.scalar_schemas import Schema
from fanlight.openapi.schemas import BINARY_SCHEMA, Schemas
from fanlight.openapi.view_code import CodeFacts
from fanlight.pages.problem_details import PROBLEM
from fanlight.reason_phrases import REASON_PHRASES

_SUCCESS = "2XX"
_TEXT: Schema = {"type": "string"}
_FIELD: Schema = {
    "type": "object",
    "description": "A field that is missing or invalid.",
    "properties": {
        "in": {"type": "string", "enum": ["query", "form", "json", "cookie", "header"]},
        "name": {"type": "string", "description": 'Its name, like "lines[2].count"; "" if it is the whole.'},
        "pointer": {"type": "string", "description": "Its place in JSON (RFC 6901)."},
        "detail": {"type": "string", "description": "What is wrong with it."},
    },
    "required": ["in", "name", "detail"],
}
_PROBLEM: Schema = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": "string", "description": "By it the error is found in the logs."},
    },
    "required": ["type", "title", "status"],
}
_INVALID: Schema = {
    "type": "object",
    "description": "Fields are missing or invalid: all of them are listed.",
    "properties": {**_PROBLEM["properties"], "errors": {"type": "array", "items": _FIELD}},
    "required": _PROBLEM["required"],
}
_PHRASES = {str(status): phrase for status, phrase in REASON_PHRASES.items()}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "The credentials that are accepted."},
    429: {"Retry-After": "Seconds until the next request is accepted."},
}


def error_responses(statuses: Iterable[int], schemas: Schemas, *, may_be_html: bool) -> dict[str, Any]:
    """Return the responses for errors, and `default` for all others; a browser may get them as pages."""
    found = {}
    for status in sorted(set(statuses)):
        name, schema = ("InvalidFields", _INVALID) if status == 422 else ("Problem", _PROBLEM)
        made = _error(REASON_PHRASES.get(status, "Error"), schemas.add(name, schema), may_be_html=may_be_html)
        if fields := _HEADERS.get(status):
            made["headers"] = {name: _header(text) for name, text in fields.items()}
        found[str(status)] = made
    found["default"] = _error("Any other error", schemas.add("Problem", _PROBLEM), may_be_html=may_be_html)
    return found


def _error(description: str, schema: Schema, *, may_be_html: bool) -> dict[str, Any]:
    content = {PROBLEM: {"schema": schema}}
    return {"description": description, "content": content | ({"text/html": {"schema": _TEXT}} if may_be_html else {})}


def _header(description: str, *, is_required: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"description": description, "schema": _TEXT}
    return {**made, "required": True} if is_required else made


def view_responses(types: Iterable[ReturnedType], code: CodeFacts, schemas: Schemas) -> dict[str, Any]:
    """Return the responses that a view is annotated to return, and the redirects in its code."""
    by_status: dict[str, list[ReturnedType]] = {}
    for each in types:
        is_open = each.kind in (ResponseKind.RESPONSE, ResponseKind.ANYTHING)
        if is_open and not each.statuses:
            for status in code.redirects:
                by_status.setdefault(str(status), [])
            if code.only_redirects:
                continue
        for name in map(str, each.statuses) if each.statuses else (_SUCCESS,):
            by_status.setdefault(name, []).append(each)
    found = {status: _response(status, each, schemas) for status, each in by_status.items()}
    if any(each.kind is ResponseKind.FILE for each in types):
        found |= {"206": _part_of_file(), "304": {"description": REASON_PHRASES[304]}}
    return dict(sorted(found.items()))


def marked_responses(responses: Mapping[int, Any], schemas: Schemas) -> dict[str, Any]:
    """Return the responses that a mark names: the type of the content by status."""
    found = {}
    for status, annotation in responses.items():
        types = [ReturnedType(each.kind, each.annotation, (status,)) for each in types_of(annotation, schemas.problems)]
        found[str(status)] = _response(str(status), types, schemas)
    return found


def _part_of_file() -> dict[str, Any]:
    return {"description": "A part of the file, for Range", "content": {"*/*": {"schema": BINARY_SCHEMA}}}


def _response(status: str, types: list[ReturnedType], schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _PHRASES.get(status, "Success")}
    if status in ("301", "302", "303", "307", "308"):
        response["headers"] = {"Location": _header("Where to go on.", is_required=True)}
    content: dict[str, Any] = {}
    if data := [each.annotation for each in types if each.kind is ResponseKind.JSON]:
        content[JSON] = {"schema": _json_schema(data, schemas)}
    for each in types:
        if each.kind in _SCHEMAS:
            content[each.kind.media_type] = {"schema": _SCHEMAS[each.kind]}
        elif each.kind in (ResponseKind.RESPONSE, ResponseKind.ANYTHING):
            content["*/*"] = {}
    return {**response, "content": content} if content and status not in ("204", "304") else response


_SCHEMAS: Mapping[ResponseKind, Schema] = {
    ResponseKind.TEXT: _TEXT,
    ResponseKind.PAGE: _TEXT,
    ResponseKind.BYTES: BINARY_SCHEMA,
    ResponseKind.FILE: BINARY_SCHEMA,
    ResponseKind.STREAM: _TEXT,
    ResponseKind.EVENTS: {},  # OpenAPI 3.1 has no word for the items of a stream
}


def _json_schema(annotations: list[Any], schemas: Schemas) -> Schema:
    """Return the schema of JSON that is of one of these types."""
    try:  # together, so that tagged Structs are distinguished
        return schemas.of(kinds.type_info(_union(annotations)), is_input=False)
    except TypeError:
        made = [_one_schema(each, schemas) for each in annotations]
        return {"anyOf": made} if len(made) > 1 else made[0]


def _one_schema(annotation: Any, schemas: Schemas) -> Schema:
    try:
        return schemas.of(kinds.type_info(annotation), is_input=False)
    except (TypeError, NameError, AttributeError) as error:  # in the annotation of a field, written as text
        schemas.problems.append(f"what it returns has no schema: {error}")
        return {}


def _union(annotations: list[Any]) -> Any:
    union = annotations[0]
    for each in annotations[1:]:
        union = union | each
    return union
