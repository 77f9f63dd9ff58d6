"""Render everything that becomes a page: templates, errors, headings.

In: a page, an error, or a string. Out: text, or a response. An error page never fails: if its template does, that is
logged once and the built-in page is sent. Templates get `url_for` and the like as `names`; routes are unknown here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fanlight.errors import HTTPError, InternalServerError, Mistake, TemplateError, UnprocessableContent
from fanlight.lazy_logger import lazy_logger
from fanlight.message.media_types import HTML
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.pages.bounded_dict import BoundedDict
from fanlight.pages.builtin_pages import error_page, plain_error_page
from fanlight.pages.one_line import in_one_line
from fanlight.pages.page import Page
from fanlight.pages.problem_details import PROBLEM, problem, reported_id, sendable, wants_problem
from fanlight.pages.request_function import RequestFunction
from fanlight.pages.template_folder import PlainPage, TemplateFolder
from fanlight.pages.templates import Templates
from fanlight.reason_phrases import REASON_PHRASES

if TYPE_CHECKING:
    import jinja2

    from fanlight.pages.environment import FolderEnvironment
    from fanlight.pages.template_check import Findings

MAX_LOGGED = 64
NOTHING_REGISTERED = Templates()
_SET_BY_PAGES = frozenset({"content-type", "content-length"})

log = lazy_logger("fanlight.pages")


class Pages:
    """The templates and error pages of one app."""

    has_context = False  # whether templates have values that are made for each request
    waiting_types: tuple[TypeProvider, ...] = ()  # those of these values that wait for something

    def __init__(
        self,
        folder: Path | None,
        names: Mapping[str, object] | None = None,
        templates: Templates = NOTHING_REGISTERED,
        choose: Callable[[type[FolderEnvironment]], type[FolderEnvironment]] | None = None,
    ) -> None:
        """Use the templates of a folder (None: there are none), with `names` and what is registered in all of them.

        `choose` is given the class of their environment when it is made, and returns a subclass that observes them.
        """
        self.folder, self._choose = folder, choose
        self._files, self._globals, self._templates = TemplateFolder(folder), names or {}, templates
        self._mounted: dict[str, Path] = {}
        self._compiled: dict[str, jinja2.Template | PlainPage] = BoundedDict()
        self._logged: set[str] = set()
        self._has_error_template: dict[int, bool] = {}
        self._findings: Findings | None = None

    @cached_property
    def opens_for_request(self) -> bool:
        """Whether a template may open something for the request that it is rendered for: it has a function to do so."""
        return self.has_context or self._files.mention(list(self._request_functions))

    @cached_property
    def needs_services(self) -> bool:
        """Whether a template mentions a function that uses the store or the keys of the deployment."""
        return self._files.mention([name for name, each in self._request_functions.items() if each.needs_services])

    @property
    def _request_functions(self) -> dict[bytes, RequestFunction]:
        return {name.encode(): each for name, each in self._globals.items() if isinstance(each, RequestFunction)}

    @cached_property
    def _environment(self) -> FolderEnvironment:
        """The Jinja environment; a site without templates, or with plain pages only, never loads Jinja."""
        from fanlight.pages.environment import FolderEnvironment, FolderLoader  # noqa: PLC0415 - loads Jinja

        chosen = FolderEnvironment if self._choose is None else self._choose(FolderEnvironment)
        loader = FolderLoader(self.folder)
        for name, folder in self._mounted.items():
            loader.mount(name, folder)
        return chosen(loader, self._globals, self._templates)

    def mount(self, name: str, folder: Path) -> None:
        """Have the templates of a part of the site below a name, before any is rendered."""
        self._mounted[name] = folder
        self._files.mount(name, folder)
        for cached in ("opens_for_request", "needs_services", "_environment"):
            self.__dict__.pop(cached, None)

    @property
    def folders(self) -> list[Path]:
        """The folders of templates: of the site, and of its parts."""
        return [each for each in (self.folder, *self._mounted.values()) if each is not None]

    def name_in(self, part: str, name: str) -> str:
        """Return the name of a template that a part of the site names: that of its own, else the site's."""
        return self._files.name_in(part, name)

    def has_own(self, name: str) -> bool:
        """Return whether a template exists, not counting those of a site around this part."""
        return self.has(name)

    def has(self, name: str) -> bool:
        """Return whether a template exists; a name that leaves the folder never does."""
        return self._files.has(name)

    def names(self) -> list[str]:
        """Return the names of all templates."""
        return self._files.list_known_types()

    def check(self, *, assets: bool = True, urls: bool = True) -> list[Mistake]:
        """Compile all templates; return what is wrong with them, with `assets` also which assets are missing.

        Where all are plain there is nothing to compile, and nothing wrong.

        With `urls`, calls of `url_for` that can only fail are kept for `wrong_urls`.
        """
        if self._choose is None and self._keep_plain_pages():
            return []
        from fanlight.pages.template_check import check_templates  # noqa: PLC0415 - loads Jinja

        self._findings = check_templates(self._environment, assets=assets, urls=urls)
        return self._findings.mistakes

    def _keep_plain_pages(self) -> bool:
        """Return whether all templates are plain; then they are kept, and Jinja is not loaded."""
        kept = dict[str, PlainPage]()
        for name in self.names():
            page = self._files.plain_page(name)
            if page is None:
                return False
            kept[name] = page
        self._compiled.update(kept)
        return True

    def wrong_urls(self, names: Iterable[str]) -> list[Mistake]:
        """Return the calls of `url_for` that can only fail, in some templates and those that they use."""
        return [] if self._findings is None else self._findings.wrong_urls_of(names)

    def render(self, page: Page, request: Request | None = None) -> str:
        """Return a page's text. Templates get the request as `request`. Raises TemplateError with file and line.

        An HTTPError that is raised in a template passes as it is.
        """
        values = page.context
        return self._render(page.template, values if request is None else {"request": request, **values}, request)

    def render_for_error(self, page: Page, request: Request) -> str:
        """Return the text of a page for an error, as above; it comes also where what it shares with others fails."""
        return self._render_for_error(page.template, {"request": request, **page.context}, request)

    def _render(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        del request  # for pages whose templates have values of it
        template = self._compiled.get(name)
        if template is None:
            template = self._compiled[name] = self._environment.load(name)
        return template.render(values)

    def _render_for_error(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        return Pages._render(self, name, values, request)

    def error(
        self, error: HTTPError, request: Request | None = None, prefers_json: Callable[[Request], bool] = wants_problem
    ) -> Response:
        """Return the response for an error, problem details or a page as the client prefers. Never raises.

        The page is the template `error/error404.html` (with the error's status) if there is one, else a built-in one.
        """
        try:
            return self._error_response(error, request, prefers_json)
        except BaseException as failure:  # noqa: BLE001 - an error may be of a class of the app's, which can do anything
            self._log_once(f"{type(error).__name__} can't be shown: {in_one_line(failure)}", failure)
            return Response(_builtin_page(InternalServerError(), request), 500, media_type=HTML)

    def _error_response(
        self, error: HTTPError, request: Request | None, prefers_json: Callable[[Request], bool]
    ) -> Response:
        error = self._valid_error(error)
        if request is not None and prefers_json(request):
            response = Response(msgspec.json.encode(problem(error, request)), error.status, media_type=PROBLEM)
        else:
            content = self._own_page(error, request) or _builtin_page(error, request)
            response = Response(content, error.status, media_type=HTML)
        # The representation depends on `accept`, so a cache must not mix them up (RFC 9110 section 12.5.5).
        response.headers["vary"] = "accept"
        self._add_fields(error, response)
        return response

    def _valid_error(self, error: HTTPError) -> HTTPError:
        """Return an error that can be sent: a user's class may hold anything, or not call `super().__init__`."""
        status: object = error.status
        detail, headers = getattr(error, "detail", None), getattr(error, "headers", None)
        has_status = isinstance(status, int) and 400 <= status <= 599
        if has_status and isinstance(detail, str) and isinstance(headers, Mapping):
            return error
        self._log_once(
            f"{type(error).__name__} should have a status from 400 to 599, a detail of type str, and headers; "
            f"it has {status!r}, {type(detail).__name__} and {type(headers).__name__}"
        )
        valid = HTTPError(
            detail if isinstance(detail, str) else "", headers=headers if isinstance(headers, Mapping) else None
        )
        valid.status = error.status if has_status else 500
        return valid

    def _own_page(self, error: HTTPError, request: Request | None) -> bytes | None:
        """Return the app's own page for an error; None if there is none, or its template fails."""
        name = f"error/error{error.status}.html"
        exists = self._has_error_template.get(error.status)
        if exists is None:
            exists = self._has_error_template[error.status] = self.has(name)
        if not exists:
            return None
        try:
            values = {"request": request, **error_context(error)}
            return self._render_for_error(name, values, request).encode("utf-8", "replace")
        except BaseException as failure:  # noqa: BLE001 - functions of the app's may run in it, and raise anything
            reason = failure if isinstance(failure, TemplateError) else in_one_line(failure)
            self._log_once(f"the error page {name} failed, the built-in one is sent instead: {reason}", failure)
            return None

    def _add_fields(self, error: HTTPError, response: Response) -> None:
        for name, value in error.headers.items():
            try:
                if str(name).lower() not in _SET_BY_PAGES:
                    response.headers.add(name, value)
            except Exception as failure:  # noqa: BLE001 - the name and the value may be anything
                self._log_once(f"{type(error).__name__} has a header that can't be sent: {in_one_line(failure)}")

    def _log_once(self, text: str, failure: BaseException | None = None) -> None:
        """Log a mistake of the app, once: a client that can provoke it could otherwise fill the log."""
        if text not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(text)
            log.error("%s", text, exc_info=failure)


def error_context(error: HTTPError) -> dict[str, object]:
    """Return what the template of an error page gets, beside the request."""
    reason = REASON_PHRASES.get(error.status, "Error")
    return {"error": error, "status": error.status, "reason": reason, "detail": error.detail}


def _builtin_page(error: HTTPError, request: Request | None) -> bytes:
    fields = error.fields if isinstance(error, UnprocessableContent) else ()
    request_id = reported_id(error, request)
    if not error.detail and not fields and not request_id:
        return plain_error_page(error.status)
    items = [(sendable(each.name), sendable(each.message)) for each in fields]
    return error_page(error.status, sendable(error.detail), items, request_id).encode("utf-8", "replace")
