"""Turn what a view raises into a response: an HTTPError, or any exception it should not have raised.

In: the error and the request. Out: a response, always. A handler from the app's own `errors` comes first, then
the error pages in `pages`. If an error handler raises, its exception is logged and the page for the first error is
sent. A client never sees the message of an unexpected exception, only the id of its request, by which the log has it.

Every exception becomes a response, also one that is no `Exception`. The one exception is the cancellation of the task
that runs the view, which is raised again: the code that cancels a task does not wait for a response.
"""

from __future__ import annotations

import copy
import errno
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

from fanlight.app.responses import ResponseFactory
from fanlight.app.string_values import is_template_name, string_mistake
from fanlight.binding.callables import display_name, is_async, mistake_in
from fanlight.binding.dependency_plan import Injection, Injector, MakeResponse
from fanlight.binding.exceptions import is_task_cancelled
from fanlight.binding.injection import read_injected
from fanlight.binding.open_dependencies import RequestScope
from fanlight.errors import (
    ClientDisconnected,
    ContentTooLarge,
    HTTPError,
    InsufficientStorage,
    InternalServerError,
    InvalidResponse,
    Mistake,
    SetupError,
)
from fanlight.lazy_logger import lazy_logger
from fanlight.message import forked_child
from fanlight.message.content import RefusedContent
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.builtin_pages import heading_page
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages, error_context
from fanlight.pages.problem_details import wants_problem, wants_problem_unless_html
from fanlight.sessions.session_settings import DEFAULT_SESSIONS
from fanlight.sessions.sign_in_page import CHALLENGE, UNAUTHORIZED, SignInPage

log = lazy_logger("fanlight.app")

ErrorHandler = Callable[[HTTPError, Request], Response]
MAX_LOGGED_HINTS = 64
OWN_PAGE = f"error/error{UNAUTHORIZED}.html"
DISK_FULL_ERRNOS = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


class UnhandledException:
    """An unexpected exception on its way out through the middleware, where it may still be caught."""

    __slots__ = ("error", "response", "traceback")

    def __init__(self, error: BaseException, response: Response | None = None) -> None:
        """Keep the traceback as it is: when the exception left the view."""
        self.error = error
        self.response = response  # sent if it is not caught; made when the first middleware sees it
        self.traceback = error.__traceback__


Outcome = Response | UnhandledException


def raise_content_error(request: Request) -> NoReturn:
    """Raise the error with which the content of a request was refused."""
    source = request.content_source
    assert isinstance(source, RefusedContent)
    raise source.error


class ErrorHandlers:
    """The error handlers of an app; `mistakes` lists what is wrong with its `errors`."""

    def __init__(
        self,
        errors: Mapping[int, object] | None,
        pages: Pages,
        responses: ResponseFactory,
        injector: Injector,
        folder: Path | None = None,
        sign_in: SignInPage | None = None,
    ) -> None:
        """Read `errors`: a status, and a view, a template's name, a string or a response.

        A browser that gets 401 is sent to the page `sign_in`, if there is one, unless the site has its own page for it.
        """
        self._sign_in = sign_in if sign_in is not None else SignInPage(DEFAULT_SESSIONS)
        self._pages, self._responses, self._injector = pages, responses.for_errors(), injector
        # Whether error views, or the pages of views, have dependencies, which they share with those of a view.
        self.shares_dependencies = pages.has_context
        # Whether error views or templates may open something for a request, of any route.
        self.opens_for_request = pages.opens_for_request
        self.waiting_types = pages.waiting_types  # what templates and error views need and can't wait for
        self._folder = folder
        self._outer: ErrorHandlers | None = None  # of the site around a part, for errors that this has no page for
        self._wants_problem = wants_problem
        self._handlers: dict[int, ErrorHandler] = {}
        self._choosing: set[int] = set()  # those whose view chooses between HTML and JSON itself
        self._logged_hints: set[tuple[str, str]] = set()
        self.mistakes: list[Mistake] = []
        if not isinstance(errors, Mapping | None):
            hint = "write a dict: errors={404: not_found}"
            self.mistakes.append(Mistake(message=f"errors is a {type(errors).__name__}", hint=hint))
            return
        for status, value in (errors or {}).items():
            self._read(status, value)

    def inside(self, outer: ErrorHandlers) -> Self:
        """Return these handlers for a part, which leave errors that they have no page for to those of the site."""
        other = copy.copy(self)
        other._outer = outer  # noqa: SLF001 - of the same class
        other.shares_dependencies |= outer.shares_dependencies
        other.opens_for_request |= outer.opens_for_request
        other.waiting_types = (*outer.waiting_types, *self.waiting_types)
        return other

    def in_json(self) -> Self:
        """Return these handlers for a part of the app whose errors are JSON, unless a client names HTML."""
        other = copy.copy(self)
        other._wants_problem, other._choosing = wants_problem_unless_html, set()  # noqa: SLF001 - of the same class
        if other._outer is not None:  # noqa: SLF001 - as above
            other._outer = other._outer.in_json()  # noqa: SLF001 - as above
        return other

    def respond(self, error: HTTPError, request: Request) -> Response:
        """Return the response for an error. Never raises."""
        handlers: ErrorHandlers = self
        while handlers._outer is not None and not handlers._has_page(error.status):
            handlers = handlers._outer
        return handlers._respond(error, request)  # noqa: SLF001 - as above

    def _has_page(self, status: int) -> bool:
        return status in self._handlers or self._pages.has_own(f"error/error{status}.html")

    def _respond(self, error: HTTPError, request: Request) -> Response:
        if isinstance(error, ContentTooLarge):
            self.log_hint(error, _request_line(request))
        try:
            handler = self._handlers.get(error.status)
            if handler is not None and (error.status in self._choosing or not self._wants_problem(request)):
                response = handler(error, request)
                if response.status == 200:
                    response.status = error.status
                for name, value in error.headers.items():
                    response.headers.setdefault(name, value)
                return self._with_challenge(response, request)
            if error.status == UNAUTHORIZED and (found := self._sign_in_response(error, request)) is not None:
                return found
        except BaseException as failure:  # noqa: BLE001 - the code of the app may raise anything
            self._log_failure(error, failure, request)
            return self.response_after_failure(error, failure, request)
        return self._with_challenge(self._pages.error(error, request, self._wants_problem), request)

    def _sign_in_response(self, error: HTTPError, request: Request) -> Response | None:
        """Return the redirect to the page where people sign in; None if the error has a page or a challenge itself."""
        is_theirs = self._pages.has(OWN_PAGE) or any(name.lower() == CHALLENGE for name in error.headers)
        return None if is_theirs or self._wants_problem(request) else self._sign_in.redirect(request)

    def _with_challenge(self, response: Response, request: Request) -> Response:
        """Return a response; a 401 has a challenge (RFC 9110 section 15.5.2)."""
        if response.status == UNAUTHORIZED and (challenge := self._sign_in.challenge(request)):
            response.headers.setdefault(CHALLENGE, challenge)
        return response

    def _log_failure(self, error: HTTPError, failure: BaseException, request: Request) -> None:
        """Log that a handler has failed; once, if it refuses requests: any client can provoke that."""
        place, logged = (str(error.status), type(failure).__name__), self._logged_hints
        if not isinstance(failure, HTTPError):
            log.error("the handler for error %s failed: %s", error.status, _request_line(request), exc_info=failure)
        elif place not in logged and len(logged) < MAX_LOGGED_HINTS:
            logged.add(place)
            start = "the handler for error %s failed: %s, by raising %s; the built-in page is sent (logged once)"
            log.error(start, error.status, _request_line(request), place[1], exc_info=failure)

    def response_after_failure(self, error: HTTPError, failure: BaseException, request: Request) -> Response:
        """Return the response for an error whose handler has failed: the built-in one."""
        del failure  # it has been logged
        return self._pages.error(error, request, self._wants_problem)

    def log_hint(self, error: HTTPError, where: str) -> None:
        """Log once for each place what the author can do about an error that the client did not cause."""
        hint, logged = getattr(error, "hint", ""), self._logged_hints
        if hint and (where, hint) not in logged and len(logged) < MAX_LOGGED_HINTS:
            logged.add((where, hint))
            log.warning("%s was refused: %s; %s (logged once)", where, error.detail, hint)

    def for_route(self, name: str) -> Callable[[BaseException, Request], Response]:
        """Return the function that responds to whatever a route without middleware raises, except a cancellation."""

        def on_error(error: BaseException, request: Request) -> Response:
            forked_child.exit_if_forked()
            if isinstance(error, HTTPError):
                return self.respond(error, request)
            if is_task_cancelled(error):
                raise error
            return self.internal_error(UnhandledException(error), request, name)

        return on_error

    def defer_unexpected(self, error: BaseException, request: Request) -> Outcome:
        """Respond to an HTTPError; hand any other exception to the middleware further out."""
        forked_child.exit_if_forked()
        RequestScope.note(error, request)
        return self.respond(error, request) if isinstance(error, HTTPError) else UnhandledException(error)

    def unhandled_response(self, unhandled: UnhandledException, request: Request) -> Response:
        """Return the response for an exception that no middleware catches; it reveals nothing of the exception."""
        error = unhandled.error
        if unhandled.response is None and isinstance(error, ClientDisconnected):
            unhandled.response = Response(b"", 400)  # never read: the client is gone
        elif unhandled.response is None and _is_disk_full(error):
            full = InsufficientStorage("this server has no room to keep that; try again later")
            unhandled.response = self.respond(full, request)
        elif unhandled.response is None:
            unhandled.response = self.respond(InternalServerError(), request)
        return unhandled.response

    def internal_error(self, unhandled: UnhandledException, request: Request, name: str) -> Response:
        """Log an exception that nothing has caught, and return its response."""
        error = unhandled.error
        if _is_disk_full(error):
            log.error("%s found no room on the disk (%s): %s", name, error, _request_line(request))
        elif not isinstance(error, ClientDisconnected):
            log.error("%s failed: %s, id %s", name, _request_line(request), request.id, exc_info=error)
        return self.unhandled_response(unhandled, request)

    # --- the app's own handlers -----------------------------------------------------------------------

    def _read(self, status: object, value: object) -> None:
        if isinstance(status, bool) or not isinstance(status, int) or status not in range(400, 600):
            message = f"errors[{status!r}]: there is no such error"
            self.mistakes.append(Mistake(message=message, hint="a key is a status from 400 to 599"))
        elif isinstance(value, str):
            self._read_string(status, value)
        elif isinstance(value, Response):
            self._handlers[status] = lambda _, __: value.copy()
        elif isinstance(value, Page):
            self._handlers[status] = lambda _, request: self._responses.make(value, request)
        elif callable(value) and not isinstance(value, type):
            self._read_view(status, value)
        else:
            message = f"errors[{status}] is a {type(value).__name__}, which is no response"
            hint = "give a view (without calling it), a template's name, a string or a response"
            self.mistakes.append(Mistake(message=message, hint=hint))

    def _read_string(self, status: int, value: str) -> None:
        where = f"errors[{status}]"
        if mistake := string_mistake(value, self._pages, where, where):
            self.mistakes.append(mistake)
            return
        if not is_template_name(value):
            text = heading_page(value)
            self._handlers[status] = lambda _, __: Response(text)
            return

        self._handlers[status] = lambda error, request: self._responses.make(Page(value, error_context(error)), request)

    def _read_view(self, status: int, view: Callable[..., object]) -> None:
        start = f"errors[{status}]: {display_name(view)}"
        if is_async(view):
            hint = 'write "def": the error may be raised by a sync view, which can\'t await'
            self.mistakes.append(mistake_in(view, self._folder, f"{start} is async", hint))
            return
        try:
            injected = read_injected(view, "error view", self._folder, given=("error",))
            if injected is not None:
                injection = self._injector.inject(injected, view, None, "error view")
                self.shares_dependencies = self.opens_for_request = True
                self.waiting_types += injection.plan.waiting_types
                self._add_view(status, _injected_view(view, injection, self._make_of(view)), injected.takes_request)
                return
        except SetupError as error:
            self.mistakes += error.mistakes
            return
        names = _arguments(view)
        if names is None:
            hint = "it takes `error`, `request`, and parameters annotated with State, Cookie, Header or a dependency"
            self.mistakes.append(mistake_in(view, self._folder, f"{start} takes other parameters", hint))
            return
        make = self._make_of(view)

        def call_view(error: HTTPError, request: Request) -> Response:
            given: dict[str, Any] = {"error": error, "request": request}
            return make(view(**{name: given[name] for name in names}), request)

        self._add_view(status, call_view, "request" in names)

    def _add_view(self, status: int, handler: ErrorHandler, takes_request: bool) -> None:  # noqa: FBT001 - private
        self._handlers[status] = handler
        if takes_request:
            self._choosing.add(status)

    def _make_of(self, view: Callable[..., object]) -> MakeResponse:
        def make(result: object, request: Request) -> Response:
            if result is None:
                raise InvalidResponse(f"{display_name(view)} returned None; did you forget `return`?")
            return self._responses.make(result, request)

        return make


def _injected_view(view: Callable[..., object], injection: Injection, make: MakeResponse) -> ErrorHandler:
    """Return an error view that is called with its dependencies, which are closed behind it."""
    plan, takes_error = injection.plan, "error" in inspect.signature(view).parameters

    def call_view(error: HTTPError, request: Request) -> Response:
        given = partial(view, error=error) if takes_error else view
        return plan.run(given, injection.build, make, is_shared=True)(request)

    return call_view


def _is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS


def _arguments(view: Callable[..., object]) -> list[str] | None:
    """Return which of `error` and `request` a view takes, None if it requires anything else."""
    try:
        parameters = inspect.signature(view).parameters.values()
    except (TypeError, ValueError):  # not written in Python
        return None
    names = []
    for parameter in parameters:
        if parameter.name in ("error", "request") and parameter.kind is not parameter.POSITIONAL_ONLY:
            names.append(parameter.name)
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            return None
    return names


def _request_line(request: Request) -> str:
    """Return a request's method and target, safe for one line of a log."""
    # SECURITY: tests/app/test_error_handlers.py; a line end in a log would begin another entry.
    line = f"{request.head.method} {request.head.target}"
    return line if line.isprintable() else line.encode("unicode_escape").decode()
