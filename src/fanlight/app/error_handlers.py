"""Answer what went wrong: an error a view has raised, or an exception it should not have raised.

In: the error and the request. Out: a response, always. The app's own table of errors is asked
first, then `pages`. An error in an error's view is logged and the page of the first error is sent,
so nothing goes round in circles. A client never learns what an exception said.

Whatever a view raises is answered, be it an Exception or not. Only the cancellation of the task that runs it
goes on: who cancels does not wait for an answer.
"""

from __future__ import annotations

import errno
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from fanlight.app.responses import ResponseFactory
from fanlight.app.string_values import markup_for_text, misnamed_template
from fanlight.binding.callables import display_name, is_async, source_location
from fanlight.binding.exceptions import is_task_cancelled
from fanlight.binding.signature import reject_markers
from fanlight.errors import (
    ClientDisconnected,
    ContentTooLarge,
    HTTPError,
    InsufficientStorage,
    InternalServerError,
    Mistake,
)
from fanlight.message import forked_child
from fanlight.message.content import RefusedContent
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.builtin_pages import reason_of
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.problem_details import wants_problem

log = logging.getLogger("fanlight.app")

Shows = Callable[[HTTPError, Request], Response]
MOST_TOLD = 64
NO_ROOM = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


@dataclass(slots=True, eq=False)
class UnhandledException:
    """An exception that nobody has answered yet, on its way out through what is around the view."""

    error: BaseException
    response: Response | None = None  # what is sent if nobody does; made when the first one looks at it
    traceback: TracebackType | None = field(init=False)  # as it was when the exception left the view

    def __post_init__(self) -> None:
        self.traceback = self.error.__traceback__


Outcome = Response | UnhandledException


def raise_content_error(request: Request) -> Response:
    """Raise why the content of a request was refused."""
    source = request.content_source
    assert isinstance(source, RefusedContent)
    raise source.error


class ErrorHandlers:
    """The answers to all errors of an app; `mistakes` says what is wrong with its table of them."""

    def __init__(
        self, errors: Mapping[int, object] | None, pages: Pages, results: ResponseFactory, folder: Path | None = None
    ) -> None:
        """Read the table: from a status to a view, a template's name, a text or a response."""
        self._pages, self._results = pages, results
        self._folder = folder
        self._own: dict[int, Shows] = {}
        self._told: set[tuple[str, str]] = set()
        self.mistakes: list[Mistake] = []
        if not isinstance(errors, Mapping | None):
            hint = "write a dict: errors={404: not_found}"
            self.mistakes.append(Mistake(message=f"errors is a {type(errors).__name__}", hint=hint))
            return
        for status, value in (errors or {}).items():
            self._read(status, value)

    def respond(self, error: HTTPError, request: Request) -> Response:
        """Return the answer to an error; never raises."""
        if isinstance(error, ContentTooLarge):
            self.advise(error, _asked(request))
        try:
            shows = self._own.get(error.status)
            if shows is not None:
                return _completed(shows(error, request), error)
        except BaseException:
            log.exception("the answer to error %s failed: %s", error.status, _asked(request))
        return self._pages.error(error, request)

    def advise(self, error: HTTPError, where: str) -> None:
        """Log what the author can do about an error that is no mistake of the visitor's, once for each place."""
        hint, told = getattr(error, "hint", ""), self._told
        if hint and (where, hint) not in told and len(told) < MOST_TOLD:
            told.add((where, hint))
            log.warning("%s was refused: %s; %s (said once)", where, error.detail, hint)

    def of(self, name: str) -> Callable[[BaseException, Request], Response]:
        """Return what answers whatever the view of a route raises; a cancellation goes on."""

        def failed(error: BaseException, request: Request) -> Response:
            forked_child.exit_if_forked()
            if isinstance(error, HTTPError):
                return self.respond(error, request)
            if is_task_cancelled(error):
                raise error
            return self.end(UnhandledException(error), request, name)

        return failed

    def passing(self, error: BaseException, request: Request) -> Outcome:
        """Answer an error, and pass any other exception on, to what is around the view."""
        forked_child.exit_if_forked()
        return self.respond(error, request) if isinstance(error, HTTPError) else UnhandledException(error)

    def shown(self, crash: UnhandledException, request: Request) -> Response:
        """Return what is sent for an exception that nobody catches: it says nothing of it."""
        if crash.response is None:
            crash.response = self._answer_to(crash.error, request)
        return crash.response

    def end(self, crash: UnhandledException, request: Request, name: str) -> Response:
        """Log an exception that nobody has caught, and return its answer."""
        error = crash.error
        if _is_full(error):
            log.error("%s found no room on the disk (%s): %s", name, error, _asked(request))
        elif not isinstance(error, ClientDisconnected):
            log.error("%s failed: %s", name, _asked(request), exc_info=error)
        return self.shown(crash, request)

    def _answer_to(self, error: BaseException, request: Request) -> Response:
        if isinstance(error, ClientDisconnected):
            return Response(b"", 400)  # there is nobody to read it
        if _is_full(error):
            return self.respond(InsufficientStorage("this server has no room to keep that; try again later"), request)
        return self.respond(InternalServerError(), request)

    # --- the app's table ----------------------------------------------------------------------

    def _read(self, status: object, value: object) -> None:
        if isinstance(status, bool) or not isinstance(status, int) or status not in range(400, 600):
            self._refuse(f"errors[{status!r}]: there is no such error", "a key is a status from 400 to 599")
        elif isinstance(value, str):
            self._read_text(status, value)
        elif isinstance(value, Response):
            self._own[status] = self._for_people(lambda _, __: value.copy())
        elif isinstance(value, Page):
            self._own[status] = self._for_people(lambda _, request: self._results.make(value, request))
        elif callable(value) and not isinstance(value, type):
            self._read_view(status, value)
        else:
            kind = type(value).__name__
            hint = "give a view (without calling it), a template's name, a text or a response"
            self._refuse(f"errors[{status}] is a {kind}, which answers nothing", hint)

    def _refuse(self, message: str, hint: str, place: str = "") -> None:
        self.mistakes.append(Mistake(message=message, places=(place,) if place else (), hint=hint))

    def _read_text(self, status: int, value: str) -> None:
        if mistake := markup_for_text(value, f"errors[{status}]"):
            self.mistakes.append(mistake)
            return
        if not value.endswith(".html"):
            text = self._pages.heading(value)
            self._own[status] = self._for_people(lambda _, __: Response(text))
            return
        if mistake := misnamed_template(value, self._pages, f"errors[{status}]"):
            self.mistakes.append(mistake)

        def show(error: HTTPError, request: Request) -> Response:
            reason = reason_of(error.status)
            context = {"error": error, "status": error.status, "reason": reason, "detail": error.detail}
            return self._results.make(Page(value, context), request)

        self._own[status] = self._for_people(show)

    def _read_view(self, status: int, view: Callable[..., object]) -> None:
        place = source_location(view, self._folder)
        if is_async(view):
            hint = 'write "def": the error may be that of a sync view, which can\'t wait for it'
            self._refuse(f"errors[{status}]: {display_name(view)} is async", hint, place)
            return
        names = _arguments(view)
        if names is None:
            hint = "it may take `error` and `request`, and nothing else"
            self._refuse(f"errors[{status}]: {display_name(view)} takes other parameters", hint, place)
            return
        if mistake := reject_markers(view, display_name(view), place, "the error and the request"):
            self.mistakes.append(mistake)
            return

        def show(error: HTTPError, request: Request) -> Response:
            given: dict[str, Any] = {"error": error, "request": request}
            return self._results.make(view(**{name: given[name] for name in names}), request)

        # A view that looks at the request can see for itself what the client likes.
        self._own[status] = show if "request" in names else self._for_people(show)

    def _for_people(self, show: Shows) -> Shows:
        """Return an answer that leaves clients who ask for JSON to the pages, which have it."""

        def show_people(error: HTTPError, request: Request) -> Response:
            return self._pages.error(error, request) if wants_problem(request) else show(error, request)

        return show_people


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in NO_ROOM


def _completed(response: Response, error: HTTPError) -> Response:
    """Give a response the status and the fields of its error, where it does not state its own."""
    if response.status == 200:
        response.status = error.status
    for name, value in error.headers.items():
        response.headers.setdefault(name, value)
    return response


def _arguments(view: Callable[..., object]) -> list[str] | None:
    """Return which of `error` and `request` a view takes, None if it must have something else."""
    try:
        parameters = inspect.signature(view).parameters.values()
    except (TypeError, ValueError):  # one that is not written in Python
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


def _asked(request: Request) -> str:
    """Return what was asked, fit for a line of a log."""
    # SECURITY: tests/app/test_error_handlers.py; a line end in a log would begin another entry.
    asked = f"{request.head.method} {request.head.target}"
    return asked if asked.isprintable() else asked.encode("unicode_escape").decode()
