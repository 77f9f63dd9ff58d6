"""The error classes of Fanlight, grouped by where the fault is.

    FanlightError
    ├── ClientError                the client
    │   ├── ClientDisconnected     it closed the connection before the response was sent
    │   └── ProtocolError          its message is refused, and the connection closed
    │       ├── BadMessage                  400
    │       ├── RequestTimeout              408
    │       ├── ContentLimitExceeded        413
    │       ├── TargetTooLong               414
    │       ├── UnsupportedContentEncoding  415
    │       ├── UnsupportedExpectation      417
    │       ├── SchemeMismatch              421
    │       ├── HeadTooLarge                431
    │       ├── UnsupportedTransferCoding   501
    │       ├── UnsupportedMethod           501
    │       ├── Overloaded                  503
    │       ├── UnsupportedVersion          505
    │       └── StorageFull                 507
    ├── HTTPError                  a response with an error status, raised by a view
    │   ├── BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404,
    │   │   MethodNotAllowed 405, NotAcceptable 406, Conflict 409, Gone 410,
    │   │   LengthRequired 411, PreconditionFailed 412, ContentTooLarge 413,
    │   │   UnsupportedMediaType 415, MisdirectedRequest 421, UnprocessableContent 422,
    │   │   TooManyRequests 429
    │   └── InternalServerError 500, NotImplementedByServer 501, ServiceUnavailable 503,
    │       InsufficientStorage 507
    ├── AppError                   the code of the app
    │   ├── SetupError             a list of mistakes, found before the port opens
    │   ├── TemplateError          a template can't be rendered
    │   ├── NoSuchURL              url_for has no route for a view and its parameters
    │   └── InvalidResponse        a view returned something that can't be sent
    └── ServerError                the machine, or the configuration of the server
        ├── AddressUnavailable     the port can't be opened
        └── InvalidSetting         a limit or flag has an invalid value

Every message says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class FanlightError(Exception):
    """The base class of all errors that Fanlight raises."""


# --- the client ----------------------------------------------------------------------------


class ClientError(FanlightError):
    """An error of the client."""


class ClientDisconnected(ClientError):
    """The client closed the connection before the response was sent."""


class ProtocolError(ClientError):
    """A message that is refused: the response has `status` and `extra_headers`, then the connection is closed."""

    status = 400
    extra_headers = b""  # field lines of the response, each with its line end


class BadMessage(ProtocolError):
    """The bytes are not an unambiguous HTTP message (RFC 9112)."""


class RequestTimeout(ProtocolError):
    """The client took too long to send its request (RFC 9110 section 15.5.9)."""

    status = 408


class ContentLimitExceeded(ProtocolError):
    """The content exceeds `Limits.content_bytes` (RFC 9110 section 15.5.14)."""

    status = 413


class TargetTooLong(ProtocolError):
    """The request line exceeds its limit (RFC 9110 section 15.5.15)."""

    status = 414


class UnsupportedContentEncoding(ProtocolError):
    """The content has a content encoding, and request content is never decoded (RFC 9110 sections 8.4 and 15.5.16)."""

    status = 415
    extra_headers = b"accept-encoding: identity\r\n"


class UnsupportedExpectation(ProtocolError):
    """`Expect` has another value than 100-continue (RFC 9110 section 10.1.1)."""

    status = 417


class SchemeMismatch(ProtocolError):
    """The target is an https URL, but the connection is not encrypted (RFC 9110 section 7.4)."""

    status = 421


class HeadTooLarge(ProtocolError):
    """The head exceeds its limit of bytes or fields (RFC 6585 section 5)."""

    status = 431


class UnsupportedTransferCoding(ProtocolError):
    """A transfer coding other than a single final `chunked` (RFC 9112 section 6.1)."""

    status = 501


class UnsupportedMethod(ProtocolError):
    """The method is not implemented by this server (RFC 9110 section 9.1)."""

    status = 501


class UnsupportedVersion(ProtocolError):
    """An HTTP version other than 1.0 or 1.1 (RFC 9110 section 15.6.6)."""

    status = 505


class Overloaded(ProtocolError):
    """The thread pool is full, so the content can't be written to disk."""

    status = 503


class StorageFull(ProtocolError):
    """The disk is full, so the content can't be kept (RFC 4918 section 11.5)."""

    status = 507


# --- responses -----------------------------------------------------------------------------


class HTTPError(FanlightError):
    """A response with an error status; raise one of its subclasses from a view.

    `detail` is shown to the client, so it must not contain a secret. `headers` are added to the response.
    """

    status = 500

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        """Make an error; `detail` is the text of the error page."""
        super().__init__(detail)
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})


class BadRequest(HTTPError):
    """400: the request is malformed."""

    status = 400


class Unauthorized(HTTPError):
    """401: authentication is required; give `headers={"www-authenticate": ...}` (RFC 9110 section 15.5.2)."""

    status = 401


class Forbidden(HTTPError):
    """403: the client is authenticated, but not allowed to do this."""

    status = 403


class NotFound(HTTPError):
    """404: there is no such resource."""

    status = 404


class MethodNotAllowed(HTTPError):
    """405: the resource exists, but not with this method."""

    status = 405

    def __init__(self, detail: str = "", *, allow: Sequence[str]) -> None:
        """Make an error; `allow` are the methods for the `Allow` field, which is required (RFC 9110 section 15.5.6)."""
        super().__init__(detail, headers={"allow": ", ".join(allow)})
        self.allow = tuple(allow)


class NotAcceptable(HTTPError):
    """406: there is no representation that the client accepts."""

    status = 406


class Conflict(HTTPError):
    """409: the request conflicts with the current state of the resource."""

    status = 409


class Gone(HTTPError):
    """410: the resource was removed, permanently."""

    status = 410


class LengthRequired(HTTPError):
    """411: the view needs a Content-Length."""

    status = 411


class PreconditionFailed(HTTPError):
    """412: a precondition in the request is false."""

    status = 412


class ContentTooLarge(HTTPError):
    """413: the content exceeds a limit; `hint` is for the log, `field` is the name of the field that is too large."""

    status = 413

    def __init__(
        self, detail: str = "", *, headers: Mapping[str, str] | None = None, hint: str = "", field: str = ""
    ) -> None:
        """Make an error; `detail` is shown to the client, `hint` only to the author of the view."""
        super().__init__(detail, headers=headers)
        self.hint, self.field = hint, field


class UnsupportedMediaType(HTTPError):
    """415: the view does not accept content of this type."""

    status = 415


class MisdirectedRequest(HTTPError):
    """421: the request is for a host that this site does not serve."""

    status = 421


@dataclass(frozen=True, slots=True, kw_only=True)
class BadField:
    """An invalid input: where it was expected, its name, and what is wrong with it."""

    source: str  # "query", "form", "json", "cookie" or "header"
    name: str
    message: str
    pointer: str | None = None  # its place in JSON (RFC 6901): "/lines/2/count"


class UnprocessableContent(HTTPError):
    """422: some fields are missing or invalid; `fields` has all of them."""

    status = 422

    def __init__(self, detail: str = "", *, fields: Sequence[BadField] = ()) -> None:
        """Make an error that lists every bad field."""
        super().__init__(detail)
        self.fields = tuple(fields)


class TooManyRequests(HTTPError):
    """429: the client sends too many requests."""

    status = 429


class InternalServerError(HTTPError):
    """500: an error of the server."""

    status = 500


class NotImplementedByServer(HTTPError):
    """501: the server does not implement the method."""

    status = 501


class ServiceUnavailable(HTTPError):
    """503: temporarily unavailable; give `headers={"retry-after": ...}` if you can."""

    status = 503


class InsufficientStorage(HTTPError):
    """507: the disk is full."""

    status = 507


# --- the app -------------------------------------------------------------------------------


class AppError(FanlightError):
    """A mistake in the code of the app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in an app, found before the port opens."""

    message: str  # what is wrong, one sentence
    places: tuple[str, ...] = ()  # "main.py:12", all source lines that are involved
    hint: str = ""  # what to do about it

    def __str__(self) -> str:
        """Return the mistake as it is printed: message, places and hint."""
        lines = [self.message, *(f"  at {place}" for place in self.places)]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


class SetupError(AppError):
    """The app can't start; `mistakes` lists every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Make an error of mistakes, in the order of the source file."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class TemplateError(AppError):
    """A template does not exist, or has a mistake (file and line are in the message)."""

    def __init__(self, reason: str, *, place: str = "", hint: str = "") -> None:
        """Make an error; `place` is like "templates/home.html:12", `hint` says what to write instead."""
        super().__init__((f"{place}: " if place else "") + reason + (f"; {hint}" if hint else ""))
        self.reason, self.place, self.hint = reason, place, hint


class NoSuchURL(AppError):
    """`url_for` got a view without a route, or parameters that don't fit its path."""


class InvalidResponse(AppError):
    """A view returned something that can't be sent as a response."""


# --- the machine ---------------------------------------------------------------------------


class ServerError(FanlightError):
    """An error of the machine, or of the server's configuration."""


class AddressUnavailable(ServerError):
    """The address can't be opened; the message names the process that has it, if the system reveals it."""


class InvalidSetting(ServerError):
    """A limit or flag has an invalid value; the message says what is valid."""
