"""Explain a 422: which field, what was sent, what the view expects, and whether the page with the form has the field.

In: the error with its fields, the request and its route. Out: an `Explanation`. Values are masked by their names, and
cut.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fanlight.closest_name import closest_name
from fanlight.devtools.secrets import mask
from fanlight.devtools.teaching.explanation import Explanation, FieldLine, Place
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.devtools.teaching.site_source import FormPage, parameter_of, referring_form, view_place
from fanlight.errors import BadField, HTTPError, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.routing.route import Route

MAX_FIELDS = 20
MAX_VALUE = 120  # characters that are shown
_MISSING = "is missing"


def explain_fields(error: UnprocessableContent, request: Request, route: Route, app: SiteFacts) -> Explanation:
    """Return the explanation of missing and invalid fields."""
    view = view_place(route, app.folder)
    form = referring_form(request, app) if any(each.source == "form" for each in error.fields) else None
    fields = tuple(_line_of(each, request, route, view, app.folder) for each in error.fields[:MAX_FIELDS])
    wrong = ", ".join(map(_in_words, fields[:3]))
    if len(error.fields) > 3:
        wrong += f" and {len(error.fields) - 3} more"
    steps = [step for each in fields if (step := _step(each, form))]
    places = (view,) if form is None else (view, Place(form.place, form.what))
    summary = f"{view.what} ({view.place}) was not called: {wrong}"
    return Explanation(
        status=422,
        summary=summary,
        line=f"{summary}; {_as_clause(steps[0])}" if form is not None and steps else "",
        steps=tuple(dict.fromkeys(steps)),
        places=places,
        fields=fields,
    )


def _as_clause(step: str) -> str:
    """Return a sentence as the rest of another, for a line without marks."""
    return f"{step[0].lower()}{step[1:].rstrip('.')}".replace("`", "")


def _in_words(field: FieldLine) -> str:
    joint = " " if field.message.startswith("is ") else ": "
    return f"{field.source} field {field.name!r}{joint}{field.message}"


def _line_of(field: BadField, request: Request, route: Route, view: Place, folder: Path) -> FieldLine:
    name = field.name[:MAX_VALUE]
    value = _sent(field, request)
    sent = None if value is None else mask(name, _short(value))
    top = field.pointer.split("/")[1] if field.pointer and "/" in field.pointer else name
    expected, place = parameter_of(route.view, top.replace("-", "_"), folder)
    # SECURITY: tests/devtools/teaching/test_error_teacher.py: a message has the value in it, which may be a secret
    is_shown = field.message == _MISSING or mask(name, "shown") == "shown"
    return FieldLine(
        field.source, name, field.message if is_shown else "is invalid", sent, expected, place or view.place
    )


def _step(field: FieldLine, form: FormPage | None) -> str:
    """Return what to write for a field, "" if that is clear."""
    if field.message != _MISSING:
        return ""
    if field.source == "form" and form is not None and form.is_certain and field.name not in form.fields:
        has = ", ".join(f'"{each}"' for each in form.fields[:6])
        start = f"The form on {form.path} ({form.place}) has no field `{field.name}`, it has {has}"
        if close := closest_name(field.name, form.fields):
            return f'{start}; write `name="{field.name}"` for `name="{close}"`.'
        return f'{start}; add `<input name="{field.name}">`.'
    if field.source == "form" and form is not None and field.name in form.fields:
        return f"The form on {form.path} ({form.place}) has `{field.name}`, but sent it empty; add `required` to it."
    if not field.expected or "=" in field.expected:
        return ""
    return f"If it may be missing, give it a default: `{field.expected} = ...`."


def _sent(field: BadField, request: Request) -> str | None:
    """Return what was sent for a field as text, None if it was not sent or can't be read again."""
    try:
        return _value_of(field, request)
    except (HTTPError, OSError, ValueError, LookupError, TypeError):
        return None


def _value_of(field: BadField, request: Request) -> str | None:
    values: Any = {
        "query": lambda: request.query,
        "form": lambda: request.form,
        "cookie": lambda: request.cookies,
        "header": lambda: request.headers,
    }.get(field.source)
    if values is not None:
        found = values()
        if field.name not in found:
            return None
        value = found[field.name]
        return f"the file {value.filename!r}" if isinstance(value, Upload) else str(value)
    value = request.json
    for step in (field.pointer or f"/{field.name}").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}..."
