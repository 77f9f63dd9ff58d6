"""`start_response` of one request, and the `write` that it returns (PEP 3333).

In: what a WSGI app says of its response. Out: a status and fields. Refuses what breaks the rules of the PEP: the app
gets an exception, the log a line that names the rule, and the client a 500, or a response that is cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from fanlight.errors import AppError
from fanlight.foreign.foreign_response import BrokenRule, Fields, check_status
from fanlight.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from fanlight.message.request import Request

log = logging.getLogger("fanlight.app")
# RFC 2616 section 13.5.1, to which PEP 3333 refers: they are about one connection, and the server's.
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer trailers transfer-encoding upgrade".split()
)
_STATUS = lazy_pattern(r"([0-9]{3})(?: |$)")


class WsgiStart:
    """What an app has said of its response; `write` is called with what it writes."""

    __slots__ = (
        "_is_tried",
        "_name",
        "_request",
        "_write",
        "broken_rule",
        "fields",
        "has_begun",
        "is_called",
        "status",
    )

    def __init__(self, request: Request, name: str, write: Callable[[bytes], object]) -> None:
        self._request, self._name, self._write = request, name, write
        self.status, self.fields = 0, Fields()
        self._is_tried = False  # called, perhaps with what breaks a rule
        self.is_called = False
        self.has_begun = False  # its first bytes are sent, or about to be
        self.broken_rule = ""

    def __call__(self, status: Any, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], None]:
        """Take status and headers. Raises AppError for what breaks the rules, and the error of `exc_info`."""
        if exc_info is not None:
            try:
                if self.has_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # which would be a circle
        elif self._is_tried:
            self.broken("start_response is called a second time only with exc_info")
        self._is_tried = True
        try:
            self.status, self.fields = _read_status(status), _read_fields(headers)
        except BrokenRule as rule:
            self.broken(str(rule))
        self.is_called = True
        return self.write

    def begin(self) -> None:
        """Note that the first bytes of the response are sent."""
        self.has_begun = True

    def write(self, data: Any) -> None:
        """Send bytes: the older way, beside what the app returns."""
        self._write(self.checked(data))

    def checked(self, data: Any) -> bytes:
        """Return a piece of content. Raises AppError if it is not bytes."""
        if data.__class__ is bytes:
            return data
        if not isinstance(data, bytes):
            self.broken(f"the content is bytes, not {type(data).__name__}")
        return bytes(data)

    def broken(self, rule: str) -> NoReturn:
        """Log that the app has broken a rule, and raise it."""
        self.note_broken(rule)
        raise AppError(f"WSGI: {rule}")

    def note_broken(self, rule: str) -> None:
        """Log that the app has broken a rule."""
        self.broken_rule = rule
        log.error("%s breaks a rule of WSGI (PEP 3333): %s; id %s", self._name, rule, self._request.id)


def _read_status(status: Any) -> int:
    found = _STATUS.match(status) if isinstance(status, str) else None
    if found is None:
        raise BrokenRule(f"the status is text like '200 OK', not {status!r}")
    if not status.isprintable():
        raise BrokenRule("the status has no control characters")
    if max(status) > "\xff":
        raise BrokenRule("the status has only characters of ISO-8859-1")
    return check_status(int(found[1]))


def _read_fields(headers: Any) -> Fields:
    if not isinstance(headers, list):
        raise BrokenRule(f"the headers are a list, not {type(headers).__name__}")
    fields = Fields()
    for pair in headers:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise BrokenRule(f"a header is a tuple of two texts, not {pair!r}")
        name, value = pair
        if not isinstance(name, str) or not isinstance(value, str):
            raise BrokenRule(f"a header is a tuple of two texts, not {pair!r}")
        if name.lower() in HOP_BY_HOP:
            raise BrokenRule(f"{name} is about the connection, which is the server's")
        fields.add_text(name, value)
    return fields
