"""Turn what a view raises into a response: an HTTPError, or any exception it should not have raised.

In: the error and the request. Out: a response, always. A handler from the app's own `errors` comes first, that of the
error's class before that of its status, then the error pages in `pages`. If an error handler raises, its exception is
logged and the page for the first error is sent. A client never sees the message of an unexpected exception, only the id
of its request, by which the log has it.

The view for a class of exceptions stands for an `except` around the view that was called: an HTTP error that it raises
becomes the response, and any other exception takes the place of the first. Its response is final, as that of an HTTP
error is, unless it is a 5xx: then the exception is one that nothing has handled yet, with another page.

Every exception becomes a response, also one that is no `Exception`. The one exception is the cancellation of the task
that runs the view, which is raised again: the code that cancels a task does not wait for a response.
"""

from __future__ import annotations

import copy
import errno
from collections.abc import Callable
from typing import NoReturn, Self

from fanlight.app.error_table import ErrorHandler, ErrorTable
from fanlight.binding.exceptions import is_task_cancelled
from fanlight.binding.open_dependencies import RequestScope
from fanlight.errors import (
    ClientDisconnected,
    ContentTooLarge,
    HTTPError,
    InsufficientStorage,
    InternalServerError,
)
from fanlight.lazy_logger import lazy_logger
from fanlight.message import forked_child
from fanlight.message.content import RefusedContent
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.pages import Pages
from fanlight.pages.problem_details import wants_problem, wants_problem_unless_html
from fanlight.sessions.sign_in_page import CHALLENGE, UNAUTHORIZED, SignInPage

log = lazy_logger("fanlight.app")

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
        table: ErrorTable,
        pages: Pages,
        sign_in: SignInPage,
    ) -> None:
        """Use a table of `errors`, and `pages` for those that are not in it.

        A browser that gets 401 is sent to the page `sign_in`, if there is one, unless the site has its own page for it.
        """
        self._table, self._pages, self._sign_in = table, pages, sign_in
        # Whether error views, or the pages of views, have dependencies, which they share with those of a view.
        self.shares_dependencies = pages.has_context or self._table.has_dependencies
        # Whether error views or templates may open something for a request, of any route.
        self.opens_for_request = pages.opens_for_request or self._table.has_dependencies
        # What templates and error views need and can't wait for.
        self.waiting_types = (*pages.waiting_types, *self._table.waiting_types)
        self._outer: ErrorHandlers | None = None  # of the site around a part, for errors that this has no page for
        self._wants_problem, self._choosing = wants_problem, self._table.choosing
        self._logged_hints: set[tuple[str, str]] = set()
        self.mistakes = self._table.mistakes

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

    def respond(self, error: HTTPError, request: Request, *, by_class: bool = True) -> Response:
        """Return the response for an error, with `by_class` that of the view for its class. Never raises."""
        handlers: ErrorHandlers = self
        while handlers._outer is not None and not handlers._has_page(error, by_class=by_class):
            handlers = handlers._outer
        if by_class and (view := handlers._table.of_class(error)) is not None:  # noqa: SLF001 - as above
            try:
                return handlers._completed(view(error, request), error, request)  # noqa: SLF001 - as above
            except HTTPError as raised:
                return self.respond(raised, request, by_class=False)
            except BaseException as failure:  # noqa: BLE001 - the code of the app may raise anything
                return handlers._after_failure(error, failure, request)  # noqa: SLF001 - as above
        return handlers._respond(error, request)  # noqa: SLF001 - as above

    def view_of(self, kind: type[Exception]) -> Callable[..., object] | None:
        """Return the view for the exceptions of a class, as it is written in `errors`; None if there is none."""
        view = self._table.view_of(kind)
        is_answered = issubclass(kind, HTTPError) and self._has_page_for(kind.status)  # as a status, by this part
        if view is None and self._outer is not None and not is_answered:
            return self._outer.view_of(kind)
        return view

    def has_page(self, error: HTTPError) -> bool:
        """Return whether the part, or the site around it, has a page of its own for the status of an error."""
        return self._has_page(error, by_class=False) or (self._outer is not None and self._outer.has_page(error))

    def _has_page(self, error: HTTPError, *, by_class: bool) -> bool:
        return self._has_page_for(error.status) or (by_class and self._table.of_class(error) is not None)

    def _has_page_for(self, status: int) -> bool:
        return status in self._table.by_status or self._pages.has_own(f"error/error{status}.html")

    def _respond(self, error: HTTPError, request: Request) -> Response:
        if isinstance(error, ContentTooLarge):
            self.log_hint(error, _request_line(request))
        try:
            handler = self._table.by_status.get(error.status)
            if handler is not None and (error.status in self._choosing or not self._wants_problem(request)):
                return self._completed(handler(error, request), error, request)
            if error.status == UNAUTHORIZED and (found := self._sign_in_response(error, request)) is not None:
                return found
        except BaseException as failure:  # noqa: BLE001 - the code of the app may raise anything
            return self._after_failure(error, failure, request)
        return self._with_challenge(self._pages.error(error, request, self._wants_problem), request)

    def _completed(self, response: Response, error: HTTPError, request: Request) -> Response:
        """Return what a handler has made of an error, with the error's status and fields where it sets no others."""
        if response.status == 200:
            response.status = error.status
        for name, value in error.headers.items():
            response.headers.setdefault(name, value)
        return self._with_challenge(response, request)

    def _after_failure(self, error: HTTPError, failure: BaseException, request: Request) -> Response:
        self._log_failure(error, failure, request)
        return self.response_after_failure(error, failure, request)

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
            outcome = self._outcome_by_class(error, request)
            return outcome if isinstance(outcome, Response) else self.internal_error(outcome, request, name)

        return on_error

    def defer_unexpected(self, error: BaseException, request: Request) -> Outcome:
        """Respond to an HTTPError, or as the view for a class does; else hand it to the middleware further out."""
        forked_child.exit_if_forked()
        RequestScope.note(error, request)
        return self.respond(error, request) if isinstance(error, HTTPError) else self._outcome_by_class(error, request)

    def _outcome_by_class(self, error: BaseException, request: Request) -> Outcome:
        """Return what the view for the class of an exception responds; a 5xx stays an exception, with that response."""
        view = self._view_of_class(error)
        if view is None:
            return UnhandledException(error)
        unhandled = UnhandledException(error)
        try:
            response = view(error, request)
        except HTTPError as raised:
            response = self.respond(raised, request, by_class=False)
        except BaseException as failure:  # noqa: BLE001 - the code of the app may raise anything
            if failure is not error:
                return UnhandledException(failure)  # the log shows both: it was raised while the first was handled
            error.with_traceback(unhandled.traceback)
            return unhandled
        if response.status == 200:
            response.status = InternalServerError.status
        if response.status < InternalServerError.status:
            return response
        unhandled.response = response
        return unhandled

    def _view_of_class(self, error: BaseException) -> ErrorHandler | None:
        """Return the view for the class of an exception, of a part of the site before that of the site."""
        view = self._table.of_class(error)
        if view is None and self._outer is not None:
            return self._outer._view_of_class(error)  # noqa: SLF001 - of the same class
        return view

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


def _is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS


def _request_line(request: Request) -> str:
    """Return a request's method and target, safe for one line of a log."""
    # SECURITY: tests/app/test_error_handlers.py; a line end in a log would begin another entry.
    line = f"{request.head.method} {request.head.target}"
    return line if line.isprintable() else line.encode("unicode_escape").decode()
