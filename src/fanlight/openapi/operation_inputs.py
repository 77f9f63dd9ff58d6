"""What a client sends to one route with some methods: parameters, and content.

In: the functions that run for the route (its view, what that depends on, middleware). Out: the parameters and the
request body as OpenAPI has them, and how they may be refused. Header fields that OpenAPI describes elsewhere (Accept,
Content-Type, Authorization) are no parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec import inspect as kinds

from fanlight.binding.convert import PATH_CONVERTERS
from fanlight.binding.kinds import COLLECTIONS, may_be_object, split_optional, strip_metadata
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import Parameter
from fanlight.message.media_types import JSON, MULTIPART
from fanlight.openapi.bound_function import BoundFunction, TextField, without_none
from fanlight.openapi.scalar_schemas import Schema
from fanlight.openapi.schemas import BINARY_SCHEMA, Schemas, with_default

_NOT_PARAMETERS = ("accept", "content-type", "authorization")  # OpenAPI 3.1, Parameter Object
_PATH_SCHEMAS: Mapping[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "date": {"type": "string", "format": "date"},
    "uuid": {"type": "string", "format": "uuid"},
    "str": {"type": "string", "minLength": 1},
    "path": {"type": "string", "minLength": 1},
}


class OperationInputs(Struct, kw_only=True):
    """What is sent."""

    parameters: list[dict[str, Any]] = field(default_factory=list)
    body: dict[str, Any] | None = None
    may_be_invalid: bool = False  # a field may be missing or invalid: 422
    may_not_exist: bool = False  # a part of the path may not fit: 404
    problems: list[str] = field(default_factory=list)


def read_inputs(functions: Sequence[BoundFunction], path: Mapping[str, str], schemas: Schemas) -> OperationInputs:
    """Return what the functions of an operation take; `path` has the converters of the parameters in the path."""
    found = OperationInputs()
    for name, converter in path.items():
        found.parameters.append(_path_parameter(name, converter, functions, schemas))
        coercers = [each.binding.path[name] for each in functions if name in each.binding.path]
        found.may_not_exist |= converter not in ("str", "path") or any(each is not None for each in coercers)
        if converter == "path":
            found.problems.append(f"{{{name}...}} may have slashes in it, which clients made from OpenAPI send as %2F")
    for each in functions:
        found.may_be_invalid |= each.may_refuse
        for parameter in _parameters_of(each, schemas):
            if not any(parameter["in"] == one["in"] and parameter["name"] == one["name"] for one in found.parameters):
                found.parameters.append(parameter)
        found.body = _body_of(each, schemas) or found.body
        binding = each.binding
        if each.has_body and binding.requests and binding.body is None and not binding.stream:
            found.problems.append("it takes the request, and what it reads there is not known; take parameters")
    return found


# --- parameters ---------------------------------------------------------------------------------------


def _path_parameter(name: str, converter: str, functions: Sequence[BoundFunction], schemas: Schemas) -> dict[str, Any]:
    schema, description = _PATH_SCHEMAS[converter], ""
    for each in functions:
        parameter = each.parameter(name) if name in each.binding.path else None
        if parameter is not None and parameter.annotation is not MISSING:
            schema = _narrowed(schema, converter, parameter, schemas)
            description = description or each.description(parameter)
    made: dict[str, Any] = {"name": name, "in": "path", "required": True, "schema": schema}
    if converter == "path":
        made["x-has-slashes"] = True
        description = " ".join(filter(None, (description, "May have slashes in it.")))
    return _described(made, description)


def _narrowed(schema: Schema, converter: str, parameter: Parameter, schemas: Schemas) -> Schema:
    """Return the schema of a view's type for a part of the path, if it says more than the converter."""
    kind = without_none(kinds.type_info(parameter.annotation))
    plain = strip_metadata(kind)
    is_choice = isinstance(plain, kinds.EnumType | kinds.LiteralType)
    says_more = converter in ("str", "path") or is_choice or PATH_CONVERTERS.get(type(plain)) == converter
    if isinstance(plain, kinds.AnyType) or not says_more:
        return schema
    narrowed = schemas.of(kind, is_input=True)
    return {"minLength": 1, **narrowed} if isinstance(plain, kinds.StrType) else narrowed


def _parameters_of(bound: BoundFunction, schemas: Schemas) -> Iterator[dict[str, Any]]:
    binding = bound.binding
    for fields, place in ((binding.query, "query"), (binding.headers, "header"), (binding.cookies, "cookie")):
        for each in bound.text_fields(fields):
            is_secret = bound.security is not None and place == "header"
            if not is_secret and (place != "header" or each.field.sent_as.lower() not in _NOT_PARAMETERS):
                yield _parameter(each, place, schemas)
    if binding.query_record is not None:
        for each in bound.record_fields(*binding.query_record):
            yield _parameter(each, "query", schemas)


def _parameter(text_field: TextField, place: str, schemas: Schemas) -> dict[str, Any]:
    schema = _text_schema(text_field, schemas)
    description = schema.pop("description", "")
    made = {"name": text_field.field.sent_as, "in": place, "required": text_field.is_required, "schema": schema}
    if place == "query" and text_field.field.is_blank_missing and not text_field.is_required:
        made["allowEmptyValue"] = True  # it counts as not sent
    return _described(made, text_field.description or description)


def _text_schema(text_field: TextField, schemas: Schemas) -> Schema:
    schema = dict(schemas.of(text_field.kind, is_input=True))
    return with_default(schema, text_field.default)


# --- the content --------------------------------------------------------------------------------------


def _body_of(bound: BoundFunction, schemas: Schemas) -> dict[str, Any] | None:
    """Return the Request Body Object; None for a function that takes no content."""
    if bound.binding.stream:
        return {"required": False, "content": {"*/*": {"schema": BINARY_SCHEMA}}}
    body = bound.binding.body
    if body is None:
        return None
    fields = (
        [*bound.text_fields(body.form), *bound.record_fields(body.whole, body.record)] if body.accepts_forms else []
    )
    schema = _object({each.field.sent_as: (_form_field(each, schemas), each.is_required) for each in fields})
    # An empty form is no content.
    is_required = body.needs_content and (not body.accepts_forms or "required" in schema)
    if body.accepts_json:  # a form with the same fields is accepted, too; some generators of clients take only one
        content = {JSON: {"schema": _json_schema(bound, body.whole, schemas)}}
    else:  # it has files; each of its parts has a name (RFC 7578 section 4.2)
        content = {MULTIPART: {"schema": {**schema, "propertyNames": {"minLength": 1}}, **_encoding(fields)}}
    return {"required": is_required, "content": content}


def _encoding(fields: Sequence[TextField]) -> dict[str, Any]:
    """Return the media types of the files that must be images."""
    images = {each.field.sent_as: each.field.image for each in fields if each.field.image is not None}
    types = {name: {"contentType": ", ".join(image.media_types)} for name, image in images.items()}
    return {"encoding": types} if types else {}


def _form_field(text_field: TextField, schemas: Schemas) -> Schema:
    image = text_field.field.image
    description = text_field.description or (image.description if image is not None else "")
    return _described(_text_schema(text_field, schemas), description)


def _json_schema(bound: BoundFunction, whole: str, schemas: Schemas) -> Schema:
    """Return the schema of the JSON that a view takes: one document, or an object with its parameters."""
    if whole:
        return _json_of(bound, whole, schemas)
    fields: dict[str, tuple[Schema, bool]] = {}
    for name in bound.content_names:
        read = bound.read(name)
        schema, default = _json_of(bound, name, schemas), read.parameter.default
        schema = _described(schema, bound.description(read.parameter))
        inner, is_optional = split_optional(read.kind)
        is_required = default is MISSING and not is_optional and type(inner) not in COLLECTIONS
        fields[read.sent_as] = (schema if default is MISSING else with_default(schema, default)), is_required
    document = _object(fields)
    if len(fields) == 1 and not may_be_object(bound.read(bound.content_names[0]).kind):
        bare = next(iter(fields.values()))[0]
        return {"anyOf": [document, bare]}  # a single field may be sent without the object
    return document


def _json_of(bound: BoundFunction, name: str, schemas: Schemas) -> Schema:
    plan = bound.read(name).plan
    return schemas.of(kinds.type_info(plan.annotation), is_input=True, originals=plan.originals)


def _object(fields: Mapping[str, tuple[Schema, bool]]) -> Schema:
    """Return the schema of an object with these fields, each with its schema and whether it is required."""
    schema: Schema = {"type": "object", "properties": {name: each for name, (each, _) in fields.items()}}
    if required := [name for name, (_, is_required) in fields.items() if is_required]:
        schema["required"] = required
    return schema


def _described(made: dict[str, Any], description: str) -> dict[str, Any]:
    return {**made, "description": description} if description and "description" not in made else made
