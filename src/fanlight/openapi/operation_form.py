"""The form by which an operation is tried on the page of a description.

In: an operation. Out: the form as HTML: a field for each parameter, and for what its content is made of. It is sent by
the script of the page (`browser/docs_page.js`), and hidden without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from fanlight.message.media_types import MULTIPART
from fanlight.openapi.scalar_schemas import Schema
from fanlight.openapi.schema_view import example_json, example_of
from fanlight.openapi.schemas import REFERENCE


def operation_form(
    path: str, method: str, operation: Mapping[str, Any], server: str, components: Mapping[str, Schema]
) -> str:
    """Return the form; `server` is the URL before the path, "" for the site of the page."""
    names = sorted({name for each in operation.get("security", ()) for name in each})
    fields = "".join(
        _field(each["name"], each["schema"], each["required"], _role_of(each), components)
        for each in operation.get("parameters", ())
        if each["in"] != "cookie"  # which the browser sends
    )
    content = operation.get("requestBody", {}).get("content", {})
    kind = MULTIPART if MULTIPART in content else ""
    json = next((each for each in content if "json" in each), "")
    body = ""
    if json:
        example = escape(example_json(content[json].get("schema", {}), components))
        body = f'<p><label>Content ({escape(json)})<textarea data-body="{escape(json)}" spellcheck="false">'
        body += f"\n{example}</textarea></label></p>"
    elif kind:
        schema = content[kind]["schema"]
        required = schema.get("required", ())
        fields += "".join(
            _field(name, each, name in required, "data-field", components)
            for name, each in schema["properties"].items()
        )
    elif content:
        body = '<p><label>Content<textarea data-body="application/octet-stream"></textarea></label></p>'
    security = escape(msgspec.json.encode(names).decode())
    return (
        f'<form data-needs-script hidden data-method="{method.upper()}" data-path="{escape(path)}" '
        f'data-server="{escape(server)}" data-security="{security}" data-form="{escape(kind)}"><h3>Try it</h3>'
        f'<div class="fields">{fields}</div>{body}<p><button>Send</button></p><output></output></form>'
    )


def _role_of(parameter: Mapping[str, Any]) -> str:
    slashes = ' data-slashes="1"' if parameter.get("x-has-slashes") else ""
    return f'data-in="{parameter["in"]}"{slashes}'


def _field(name: str, schema: Schema, is_required: Any, role: str, components: Mapping[str, Schema]) -> str:
    plain = schema
    while reference := plain.get("$ref"):
        plain = components.get(str(reference).removeprefix(REFERENCE), {})
    is_list = plain.get("type") == "array"
    need = " required" if is_required else ""
    role = f'data-field="{escape(name)}"' if role == "data-field" else f'{role} data-name="{escape(name)}"'
    label = escape(name) + (" (a value in each line)" if is_list else "")
    if plain.get("format") == "binary" or plain.get("items", {}).get("format") == "binary":
        many = " multiple" if is_list else ""
        return f'<label>{label}<input type="file" {role}{many}{need}></label>'
    if is_list:
        return f'<label>{label}<textarea rows="2" data-list="1" {role}{need}></textarea></label>'
    choices = plain.get("enum") or (["true", "false"] if plain.get("type") == "boolean" else None)
    if choices:
        options = "".join(f"<option>{escape(str(each))}</option>" for each in choices)
        nothing = "" if is_required else "<option></option>"
        return f"<label>{label}<select {role}{need}>{nothing}{options}</select></label>"
    value = example_of(schema, components) if is_required else ""
    shown = f' value="{escape(str(value))}"' if value not in ("", None) else ""
    return f'<label>{label}<input autocomplete="off" {role}{need}{shown}></label>'
