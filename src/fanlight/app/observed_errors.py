"""The error handlers of an app that is observed: an observer may replace their responses.

In: errors, as in `error_handlers`. Out: the observer's response, or else that of the app. An observer that fails is
logged, and changes nothing.
"""

from __future__ import annotations

from typing import Any

from fanlight.app.error_handlers import ErrorHandlers, UnhandledException
from fanlight.app.observer import Observer
from fanlight.errors import HTTPError
from fanlight.lazy_logger import lazy_logger
from fanlight.message.request import Request
from fanlight.message.response import Response

log = lazy_logger("fanlight.app")


class _Replaced(Exception):
    """A response that is final: no page explains the error whose handler has failed."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class ObservedErrorHandlers(ErrorHandlers):
    """Error handlers whose responses an observer may replace."""

    def __init__(self, observer: Observer, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._observer = observer

    def respond(self, error: HTTPError, request: Request, *, by_class: bool = True) -> Response:
        """Return the response for an error, as above. Never raises."""
        try:
            response = super().respond(error, request, by_class=by_class)
        except _Replaced as replaced:
            return replaced.response
        if response.status < 400 or (by_class and self._view_of_class(error) is not None):
            return response  # a redirect to the page where people sign in; what the site has for this very class
        try:
            return self._observer.on_http_error(error, request, response, has_page=self.has_page(error))
        except Exception:
            log.exception("the page that explains error %s failed", error.status)
            return response

    def response_after_failure(self, error: HTTPError, failure: BaseException, request: Request) -> Response:
        """Return the response for an error whose handler has failed; raises _Replaced with that of the observer."""
        try:
            response = self._observer.on_handler_failed(failure, request)
        except Exception:
            log.exception("the debug page failed")
            response = None
        if response is not None:
            raise _Replaced(response)
        return super().response_after_failure(error, failure, request)

    def unhandled_response(self, unhandled: UnhandledException, request: Request) -> Response:
        """Return the response for an exception that no middleware catches."""
        if unhandled.response is None:
            try:
                unhandled.response = self._observer.on_unhandled(unhandled.error, request)
            except Exception:
                log.exception("the debug page failed")
        return super().unhandled_response(unhandled, request)
