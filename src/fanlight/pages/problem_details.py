"""Errors for programs: problem details as JSON (RFC 9457).

In: an error, and the request that met it. Out: the members of the document, and whether the client
wants it rather than a page. Says nothing of an error but its status and what it was raised with.
"""

from __future__ import annotations

from fanlight.errors import BadField, HTTPError, UnprocessableContent
from fanlight.message.request import Request
from fanlight.reason_phrases import reason_phrase

PROBLEM = "application/problem+json"
_JSON = (PROBLEM, "application/json")
_JSON_FIRST = (*_JSON, "text/html")
_PAGE_FIRST = ("text/html", *_JSON)


def problem(error: HTTPError, request: Request | None = None) -> dict[str, object]:
    """Return an error as problem details: type, title, status, detail, instance, and for 422 every bad field."""
    found: dict[str, object] = {
        "type": "about:blank",
        "title": reason_phrase(error.status) or "Error",
        "status": error.status,
    }
    if error.detail:
        found["detail"] = sendable(error.detail)
    # A path that begins with two slashes would be read as the name of another host.
    if request is not None and request.raw_path.startswith("/") and not request.raw_path.startswith("//"):
        found["instance"] = sendable(request.raw_path)
    if isinstance(error, UnprocessableContent) and error.fields:
        found["errors"] = [_wrong(each) for each in error.fields]
    return found


def _wrong(field: BadField) -> dict[str, object]:
    """Return a bad field: where it was looked for, its name, in JSON the pointer to it (RFC 6901), what is wrong."""
    said: dict[str, object] = {"in": sendable(field.source), "name": sendable(field.name)}
    if field.pointer is not None:
        said["pointer"] = sendable(field.pointer)
    return said | {"detail": sendable(field.message)}


def wants_problem(request: Request) -> bool:
    """Return whether a client wants JSON rather than a page.

    It does if it likes JSON better than HTML; also if it likes both alike, but names only JSON
    ("application/json, */*"), or has itself sent JSON.
    """
    # What a browser sends has no "json" in it, so for a browser nothing more is compared.
    accept = request.head.values.get("accept", "").lower()
    names_json = "json" in accept
    if request.is_json or (names_json and "html" not in accept):
        return request.accepts(*_JSON_FIRST) in _JSON
    return names_json and request.accepts(*_PAGE_FIRST) in _JSON


def sendable(text: object) -> str:
    """Return a text that can be sent as UTF-8, with "?" for what can't (half a surrogate pair)."""
    return str(text).encode("utf-8", "replace").decode()
