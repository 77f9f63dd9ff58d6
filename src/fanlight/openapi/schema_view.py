"""Schemas for people: as HTML, and as an example.

In: a schema of the document, and its components. Out: HTML in which each name of a component is a link, and a value
that the schema accepts. What a client sends is never in here, and all text is escaped: it may come from docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from fanlight.openapi.scalar_schemas import DURATION_PATTERNS, Schema
from fanlight.openapi.schemas import REFERENCE

_EXAMPLES: Mapping[str, Any] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:30:00Z",
    "date-time-local": "2026-01-31T12:30:00",
    "time": "12:30:00Z",
    "time-local": "12:30:00",
    "uuid": "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d",
    "decimal": "9.90",
    "uri-reference": "/",
    "binary": "",
}
_BOUNDS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("multipleOf", "a multiple of {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("minProperties", "at least {} members"),
    ("maxProperties", "at most {} members"),
    ("pattern", "like {}"),
)


def anchor_of(name: str) -> str:
    """Return the id of the part of the page about a component."""
    return f"schema-{name}"


def type_html(schema: Schema) -> str:
    """Return the type of a schema as HTML, in short: "list of Book", "integer or null"."""
    if reference := schema.get("$ref"):
        name = str(reference).removeprefix(REFERENCE)
        return f'<a href="#{escape(anchor_of(name))}">{escape(name)}</a>'
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return " or ".join(dict.fromkeys(map(type_html, schema[keyword])))
    if "const" in schema:
        return f"<code>{escape(_json(schema['const']))}</code>"
    return _kind_html(schema)


def _kind_html(schema: Schema) -> str:
    kinds = schema.get("type", "anything")
    if kinds == "array" and "prefixItems" in schema:
        return f"({', '.join(map(type_html, schema['prefixItems']))})"
    if kinds == "array":
        return f"list of {type_html(schema.get('items', {}))}"
    if kinds == "object" and "additionalProperties" in schema and "properties" not in schema:
        return f"object of {type_html(schema['additionalProperties'] or {})}"
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return escape(f"file ({text})" if schema.get("format") == "binary" else text)


def notes_html(schema: Schema) -> str:
    """Return what else holds for a value: its format, its bounds, its choices, its default."""
    notes = []
    if schema.get("format") not in (None, "binary"):
        notes.append(escape(str(schema["format"])))
    if "contentEncoding" in schema:
        notes.append(escape(str(schema["contentEncoding"])))
    if "enum" in schema:
        notes.append("one of " + ", ".join(f"<code>{escape(_json(each))}</code>" for each in schema["enum"]))
    if "format" not in schema and "contentEncoding" not in schema:
        notes += [escape(text.format(schema[name])) for name, text in _BOUNDS if name in schema]
    if schema.get("uniqueItems"):
        notes.append("each once")
    if "default" in schema:
        notes.append(f"default <code>{escape(_json(schema['default']))}</code>")
    return "; ".join(notes)


def schema_html(schema: Schema, *, is_component: bool = False) -> str:
    """Return a schema as HTML: the fields of an object as a table, anything else in a line."""
    description = f"<p>{escape(schema['description'])}</p>" if "description" in schema and is_component else ""
    if "properties" not in schema:
        notes = notes_html(schema)
        return f"{description}<p>{type_html(schema)}{f' ({notes})' if notes else ''}</p>"
    required = schema.get("required", ())
    rows = "".join(row_html(name, each, is_required=name in required) for name, each in schema["properties"].items())
    return f'{description}<div class="wide"><table>{rows}</table></div>'


def row_html(name: str, schema: Schema, *, is_required: bool, description: str = "", where: str = "") -> str:
    """Return the row of a field, or of a parameter."""
    need = '<span class="need">required</span>' if is_required else ""
    notes = [each for each in (notes_html(schema), escape(description or schema.get("description", ""))) if each]
    place = f"<td>{escape(where)}</td>" if where else ""
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code> {need}</th>{place}'
        f"<td>{type_html(schema)}</td><td>{'. '.join(notes)}</td></tr>"
    )


def example_of(schema: Schema, components: Mapping[str, Schema], within: tuple[str, ...] = ()) -> Any:
    """Return a value that a schema describes; `within` are the references that lead to it."""
    for keyword in ("default", "const"):
        if keyword in schema:
            return schema[keyword]
    if examples := schema.get("examples"):
        return examples[0]
    if reference := schema.get("$ref"):
        known = components.get(str(reference).removeprefix(REFERENCE), {})
        return None if reference in within else example_of(known, components, (*within, reference))
    if "enum" in schema:
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:  # of a class that contains itself, the end: null
            first = next((each for each in schema[keyword] if each.get("$ref") not in within), {"type": "null"})
            return example_of(first, components, within)
    kind = schema.get("type", "string")
    return _of_type(kind[0] if isinstance(kind, list) else kind, schema, components, within)


def _of_type(kind: str, schema: Schema, components: Mapping[str, Schema], within: tuple[str, ...]) -> Any:
    if kind == "object":
        fields = {name: example_of(each, components, within) for name, each in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        if not fields and isinstance(more, dict) and more.get("$ref", "-") not in within:
            fields = {"name": example_of(more, components, within)}
        return fields
    if kind == "array":
        if "prefixItems" in schema:
            return [example_of(each, components, within) for each in schema["prefixItems"]]
        items = schema.get("items", {})
        return [] if items.get("$ref") in within else [example_of(items, components, within)]
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0))
        return max(least, 1) if "maximum" not in schema else min(max(least, 1), schema["maximum"])
    return {"boolean": True, "null": None}[kind] if kind != "string" else _text(schema)


def _text(schema: Schema) -> str:
    if (known := _EXAMPLES.get(str(schema.get("format")))) is not None:
        return str(known)
    if "contentEncoding" in schema:
        return "aGVsbG8="
    if schema.get("pattern") in DURATION_PATTERNS:
        return "PT90S"
    text = "text"[: schema.get("maxLength", 4)]
    return text.ljust(schema.get("minLength", 0), "x")


def example_json(schema: Schema, components: Mapping[str, Schema]) -> str:
    """Return an example as JSON, in lines."""
    return msgspec.json.format(msgspec.json.encode(example_of(schema, components)), indent=2).decode()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
