"""Say in the log what a view's author wants to know, and its visitors don't: once for each view and reason.

In: what a view has returned, or what was refused before it ran. Out: a message that names the route, the view and its
line; the second time it is for debugging only, so no client can fill a log. Never says a value that was sent: it may be
a secret.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fanlight.errors import UnprocessableContent
from fanlight.message.request import Request

log = logging.getLogger("fanlight.app")

T = TypeVar("T")
MOST_REASONS = 50  # that are remembered of one view; the names in JSON are the client's
LONGEST_NAME = 50


class ViewLog:
    """What is said of one view at one route."""

    def __init__(self, name: str, place: str) -> None:
        """Speak of a view by the name of its call, "GET / (home)", and the place where it is written."""
        self.where = f"{name.removesuffix(')')} at {place})" if place and name.endswith(")") else name
        self._said: set[object] = set()

    def noting(self, failed: Callable[[BaseException, Request], T]) -> Callable[[BaseException, Request], T]:
        """Return what answers an error, and notes a 422 before: which fields are missing, or not as they should be."""

        def noted(error: BaseException, request: Request) -> T:
            if isinstance(error, UnprocessableContent) and error.fields:
                self._tell_of_fields(error)
            return failed(error, request)

        return noted

    def tell_of_nothing(self) -> None:
        """Note that it has returned nothing to one who wants to see a page."""
        self._tell(
            "nothing",
            logging.WARNING,
            "returned nothing, so the answer is 204, and a browser shows no page; write `return` before what it makes,"
            " or `return None, 204` if that is meant",
        )

    def tell_of_no_file(self, path: Path) -> None:
        """Note that it has returned the path of a file that is not there."""
        self._tell("file", logging.WARNING, f"returned the file {str(path.absolute())!r}, which is not there: 404")

    def _tell_of_fields(self, error: UnprocessableContent) -> None:
        wrong = [(each.source, each.name, each.message == "is missing") for each in error.fields[:MOST_REASONS]]
        said = ", ".join(
            f"{source} field {name[:LONGEST_NAME]!r} {'is missing' if is_missing else 'is not as it should be'}"
            for source, name, is_missing in wrong
        )
        self._tell(tuple(wrong), logging.INFO, f"was not called: 422, {said}")

    def _tell(self, reason: object, level: int, text: str) -> None:
        if reason in self._said or len(self._said) >= MOST_REASONS:
            log.debug("%s %s", self.where, text)
        else:
            self._said.add(reason)
            log.log(level, "%s %s (said once)", self.where, text)
