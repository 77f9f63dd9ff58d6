"""The page of a description, for people: its operations, and a form for each to try it.

In: the document, and where it is. Out: one HTML page that loads nothing from elsewhere, and the content security policy
that it is sent with: its style and its script are named by their hashes, so nothing else runs in it. Without a script
it can be read all the same. Everything in the document is escaped: it may come from docstrings.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from fanlight.openapi.docs_style import STYLE
from fanlight.openapi.operation_form import operation_form
from fanlight.openapi.scalar_schemas import Schema
from fanlight.openapi.schema_view import anchor_of, example_json, row_html, schema_html
from fanlight.pages.drawing import FAVICON_LINK, LIT

_OTHERS = "Other operations"
_CODE = re.compile(r"`([^`\n]+)`")
SCRIPT = (resources.files("fanlight.openapi") / "browser" / "docs_page.js").read_text(encoding="utf-8")


def content_policy(document: Mapping[str, Any]) -> str:
    """Return the content security policy of the page: it connects to its own site, and to the servers of that."""
    servers = [f"{each.scheme}://{each.netloc}" for each in map(urlsplit, _server_urls(document)) if each.netloc]
    connect = " ".join(("'self'", *dict.fromkeys(servers)))
    return (
        f"default-src 'none'; style-src {_hash_of(STYLE)}; script-src {_hash_of(SCRIPT)}; connect-src {connect}; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def docs_page(document: Mapping[str, Any], path: str) -> str:
    """Return the page; `path` is where the document is."""
    info = document["info"]
    components = document.get("components", {}).get("schemas", {})
    groups = _groups(document)
    sections = "".join(_section(name, each, document, components) for name, each in groups.items())
    description = f'<p class="text">{_words(info["description"])}</p>' if "description" in info else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{FAVICON_LINK}\n<title>{escape(info['title'])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>{LIT}<div><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>{description}"
        f'<p><a href="{escape(path)}">The document</a> <span class="quiet">OpenAPI {document["openapi"]}</span></p>'
        f'</div></header>\n<div class="layout">\n{_navigation(groups)}\n<main>\n{_credentials(document)}{sections}'
        f"{_schemas(components)}</main>\n</div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _server_urls(document: Mapping[str, Any]) -> list[str]:
    return [each["url"] for each in document.get("servers", ())]


def _groups(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return the operations by their first tag, each as (path, method, operation)."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            groups.setdefault(operation.get("tags", [_OTHERS])[0], []).append((path, method, operation))
    if others := groups.pop(_OTHERS, None):  # last
        groups[_OTHERS if groups else "Operations"] = others
    return groups


def _anchor(operation: Mapping[str, Any]) -> str:
    return f"operation-{operation['operationId']}"


def _searched(path: str, method: str, operation: Mapping[str, Any]) -> str:
    """Return the words by which an operation is found."""
    parts = method, path, operation["operationId"], operation.get("summary", ""), *operation.get("tags", ())
    return escape(" ".join(parts).lower())


def _navigation(groups: Mapping[str, list[tuple[str, str, dict[str, Any]]]]) -> str:
    parts = []
    for name, operations in groups.items():
        items = "".join(
            f'<li data-words="{_searched(path, method, each)}"><a href="#{escape(_anchor(each))}">'
            f'<span class="method {method}">{method.upper()}</span> {escape(path)}</a></li>'
            for path, method, each in operations
        )
        parts.append(f"<div data-group><h2>{escape(name)}</h2><ul>{items}</ul></div>")
    field = '<label>Find an operation<input id="filter" type="search" autocomplete="off"></label>'
    return f'<nav aria-label="Operations"><div data-needs-script hidden>{field}</div>{"".join(parts)}</nav>'


def _section(
    name: str,
    operations: list[tuple[str, str, dict[str, Any]]],
    document: Mapping[str, Any],
    components: Mapping[str, Schema],
) -> str:
    parts = "".join(_operation(*each, document, components) for each in operations)
    return f"<section data-group><h2>{escape(name)}</h2>\n{parts}</section>\n"


def _operation(
    path: str, method: str, operation: dict[str, Any], document: Mapping[str, Any], components: Mapping[str, Schema]
) -> str:
    gone = " gone" if operation.get("deprecated") else ""
    parts = "".join(_parts_of(path, method, operation, document, components))
    attributes = f'id="{escape(_anchor(operation))}" data-words="{_searched(path, method, operation)}"'
    shown = f'<span class="method {method}">{method.upper()}</span> <code>{escape(path)}</code>'
    return (
        f'<details class="operation{gone}" {attributes}><summary>{shown} '
        f"<span>{_words(operation.get('summary', ''))}</span></summary>"
        f'<div class="inside">{parts}</div></details>\n'
    )


def _parts_of(
    path: str, method: str, operation: dict[str, Any], document: Mapping[str, Any], components: Mapping[str, Schema]
) -> Iterator[str]:
    if operation.get("deprecated"):
        yield '<p><span class="status warn">Deprecated</span> It may be removed.</p>'
    if "description" in operation:
        yield f'<p class="text">{_words(operation["description"])}</p>'
    names = sorted({name for each in operation.get("security", ()) for name in each})
    if names:
        optional = " (or none)" if {} in operation["security"] else ""
        yield f"<p>Credentials: {', '.join(f'<code>{escape(each)}</code>' for each in names)}{optional}</p>"
    if parameters := operation.get("parameters"):
        rows = "".join(
            row_html(
                each["name"],
                each["schema"],
                is_required=each["required"],
                description=each.get("description", ""),
                where=each["in"],
            )
            for each in parameters
        )
        yield f'<h3>Parameters</h3><div class="wide"><table>{rows}</table></div>'
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        example = f"<pre>{escape(example_json(schema, components))}</pre>" if "json" in media_type else ""
        yield f"<h3>Content <code>{escape(media_type)}</code></h3>{schema_html(schema)}{example}"
    yield f"<h3>Responses</h3>{''.join(_responses(operation['responses']))}"
    yield operation_form(path, method, operation, (_server_urls(document) or [""])[0], components)


def _responses(responses: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for status, response in responses.items():
        kinds = []
        for media_type, content in response.get("content", {}).items():
            schema = content.get("schema")
            shown = schema_html(schema) if schema else ""
            kinds.append(f"<p><code>{escape(media_type)}</code></p>{shown}")
        rows.append(
            f'<tr><th scope="row">{escape(status)}</th><td>{escape(response["description"])}</td>'
            f"<td>{''.join(kinds)}</td></tr>"
        )
    yield f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _schemas(components: Mapping[str, Schema]) -> str:
    if not components:
        return ""
    parts = "".join(
        f'<details class="schema" id="{escape(anchor_of(name))}"><summary><code>{escape(name)}</code></summary>'
        f'<div class="inside">{schema_html(each, is_component=True)}</div></details>\n'
        for name, each in components.items()
    )
    return f"<section><h2>Types</h2>\n{parts}</section>\n"


def _credentials(document: Mapping[str, Any]) -> str:
    """Return the fields for credentials: what is typed there stays in the page."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    parts = []
    for name, scheme in schemes.items():
        kind, field = _kind_of(scheme)
        fields = _fields_of(name, kind)
        attributes = f'id="scheme-{escape(name)}" data-kind="{kind}" data-field="{escape(field)}"'
        parts.append(f'<div {attributes} class="fields">{fields}</div>')
    if not parts:
        return ""
    note = '<p class="quiet">For the requests that you send from this page. They are not stored.</p>'
    return (
        '<section data-needs-script hidden><details class="schema"><summary>Credentials</summary>'
        f'<div class="inside">{note}{"".join(parts)}</div></details></section>\n'
    )


def _kind_of(scheme: Mapping[str, Any]) -> tuple[str, str]:
    if scheme["type"] == "http":
        return ("basic" if scheme["scheme"] == "basic" else "bearer"), ""
    if scheme["type"] == "apiKey":
        return scheme["in"], scheme["name"]
    return "bearer", ""


def _fields_of(name: str, kind: str) -> str:
    shown = escape(name)
    if kind == "cookie":
        return f"<p><code>{shown}</code>: the browser sends the cookie of this site by itself.</p>"
    field = '<label>{}<input autocomplete="off" spellcheck="false"{}></label>'
    if kind == "basic":
        return field.format(f"{shown}: name", "") + field.format(f"{shown}: password", ' type="password"')
    return field.format(shown, ' type="password"')


def _words(text: str) -> str:
    """Return a text of a docstring, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))
