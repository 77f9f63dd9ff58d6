"""Log what the author of a view should know and its visitors should not see, once for each view and reason.

In: what a view has returned, or the error with which its request was rejected. Out: a log record that names the route,
the view and its line. A repeated reason is logged at level DEBUG only, so no client can fill a log. Submitted values
are never logged: they may be secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fanlight.errors import UnprocessableContent
from fanlight.lazy_logger import lazy_logger
from fanlight.message.request import Request

log = lazy_logger("fanlight.app")

T = TypeVar("T")
MAX_REASONS = 50  # remembered for one view: the names of fields in JSON are chosen by the client
MAX_NAME_LENGTH = 50
NO_CONTENT = "returned None; did you forget `return`? If not, write `return Response(status=204)`"


class ViewLog:
    """The log records of one view at one route."""

    def __init__(self, view: str, place: str, *, is_quiet: bool = False) -> None:
        """Take the name of the view, and the place where it is written: "home", "main.py:1".

        A quiet one logs at level DEBUG only.
        """
        self.place, self._is_quiet = place, is_quiet
        self.where = f"{view} ({place})" if place else view
        self._logged: set[object] = set()

    def before(self, on_error: Callable[[BaseException, Request], T]) -> Callable[[BaseException, Request], T]:
        """Return an error handler that first logs, for a 422, which fields are missing or invalid."""

        def log_and_handle(error: BaseException, request: Request) -> T:
            if isinstance(error, UnprocessableContent) and error.fields:
                self._log_fields(error)
            return on_error(error, request)

        return log_and_handle

    def log_no_content(self) -> None:
        """Log that a view returned None where a browser waits for a page."""
        self._log_once("nothing", log.warning, f"{NO_CONTENT}; a browser shows no page for the 204 it gets")

    def missing_file(self, path: Path) -> str:
        """Log that the view returned the path of a file that does not exist, and return that line."""
        text = f"returned the file {str(path.absolute())!r}, which does not exist"
        self._log_once("file", log.warning, f"{text}: 404")
        return f"{self.where} {text}"

    def _log_fields(self, error: UnprocessableContent) -> None:
        wrong = [(each.source, each.name, each.message == "is missing") for each in error.fields[:MAX_REASONS]]
        fields = ", ".join(
            f"{source} field {name[:MAX_NAME_LENGTH]!r} is {'missing' if is_missing else 'invalid'}"
            for source, name, is_missing in wrong
        )
        self._log_once(tuple(wrong), log.info, f"was not called: 422, {fields}")

    def _log_once(self, reason: object, write: Callable[..., None], text: str) -> None:
        if self._is_quiet or reason in self._logged or len(self._logged) >= MAX_REASONS:
            log.debug("%s %s", self.where, text)
        else:
            self._logged.add(reason)
            write("%s %s (logged once)", self.where, text)
