"""Show the explanation of an error in development: in the page, in JSON, and as a note for the terminal.

In: an HTTPError, its request, and the response that the app has made. Out: the response to send instead. The site's own
page for an error stays as it is, with a note that only the script of the development server shows; so does what a
program gets that has not asked for HTML. Notes are kept until the line of the request is written.
"""

from __future__ import annotations

from html import escape

import msgspec

from fanlight.devtools.teaching.explain_error import explain
from fanlight.devtools.teaching.explanation import Explanation
from fanlight.devtools.teaching.request_notes import NOTES
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.devtools.teaching.teaching_page import POLICY, teaching_page
from fanlight.errors import HTTPError
from fanlight.message.media_types import HTML
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.problem_details import PROBLEM
from fanlight.server.recording.redact import redact_start

MEMBER = "development"  # of problem details
MAX_SHOWN_TARGET = 300
_NO_PAGE = frozenset({500})  # of these another part has a page, or there is nothing to explain


class ErrorTeacher:
    """Explains the errors of one app."""

    def __init__(self, app: SiteFacts) -> None:
        self._app = app

    def on_http_error(
        self, error: HTTPError, request: Request, response: Response, *, has_page: bool, is_shown: bool
    ) -> Response:
        """Return the response for an error, given that of the app, which stays as it is unless the rest `is_shown`.

        A page of the site's own (`has_page`) only gets a note.
        """
        if response.status in _NO_PAGE or response.status != error.status or not isinstance(response.content, bytes):
            return response
        explanation = explain(error, request, self._app)
        NOTES.add(request.id, explanation.line or explanation.summary)
        if not is_shown:
            return response
        if response.media_type == PROBLEM:
            return _with_member(response, response.content, explanation)
        if response.media_type != HTML:
            return response
        accepts_html = "text/html" in request.head.values.get("accept", "")
        if accepts_html and not has_page:
            target = redact_start(request.head.target, MAX_SHOWN_TARGET)
            page = teaching_page(explanation, request.head.method, target)
            made = _replaced(response, page.encode("utf-8", "replace"))
            made.headers["content-security-policy"] = POLICY
            made.headers.leave_out("content-security-policy-report-only")
            return made
        note = f"<template data-fanlight-note>{escape(explanation.summary)}</template>\n"
        return _replaced(response, response.content + note.encode("utf-8", "replace"))


def _with_member(response: Response, content: bytes, explanation: Explanation) -> Response:
    try:
        members = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return response
    if not isinstance(members, dict):
        return response
    members[MEMBER] = explanation.as_member()
    return _replaced(response, msgspec.json.encode(members))


def _replaced(response: Response, content: bytes) -> Response:
    """Return a response with other content, which the app still owns."""
    made = Response(content, response.status, media_type=response.media_type)
    kept = ((name, value) for name, value in response.headers.pairs() if name != "content-length")
    made.headers.load_checked(kept, response.headers.secure_if_https)
    return made
