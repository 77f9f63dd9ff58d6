"""What may watch an app from outside: the hooks with which an app is built when it is developed.

In: the pieces of an app while it is built, and requests that have failed. Out: what runs instead, and other responses.
`Application.observed` builds an app with an observer; an app without one has nothing of this in its calls.
"""

from __future__ import annotations

import logging
from typing import Any

from fanlight.app.error_handlers import ErrorHandlers, UnhandledException
from fanlight.errors import HTTPError
from fanlight.message.request import Request
from fanlight.message.response import Response

log = logging.getLogger("fanlight.app")


class Observer:
    """Changes nothing; a subclass overrides what it wants to see."""

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        """Return the response for an exception that nothing has caught; None for the app's own."""
        del error, request
        return None

    def on_http_error(self, error: HTTPError, request: Request, response: Response) -> Response:
        """Return the response for an HTTP error, given the one that the app has made."""
        del error, request
        return response


class ObservedErrorHandlers(ErrorHandlers):
    """Error handlers whose responses an observer may replace."""

    def __init__(self, observer: Observer, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._observer = observer

    def respond(self, error: HTTPError, request: Request) -> Response:
        """Return the response for an error. Never raises."""
        response = super().respond(error, request)
        try:
            return self._observer.on_http_error(error, request, response)
        except Exception:
            log.exception("the page that explains error %s failed", error.status)
            return response

    def unhandled_response(self, unhandled: UnhandledException, request: Request) -> Response:
        """Return the response for an exception that no middleware catches."""
        if unhandled.response is None:
            try:
                unhandled.response = self._observer.on_unhandled(unhandled.error, request)
            except Exception:
                log.exception("the debug page failed")
        return super().unhandled_response(unhandled, request)
