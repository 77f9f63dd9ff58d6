"""Everything that becomes a page: templates, errors, plain headings.

In: a page to be rendered, an error, a text. Out: text, or a response. An error page never fails: if
its template does, that is told once, and the built-in page takes its place. Knows nothing of routes;
`url_for` and the like are handed in as names for the templates.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fanlight.errors import HTTPError, Mistake, TemplateError, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.response import HTML, Response
from fanlight.pages.builtin_pages import error_page, heading_page, plain_error_page
from fanlight.pages.environment import in_one_line
from fanlight.pages.page import Page
from fanlight.pages.problem_details import PROBLEM, problem, sendable, wants_problem
from fanlight.pages.templates import Templates
from fanlight.reason_phrases import reason_phrase

MOST_TOLD = 64
_SET_BY_US = frozenset({"content-type", "content-length"})

log = logging.getLogger("fanlight.pages")


class Pages:
    """The pages of one app."""

    def __init__(self, folder: Path | None, names: Mapping[str, object] | None = None, *, reload: bool = False) -> None:
        """Use the templates of a folder (None: there are none), and `names` in all of them."""
        self._templates = Templates(folder, names or {}, reload=reload)
        self._is_reloading = reload
        self._told: set[str] = set()
        self._has_error_template: dict[int, bool] = {}

    @property
    def folder(self) -> Path | None:
        """Where the templates are."""
        return self._templates.folder

    def has(self, name: str) -> bool:
        """Say whether there is a template of that name; one that leaves the folder never is."""
        return self._templates.has(name)

    def names(self) -> list[str]:
        """Return the names of all templates."""
        return self._templates.names()

    def check(self, *, assets: bool = True) -> list[Mistake]:
        """Return what is wrong with the templates, without rendering any; what is right stays compiled.

        `assets`: also the files that they ask `asset` for, and that are not there.
        """
        return self._templates.check(assets=assets)

    def render(self, page: Page, request: Request | None = None) -> str:
        """Return a page's text; templates know the request as `request`. Raises TemplateError."""
        context = page.context
        return self._templates.render(page.template, context if request is None else {"request": request, **context})

    def heading(self, text: str) -> str:
        """Return the page for a plain text in URLS: the text as its heading."""
        return heading_page(text)

    def error(self, error: HTTPError, request: Request | None = None) -> Response:
        """Return the answer for an error, as the client likes it: problem+json, or a page. Never raises.

        The page is `error/error404.html` (or whatever the status is) where there is one, else built in.
        """
        try:
            return self._answer(error, request)
        except BaseException as failure:  # noqa: BLE001 - an error may be of a class of the app's, which can do anything
            self._tell(f"{type(error).__name__} can't be shown: {in_one_line(failure)}", failure)
            return Response(plain_error_page(500), 500, media_type=HTML)

    def _answer(self, error: HTTPError, request: Request | None) -> Response:
        error = self._sound(error)
        if request is not None and wants_problem(request):
            response = Response(msgspec.json.encode(problem(error, request)), error.status, media_type=PROBLEM)
        else:
            content = self._own_page(error, request) or _builtin_page(error)
            response = Response(content, error.status, media_type=HTML)
        # Who asks in another way gets another answer (RFC 9110 section 12.5.5), so no cache may mix them up.
        response.headers["vary"] = "accept"
        self._add_fields(error, response)
        return response

    def _sound(self, error: HTTPError) -> HTTPError:
        """Return an error that can be sent: a class of the user's may hold anything, or call no `super().__init__`."""
        status: object = error.status
        detail, headers = getattr(error, "detail", None), getattr(error, "headers", None)
        has_status = isinstance(status, int) and 400 <= status <= 599
        if has_status and isinstance(detail, str) and isinstance(headers, Mapping):
            return error
        self._tell(
            f"{type(error).__name__} should have a status from 400 to 599, a detail that is text, and headers; "
            f"it has {status!r}, {type(detail).__name__} and {type(headers).__name__}"
        )
        sound = HTTPError(
            detail if isinstance(detail, str) else "", headers=headers if isinstance(headers, Mapping) else None
        )
        sound.status = error.status if has_status else 500
        return sound

    def _own_page(self, error: HTTPError, request: Request | None) -> bytes | None:
        """Return the app's own page for an error; None if there is none, or it fails."""
        name = f"error/error{error.status}.html"
        is_there = self._has_error_template.get(error.status)
        if is_there is None or self._is_reloading:
            is_there = self._has_error_template[error.status] = self._templates.has(name)
        if not is_there:
            return None
        context = {
            "request": request,
            "error": error,
            "status": error.status,
            "reason": reason_phrase(error.status) or "Error",
            "detail": error.detail,
        }
        try:
            return self._templates.render(name, context).encode("utf-8", "replace")
        except BaseException as failure:  # noqa: BLE001 - functions of the app's may run in it, and raise anything
            told = failure if isinstance(failure, TemplateError) else in_one_line(failure)
            self._tell(f"the error page {name} failed, the built-in one is shown instead: {told}", failure)
            return None

    def _add_fields(self, error: HTTPError, response: Response) -> None:
        for name, value in error.headers.items():
            try:
                if str(name).lower() not in _SET_BY_US:
                    response.headers.add(name, value)
            except Exception as failure:  # noqa: BLE001 - the name and the value may be anything
                self._tell(f"{type(error).__name__} has a field that can't be sent: {in_one_line(failure)}")

    def _tell(self, text: str, failure: BaseException | None = None) -> None:
        """Log a mistake of the app, once: whoever can provoke an error could else fill the log."""
        if text not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(text)
            log.error("%s", text, exc_info=failure)


def _builtin_page(error: HTTPError) -> bytes:
    fields = error.fields if isinstance(error, UnprocessableContent) else ()
    if not error.detail and not fields:
        return plain_error_page(error.status)
    items = [(sendable(each.name), sendable(each.message)) for each in fields]
    return error_page(error.status, sendable(error.detail), items).encode("utf-8", "replace")
