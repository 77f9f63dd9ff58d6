"""Errors as problem details in JSON (RFC 9457), for clients that are programs.

In: an error, and its request. Out: the members of the document, and whether the client prefers it to a page. Only the
status of an error and what it was raised with are shown, and for a 500 the id by which the logs have it.
"""

from __future__ import annotations

from fanlight.errors import BadField, HTTPError, UnprocessableContent
from fanlight.message.accept import names
from fanlight.message.request import Request
from fanlight.reason_phrases import REASON_PHRASES

PROBLEM = "application/problem+json"
_JSON = (PROBLEM, "application/json")
_JSON_FIRST = (*_JSON, "text/html")
_PAGE_FIRST = ("text/html", *_JSON)


def problem(error: HTTPError, request: Request | None = None) -> dict[str, object]:
    """Return an error as problem details: type, title, status, detail, instance.

    A 422 has every bad field too, and a 500 the id of the request.
    """
    title = REASON_PHRASES.get(error.status, "Error")
    members: dict[str, object] = {"type": "about:blank", "title": title, "status": error.status}
    if error.detail:
        members["detail"] = sendable(error.detail)
    # A path that begins with two slashes would be read as the name of another host.
    if request is not None and request.raw_path.startswith("/") and not request.raw_path.startswith("//"):
        members["instance"] = sendable(request.raw_path)
    if isinstance(error, UnprocessableContent) and error.fields:
        members["errors"] = [_bad_field(each) for each in error.fields]
    if request_id := reported_id(error, request):
        members["request_id"] = request_id
    return members


def reported_id(error: HTTPError, request: Request | None) -> str:
    """Return the id of the request if a visitor may want to report the error, which is a 500; else ""."""
    return request.id if error.status == 500 and request is not None else ""


def _bad_field(field: BadField) -> dict[str, object]:
    """Return where a field was expected, its name, for JSON the pointer to it (RFC 6901), and what is wrong with it."""
    members: dict[str, object] = {"in": sendable(field.source), "name": sendable(field.name)}
    if field.pointer is not None:
        members["pointer"] = sendable(field.pointer)
    return members | {"detail": sendable(field.message)}


def wants_problem(request: Request) -> bool:
    """Return whether a client prefers JSON to HTML.

    If it accepts both equally, it does if it names only JSON ("application/json, */*"), or has itself sent JSON.
    """
    # A browser sends no "json" in `accept`, so nothing more is compared for a browser.
    accept = request.head.values.get("accept", "").lower()
    names_json = "json" in accept
    if request.is_json or (names_json and "html" not in accept):
        return request.accepts(*_JSON_FIRST) in _JSON
    return names_json and request.accepts(*_PAGE_FIRST) in _JSON


def wants_problem_unless_html(request: Request) -> bool:
    """Return whether a client gets JSON where errors are JSON: all do that do not name HTML, or that prefer JSON to it.

    HTML is named by "text/html", and not by "*/*" or "text/*".
    """
    accept = request.head.values.get("accept", "")
    return not names(accept, "text/html") or request.accepts(*_PAGE_FIRST) in _JSON


def sendable(text: object) -> str:
    """Return a text that can be encoded as UTF-8: each lone surrogate is replaced by "?"."""
    return str(text).encode("utf-8", "replace").decode()
