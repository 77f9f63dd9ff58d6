"""Errors for programs: problem details as JSON (RFC 9457).

In: an error, and the request that met it. Out: the members of the document, and whether the client
wants it rather than a page. Says nothing of an error but its status and what it was raised with.
"""

from __future__ import annotations

from fanlight.errors import HTTPError, UnprocessableContent
from fanlight.message import Request
from fanlight.pages.builtin import reason_of

PROBLEM = "application/problem+json"
_PAGE_FIRST = ("text/html", PROBLEM, "application/json")
_JSON_FIRST = (PROBLEM, "application/json", "text/html")


def problem(error: HTTPError, request: Request | None = None) -> dict[str, object]:
    """Return an error as problem details: type, title, status, detail, instance, and for 422 every bad field."""
    found: dict[str, object] = {"type": "about:blank", "title": reason_of(error.status), "status": error.status}
    if error.detail:
        found["detail"] = sendable(error.detail)
    # A path that begins with two slashes would be read as the name of another host.
    if request is not None and request.raw_path.startswith("/") and not request.raw_path.startswith("//"):
        found["instance"] = sendable(request.raw_path)
    if isinstance(error, UnprocessableContent) and error.fields:
        found["errors"] = [
            {"in": each.source, "name": sendable(each.name), "detail": sendable(each.message)} for each in error.fields
        ]
    return found


def wants_problem(request: Request) -> bool:
    """Return whether a client wants JSON rather than a page.

    It does if it says that it likes JSON better; and if it likes both alike, but has sent JSON itself.
    """
    if request.is_json:
        return request.accepts(*_JSON_FIRST) in (PROBLEM, "application/json")
    # PERF: tests/pages/test_speed.py: what a browser sends has no "json" in it
    return "json" in request.head.values.get("accept", "") and request.accepts(*_PAGE_FIRST) not in (None, "text/html")


def sendable(text: object) -> str:
    """Return a text that can be sent as UTF-8, with "?" for what can't (half a surrogate pair)."""
    return str(text).encode("utf-8", "replace").decode()
