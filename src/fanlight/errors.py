"""The error classes of Fanlight, grouped by where the fault is.

    FanlightError
    ├── ClientError                the client
    │   ├── ClientDisconnected     it closed the connection before the response was sent
    │   └── ProtocolError          its message is refused, and the connection closed; a subclass for each reason
    ├── HTTPError                  a response with an error status, raised by a view; a subclass for each status
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

from msgspec import Struct


class FanlightError(Exception):
    """The base class of all errors that Fanlight raises."""


class _WithStatus:
    """An error class with a status: `class NotFound(HTTPError, status=404)`."""

    status: int

    def __init_subclass__(cls, status: int | None = None) -> None:
        super().__init_subclass__()
        if status is not None:
            cls.status = status


# --- the client ----------------------------------------------------------------------------


class ClientError(FanlightError):
    """An error of the client."""


class ClientDisconnected(ClientError):
    """The client closed the connection before the response was sent."""


class ProtocolError(_WithStatus, ClientError, status=400):
    """A message that is refused: the response has `status` and `extra_headers`, then the connection is closed."""

    extra_headers = b""  # field lines of the response, each with its line end


class BadMessage(ProtocolError):
    """The bytes are not an unambiguous HTTP message (RFC 9112)."""


class RequestTimeout(ProtocolError, status=408):
    """The client took too long to send its request (RFC 9110 section 15.5.9)."""


class ContentLimitExceeded(ProtocolError, status=413):
    """The content exceeds `Limits.content_bytes` (RFC 9110 section 15.5.14)."""


class TargetTooLong(ProtocolError, status=414):
    """The request line exceeds its limit (RFC 9110 section 15.5.15)."""


class UnsupportedContentEncoding(ProtocolError, status=415):
    """The content has a content encoding, and request content is never decoded (RFC 9110 sections 8.4 and 15.5.16)."""

    extra_headers = b"accept-encoding: identity\r\n"


class UnsupportedExpectation(ProtocolError, status=417):
    """`Expect` has another value than 100-continue (RFC 9110 section 10.1.1)."""


class SchemeMismatch(ProtocolError, status=421):
    """The target is an https URL, but the connection is not encrypted (RFC 9110 section 7.4)."""


class HeadTooLarge(ProtocolError, status=431):
    """The head exceeds its limit of bytes or fields (RFC 6585 section 5)."""


class UnsupportedTransferCoding(ProtocolError, status=501):
    """A transfer coding other than a single final `chunked` (RFC 9112 section 6.1)."""


class UnsupportedMethod(ProtocolError, status=501):
    """The method is not implemented by this server (RFC 9110 section 9.1)."""


class UnsupportedVersion(ProtocolError, status=505):
    """An HTTP version other than 1.0 or 1.1 (RFC 9110 section 15.6.6)."""


class Overloaded(ProtocolError, status=503):
    """The thread pool is full, so the content can't be written to disk."""


class StorageFull(ProtocolError, status=507):
    """The disk is full, so the content can't be kept (RFC 4918 section 11.5)."""


# --- responses -----------------------------------------------------------------------------


class HTTPError(_WithStatus, FanlightError, status=500):
    """A response with an error status; raise one of its subclasses from a view.

    `detail` is the text of the error page, so it must not contain a secret. `headers` are added to the response.
    """

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})


class BadRequest(HTTPError, status=400):
    """400: the request is malformed."""


class BadSignature(BadRequest):
    """400: a signed text was changed, is cut off, was signed for another purpose, or with another secret."""

    def __init__(self, detail: str = "This link is not valid.", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers=headers)


class SignatureExpired(BadSignature):
    """400: a signed text is genuine, but too old."""

    def __init__(self, detail: str = "This link has expired.", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers=headers)


class Unauthorized(HTTPError, status=401):
    """401: authentication is required; give `headers={"www-authenticate": ...}` (RFC 9110 section 15.5.2)."""


class Forbidden(HTTPError, status=403):
    """403: the client is authenticated, but not allowed to do this."""


class NotFound(HTTPError, status=404):
    """404: there is no such resource."""


class MethodNotAllowed(HTTPError, status=405):
    """405: the resource exists, but not with this method."""

    def __init__(self, detail: str = "", *, allow: Sequence[str]) -> None:
        """Make an error; `allow` are the methods for the `Allow` field, which is required (RFC 9110 section 15.5.6)."""
        super().__init__(detail, headers={"allow": ", ".join(allow)})
        self.allow = tuple(allow)


class NotAcceptable(HTTPError, status=406):
    """406: there is no representation that the client accepts."""


class Conflict(HTTPError, status=409):
    """409: the request conflicts with the current state of the resource."""


class Gone(HTTPError, status=410):
    """410: the resource was removed, permanently."""


class LengthRequired(HTTPError, status=411):
    """411: the view needs a Content-Length."""


class PreconditionFailed(HTTPError, status=412):
    """412: a precondition in the request is false."""


class ContentTooLarge(HTTPError, status=413):
    """413: the content exceeds a limit; `hint` is only for the log, `field` names the field that is too large."""

    def __init__(
        self, detail: str = "", *, headers: Mapping[str, str] | None = None, hint: str = "", field: str = ""
    ) -> None:
        super().__init__(detail, headers=headers)
        self.hint, self.field = hint, field


class UnsupportedMediaType(HTTPError, status=415):
    """415: the view does not accept content of this type."""


class MisdirectedRequest(HTTPError, status=421):
    """421: the request is for a host that this site does not serve."""


class BadField(Struct, frozen=True, kw_only=True):
    """An invalid input: where it was expected, its name, and what is wrong with it."""

    source: str  # "query", "form", "json", "cookie" or "header"
    name: str
    message: str
    pointer: str | None = None  # its place in JSON (RFC 6901): "/lines/2/count"


class UnprocessableContent(HTTPError, status=422):
    """422: some fields are missing or invalid; `fields` has all of them."""

    def __init__(self, detail: str = "", *, fields: Sequence[BadField] = ()) -> None:
        super().__init__(detail)
        self.fields = tuple(fields)


class UpgradeRequired(HTTPError, status=426):
    """The address is a WebSocket, and the request asks for none that this server speaks (RFC 9110 section 15.5.22)."""

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers={"sec-websocket-version": "13", **(headers or {})})


class TooManyRequests(HTTPError, status=429):
    """429: the client sends too many requests."""


class InternalServerError(HTTPError, status=500):
    """500: an error of the server."""


class NotImplementedByServer(HTTPError, status=501):
    """501: the server does not implement the method."""


class ServiceUnavailable(HTTPError, status=503):
    """503: temporarily unavailable; give `headers={"retry-after": ...}` if you can."""


class StoreUnavailable(ServiceUnavailable):
    """503: the store of sessions and counts is full, locked, slow or gone.

    `reason` is only for the log. `is_about_writing` is set if values can still be read.
    """

    def __init__(self, reason: str = "", *, retry_seconds: int = 1, is_about_writing: bool = False) -> None:
        """Make an error; what the client is sent has nothing of the reason, which may name a host or a file."""
        detail = "A part of this site is not available just now. Try again in a moment."
        super().__init__(detail, headers={"retry-after": str(retry_seconds)})
        self.reason, self.is_about_writing = reason, is_about_writing


class BusUnavailable(ServiceUnavailable):
    """503: what carries the messages of topics can't be reached, or does not take any more; `reason` is for the log."""

    def __init__(self, reason: str = "", *, retry_seconds: int = 1) -> None:
        """Make an error; what the client is sent has nothing of the reason, which may name a host."""
        detail = "A part of this site is not available just now. Try again in a moment."
        super().__init__(detail, headers={"retry-after": str(retry_seconds)})
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class MissedMessages(ServiceUnavailable, ClientDisconnected):
    """503: a listener of a topic was too slow, or was cut off from it, and has missed messages.

    In a stream it ends the response like a disconnect: the client connects again.
    """

    def __init__(self, reason: str) -> None:
        """Make an error; the client is not sent the reason."""
        super().__init__("Some messages were missed. Connect again.", headers={"retry-after": "1"})
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class InsufficientStorage(HTTPError, status=507):
    """507: the disk is full."""


# --- the app -------------------------------------------------------------------------------


class AppError(FanlightError):
    """A mistake in the code of the app."""


class Mistake(Struct, frozen=True, kw_only=True):
    """One mistake in an app, found before the port opens."""

    message: str  # what is wrong, one sentence
    places: tuple[str, ...] = ()  # "main.py:12", all source lines that are involved
    hint: str = ""  # what to do about it

    def __str__(self) -> str:
        lines = [self.message, *(f"  at {place}" for place in self.places)]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


class SetupError(AppError):
    """The app can't start; `mistakes` lists every reason, in the order of the source file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
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


class UnfittingValue(NoSuchURL):
    """`url_for` got a value that does not fit its parameter."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__(message)
        self.value = value


class InvalidResponse(AppError):
    """A view returned something that can't be sent as a response; `place` is like "main.py:1", "" if unknown."""

    def __init__(self, reason: str, *, place: str = "") -> None:
        super().__init__(reason)
        self.place = place


# --- the machine ---------------------------------------------------------------------------


class ServerError(FanlightError):
    """An error of the machine, or of the server's configuration."""


class AddressUnavailable(ServerError):
    """The address can't be opened; the message names the process that has it, if the system reveals it."""


class InvalidSetting(ServerError):
    """A limit or flag has an invalid value; the message says what is valid."""
