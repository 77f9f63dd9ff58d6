"""Everything that becomes a page: templates, errors, plain headings.

In: a page to be rendered, an error, a text. Out: text, or a response. An error page never fails: if
its template does, that is told once, and the built-in page takes its place. Knows nothing of routes;
`url_for` and the like are handed in as names for the templates.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from fanlight.errors import HTTPError, Mistake, UnprocessableContent
from fanlight.message import HTML, Request, Response, json_response
from fanlight.pages.builtin import REASONS, error_page, heading_page
from fanlight.pages.page import Page
from fanlight.pages.templates import Templates

PROBLEM = "application/problem+json"

log = logging.getLogger("fanlight.pages")


class Pages:
    """The pages of one app."""

    def __init__(self, folder: Path | None, names: Mapping[str, object] | None = None, *, reload: bool = False) -> None:
        """Use the templates of a folder (None: there are none), and `names` in all of them."""
        self._templates = Templates(folder, names or {}, reload=reload)
        self._told: set[str] = set()
        self._error_templates = {
            int(name.removeprefix("error/error").removesuffix(".html")): name
            for name in self._templates.names()
            if name.startswith("error/error") and name[11:-5].isdigit() and name.endswith(".html")
        }

    @property
    def folder(self) -> Path | None:
        """Where the templates are."""
        return self._templates.folder

    def has(self, name: str) -> bool:
        """Say whether there is a template of that name."""
        return self._templates.has(name)

    def names(self) -> list[str]:
        """Return the names of all templates."""
        return self._templates.names()

    def check(self) -> list[Mistake]:
        """Return what is wrong with the templates, without rendering any."""
        return self._templates.check()

    def render(self, page: Page, request: Request | None = None) -> str:
        """Return a page's text; templates know the request as `request`. Raises TemplateError."""
        context = page.context
        return self._templates.render(page.template, context if request is None else {"request": request, **context})

    def heading(self, text: str) -> str:
        """Return the page for a plain text in URLS: the text as its heading."""
        return heading_page(text)

    def error(self, error: HTTPError, request: Request | None = None) -> Response:
        """Return the answer for an error, as the client likes it: problem+json, or a page. Never raises."""
        if request is not None and request.prefers_json:
            response = self._problem(error, request)
        else:
            response = Response(self._error_text(error, request), error.status, media_type=HTML)
        if error.headers:
            response.headers.update(error.headers)
        return response

    def _problem(self, error: HTTPError, request: Request) -> Response:
        """Return an error as a program reads it (RFC 9457)."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": REASONS.get(error.status, "Error"),
            "status": error.status,
            "instance": request.head.path,
        }
        if error.detail:
            body["detail"] = error.detail
        if isinstance(error, UnprocessableContent) and error.fields:
            body["errors"] = [
                {"in": field.source, "name": field.name, "detail": field.message} for field in error.fields
            ]
        response = json_response(body, error.status)
        response.media_type = PROBLEM
        return response

    def _error_text(self, error: HTTPError, request: Request | None) -> str:
        name = self._error_templates.get(error.status)
        if name is not None:
            context = {
                "error": error,
                "status": error.status,
                "reason": REASONS.get(error.status, "Error"),
                "detail": error.detail,
                "request": request,
            }
            try:
                return self._templates.render(name, context)
            except Exception as failure:  # noqa: BLE001 - around code of the app's: its template
                self._tell(name, failure)
        fields = error.fields if isinstance(error, UnprocessableContent) else ()
        return error_page(error.status, error.detail, tuple(f"{each.name}: {each.message}" for each in fields))

    def _tell(self, name: str, failure: Exception) -> None:
        """Log what is wrong with an error page, once: it may be asked for very often."""
        text = str(failure)
        if text not in self._told and len(self._told) < 100:
            self._told.add(text)
            log.error("the error page %s failed, the built-in one is shown instead: %s", name, text)
