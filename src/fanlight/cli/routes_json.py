"""The routes of a site as one JSON document, for programs: `fanlight routes --json`.

In: an app. Out: the document as text, described in docs/reference/command.md. Its members are always there; one that
does not apply is null. A change that could break a reader raises `version`.
"""

from __future__ import annotations

import re

import msgspec

from fanlight.app.application import Application
from fanlight.app.route_facts import BoundParameter, RouteFacts, route_facts
from fanlight.cli.routes import in_order

VERSION = 1
_PLACE = re.compile(r"(.+):([0-9]{1,9})")


def routes_json(app: Application, site: str) -> str:
    """Return the document; `site` is the site as it was given to the command."""
    document = {
        "version": VERSION,
        "site": site,
        "folder": str(app.folder),
        "routes": [_route(facts) for facts in route_facts(app)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _route(facts: RouteFacts) -> dict[str, object]:
    route = facts.route
    file, line = _file_and_line(route.place)
    view_file, view_line = _file_and_line(facts.view_place)
    return {
        "methods": in_order(route.methods),
        "pattern": route.pattern,
        "name": route.full_name or None,
        "kind": facts.kind,
        "file": file,
        "line": line,
        "view_file": view_file,
        "view_line": view_line,
        "async": facts.is_async,
        "lane": facts.lane or None,
        "limits": facts.limits,
        "middleware": facts.middleware,
        "json_errors": route.inherited.json_errors,
        "parameters": [_parameter(each) for each in facts.parameters],
    }


def _parameter(bound: BoundParameter) -> dict[str, object]:
    facts = bound.facts
    return {
        "name": facts.name,
        "in": facts.source,
        "sent_as": facts.sent_as,
        "type": facts.type,
        "required": facts.is_required,
        "methods": in_order(bound.methods),
        "dependency": bound.dependency or None,
    }


def _file_and_line(place: str) -> tuple[str | None, int | None]:
    """Return the file and line of "views.py:12", None for a place that is no line of a file."""
    found = _PLACE.fullmatch(place)
    return (found[1], int(found[2])) if found else (None, None)
