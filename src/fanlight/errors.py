"""The whole error tree of Fanlight, blame first.

    FanlightError
    ├── ClientError                  the client is to blame
    │   ├── ClientDisconnected               it left before the answer was out
    │   └── ProtocolError                its message is refused, the connection is closed
    │       ├── BadMessage             400
    │       ├── RequestTimeout         408
    │       ├── ContentLimitExceeded       413
    │       ├── TargetTooLong          414
    │       ├── UnsupportedContentEncoding        415
    │       ├── UnsupportedExpectation     417
    │       ├── Misdirected            421
    │       ├── HeadTooLarge           431
    │       ├── UnsupportedTransferCoding          501
    │       ├── UnsupportedMethod          501
    │       ├── Overloaded             503
    │       ├── UnsupportedVersion         505
    │       └── StorageFull            507
    ├── HTTPError                  a view, or the app, answers with an error status
    │   ├── BadRequest 400, Unauthorized 401, Forbidden 403, NotFound 404,
    │   │   MethodNotAllowed 405, NotAcceptable 406, Conflict 409, Gone 410,
    │   │   LengthRequired 411, PreconditionFailed 412, ContentTooLarge 413,
    │   │   UnsupportedMediaType 415, MisdirectedRequest 421, UnprocessableContent 422,
    │   │   TooManyRequests 429
    │   └── InternalServerError 500, NotImplementedByServer 501, ServiceUnavailable 503,
    │       InsufficientStorage 507
    ├── AppError                   the app is written wrong
    │   ├── SetupError             found before the port opens: a list of mistakes
    │   ├── TemplateError          a page can't be rendered
    │   ├── NoSuchURL              url_for is asked for a URL that the table can't give
    │   └── InvalidResponse        a view returned what can't be sent
    └── ServerError                the machine, or how Fanlight was started
        ├── AddressUnavailable     the port can't be opened
        └── InvalidSetting         a limit or flag that makes no sense

Every message says what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class FanlightError(Exception):
    """Anything Fanlight itself complains of."""


# --- the client ----------------------------------------------------------------------------


class ClientError(FanlightError):
    """The client is to blame."""


class ClientDisconnected(ClientError):
    """The client left before the answer was out."""


class ProtocolError(ClientError):
    """A message that is refused: it is answered with `status` and `lines`, then the connection is closed."""

    status = 400
    lines = b""  # fields that the answer has, each with its line end


class BadMessage(ProtocolError):
    """The bytes are not one unambiguous HTTP message (RFC 9112)."""


class RequestTimeout(ProtocolError):
    """The client took too long to send its message (RFC 9110 section 15.5.9)."""

    status = 408


class ContentLimitExceeded(ProtocolError):
    """The content is over `Limits.content_bytes` (RFC 9110 section 15.5.14)."""

    status = 413


class TargetTooLong(ProtocolError):
    """The request line is over its limit (RFC 9110 section 15.5.15)."""

    status = 414


class UnsupportedContentEncoding(ProtocolError):
    """The content is encoded, and is not decoded here (RFC 9110 sections 8.4 and 15.5.16)."""

    status = 415
    lines = b"accept-encoding: identity\r\n"


class UnsupportedExpectation(ProtocolError):
    """`Expect` asks for something other than 100-continue (RFC 9110 section 10.1.1)."""

    status = 417


class SchemeMismatch(ProtocolError):
    """It asks for https on a connection that is not secured (RFC 9110 section 7.4)."""

    status = 421


class HeadTooLarge(ProtocolError):
    """The head is over its limit in bytes or in fields (RFC 6585 section 5)."""

    status = 431


class UnsupportedTransferCoding(ProtocolError):
    """A transfer coding other than a single final `chunked` (RFC 9112 section 6.1)."""

    status = 501


class UnsupportedMethod(ProtocolError):
    """The method is one that no server of this kind has (RFC 9110 section 9.1)."""

    status = 501


class UnsupportedVersion(ProtocolError):
    """An HTTP version other than 1.0 or 1.1 (RFC 9110 section 15.6.6)."""

    status = 505


class Overloaded(ProtocolError):
    """There is no thread to keep the content: too much waits already."""

    status = 503


class StorageFull(ProtocolError):
    """There is no room to keep the content (RFC 4918 section 11.5)."""

    status = 507


# --- the answer ----------------------------------------------------------------------------


class HTTPError(FanlightError):
    """An answer with an error status; raise one of its children from a view.

    `detail` is shown to the client, so it must hold no secret. `headers` are added to the answer.
    """

    status = 500

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the error page will say."""
        super().__init__(detail)
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})


class BadRequest(HTTPError):
    """400: the request makes no sense."""

    status = 400


class Unauthorized(HTTPError):
    """401: say who you are; give `headers={"www-authenticate": ...}` (RFC 9110 section 15.5.2)."""

    status = 401


class Forbidden(HTTPError):
    """403: we know who you are, and the answer is no."""

    status = 403


class NotFound(HTTPError):
    """404: nothing is here."""

    status = 404


class MethodNotAllowed(HTTPError):
    """405: the URL exists, but not with this method."""

    status = 405

    def __init__(self, detail: str = "", *, allow: Sequence[str]) -> None:
        """Name the methods that would do; `Allow` is a must (RFC 9110 section 15.5.6)."""
        super().__init__(detail, headers={"allow": ", ".join(allow)})
        self.allow = tuple(allow)


class NotAcceptable(HTTPError):
    """406: nothing we have is what the client accepts."""

    status = 406


class Conflict(HTTPError):
    """409: the request contradicts the state of things."""

    status = 409


class Gone(HTTPError):
    """410: it was here and will not come back."""

    status = 410


class LengthRequired(HTTPError):
    """411: say how long the content is before it comes; for a view that must know."""

    status = 411


class PreconditionFailed(HTTPError):
    """412: a condition of the client does not hold."""

    status = 412


class ContentTooLarge(HTTPError):
    """413: more than this view takes; `hint` is for its author, in the log, `field` the name of what is too large."""

    status = 413

    def __init__(
        self, detail: str = "", *, headers: Mapping[str, str] | None = None, hint: str = "", field: str = ""
    ) -> None:
        """Keep what the visitor is shown, and what the author can do about it."""
        super().__init__(detail, headers=headers)
        self.hint, self.field = hint, field


class UnsupportedMediaType(HTTPError):
    """415: not a kind of content that this view reads."""

    status = 415


class MisdirectedRequest(HTTPError):
    """421: this is not who the request is for."""

    status = 421


@dataclass(frozen=True, slots=True, kw_only=True)
class BadField:
    """One input that a view can't take: where it was looked for, its name, and what is wrong."""

    source: str  # "query", "form", "json", "cookie" or "header"
    name: str
    message: str
    pointer: str | None = None  # where it stands in JSON (RFC 6901): "/lines/2/count"


class UnprocessableContent(HTTPError):
    """422: understood, but the fields are not what the view needs; lists every bad one."""

    status = 422

    def __init__(self, detail: str = "", *, fields: Sequence[BadField] = ()) -> None:
        """Keep every bad field, so the client can mend all of them at once."""
        super().__init__(detail)
        self.fields = tuple(fields)


class TooManyRequests(HTTPError):
    """429: slow down."""

    status = 429


class InternalServerError(HTTPError):
    """500: our mistake."""

    status = 500


class NotImplementedByServer(HTTPError):
    """501: a method that this server does not know at all."""

    status = 501


class ServiceUnavailable(HTTPError):
    """503: not now; give `headers={"retry-after": ...}` where you can."""

    status = 503


class InsufficientStorage(HTTPError):
    """507: no room to keep what was sent."""

    status = 507


# --- the app -------------------------------------------------------------------------------


class AppError(FanlightError):
    """The app is written wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong with an app, found before the port opens."""

    message: str  # what is wrong, one sentence
    places: tuple[str, ...] = ()  # "main.py:12", every place that plays a part
    hint: str = ""  # what to do about it

    def __str__(self) -> str:
        """Return the mistake as the person at the terminal reads it."""
        lines = [self.message, *(f"  at {place}" for place in self.places)]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


class SetupError(AppError):
    """The app can't start; `mistakes` says why, all of it at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Keep the mistakes in the order in which the user would read his file."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class TemplateError(AppError):
    """A page can't be rendered: no such template, or a mistake in it (file and line in the message)."""

    def __init__(self, reason: str, *, place: str = "", hint: str = "") -> None:
        """Keep what is wrong, where ("templates/home.html:12"), and what to do about it."""
        super().__init__((f"{place}: " if place else "") + reason + (f"; {hint}" if hint else ""))
        self.reason, self.place, self.hint = reason, place, hint


class NoSuchURL(AppError):
    """`url_for` is asked for a view that has no route, or with parameters that don't fit its path."""


class InvalidResponse(AppError):
    """A view returned something that can't be sent as a response."""


# --- the machine ---------------------------------------------------------------------------


class ServerError(FanlightError):
    """The machine, or how Fanlight was started."""


class AddressUnavailable(ServerError):
    """The address can't be listened on; the message says who has it, where the system tells."""


class InvalidSetting(ServerError):
    """A limit or a flag that makes no sense; the message says what would."""
