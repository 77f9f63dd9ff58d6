"""What a view answers.

In: content, a status, fields. Out: what the server needs to send it. A plain page costs one small
object: its fields are a tuple that all pages of its media type share, until somebody asks for
`headers`. Refuses fields that can't be, when they are set.
"""

from __future__ import annotations

import copy
import html
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from fanlight.errors import InvalidResponse
from fanlight.message.cookies import EPOCH, cookie_key, depends_on_scheme, read_cookie_options, write_cookie
from fanlight.message.headers import MutableHeaders, Pair
from fanlight.message.location import encode_location
from fanlight.message.media_types import OCTET_STREAM

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


class Heartbeat(NamedTuple):
    """A frame to send each time a stream has been silent for `interval` seconds. Such a stream has no natural end."""

    interval: float
    make_frame: Callable[[], bytes]


Content = bytes | Iterable[bytes | str] | AsyncIterable[bytes | str]

_FIELDS: dict[str, tuple[Pair, ...]] = {"": ()}
_MAX_FIELDS = 256
_MAX_LENGTH = 2**63  # what every client can still count
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Response:
    """An answer: `Response("text")`, `Response(b"...", media_type="image/png")`, `Response(lines())`.

    `content` is bytes, text (sent as UTF-8), or an iterator, or async iterator, of either; `length`
    is how many bytes an iterator will give, where that is known.
    """

    # PERF: benchmarks/run.py: a plain page is one of these and no more
    __slots__ = ("_headers", "_length", "content", "media_type", "status")

    content: Content
    media_type: str

    def __init__(
        self,
        content: Content | str | bytearray | memoryview = b"",
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        length: int | None = None,
    ) -> None:
        """Make an answer; text is HTML, bytes are just bytes, unless `media_type` says otherwise.

        Raises InvalidResponse for a dict, and for a length or fields that can't be.
        """
        if content.__class__ is not str and content.__class__ is not bytes:
            content = _plain(content)
        if content.__class__ is str:
            self.content = content.encode()
            self.media_type = HTML if media_type is None else media_type
        else:
            self.content = content
            self.media_type = media_type if media_type is not None else OCTET_STREAM if content else ""
        self.status = status
        self._length: int | None = None
        if length is not None:
            self.length = length
        self._headers: MutableHeaders | None = None
        if headers is not None:
            self.headers.update(headers)

    @property
    def length(self) -> int | None:
        """How many bytes an iterator will give, 0 to 2**63 - 1; None where that is not known.

        Raises InvalidResponse when it is set to anything else: it is sent as `content-length`, by which the client
        finds the end of the content (RFC 9112 section 6.3).
        """
        return self._length

    @length.setter
    def length(self, length: int | None) -> None:
        check_length(length)
        self._length = length

    @property
    def headers(self) -> MutableHeaders:
        """The fields, to be read and set; `content-length` is the server's own."""
        if self._headers is None:
            self._headers = MutableHeaders([("content-type", self.media_type)] if self.media_type else ())
        return self._headers

    def fields(self) -> Sequence[Pair]:
        """Return the fields as the wire takes them."""
        headers = self._headers
        if headers is not None:
            return headers.pairs()
        return _FIELDS.get(self.media_type) or _fields_of(self.media_type)

    @property
    def has_shared_fields(self) -> bool:
        """Whether it has no field but its media type."""
        return self._headers is None

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What to send while a stream is silent; None for a response that ends by itself."""
        return None

    def copy(self) -> Self:
        """Return an answer of its own with the same content, status and fields."""
        if self.__class__ is Response:  # in a third of the time that the other way takes
            made = self.__class__(self.content, self.status, media_type=self.media_type, length=self._length)
        else:
            made = copy.copy(self)  # with all that its class adds
        if self._headers is not None:
            made._headers = self._headers.copy()  # noqa: SLF001 - of its own kind
        return made

    def set_cookie(self, name: str, value: str, **options: Any) -> None:
        """Set a cookie to any text; the options are those of `CookieOptions`. One that was set before is replaced.

        Raises InvalidResponse for what no cookie can be, TypeError for an option that there is not.
        """
        chosen = read_cookie_options(options)
        line = write_cookie(name, value, chosen)
        self.headers.replace("set-cookie", line, cookie_key)
        if depends_on_scheme(name, chosen):
            self.headers.secure_if_https += (line,)

    def delete_cookie(self, name: str, **options: Any) -> None:
        """Have the client forget a cookie: give it the options that it was set with, for how long it lived aside."""
        self.set_cookie(name, "", **{**options, "max_age": 0, "expires": EPOCH})

    def secure_cookies(self) -> None:
        """Have cookies that say nothing of it be `Secure`: the server calls this where it answers by https."""
        headers = self._headers
        if headers is not None and headers.secure_if_https:
            secure_if_https, headers.secure_if_https = headers.secure_if_https, ()
            for name, value in headers.take():
                headers.add(name, f"{value}; Secure" if name == "set-cookie" and value in secure_if_https else value)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.media_type}>"


def check_length(length: object) -> None:
    """Refuse, as InvalidResponse, what no response can be as long as; None is a length that is not known."""
    if length is None:
        return
    if isinstance(length, bool) or not isinstance(length, int):
        hint = "an int of at least 0, or None where it is not known"
        raise InvalidResponse(f"the length of a response can't be {length!r}; it is a number of bytes, {hint}")
    if not 0 <= length < _MAX_LENGTH:  # its digits are not shown: there may be too many to write
        raise InvalidResponse(
            f"the length of a response can't be {'negative' if length < 0 else 'over 2**63 - 1'};"
            " it is a number of bytes, or None where it is not known"
        )


def _plain(content: Content | str | bytearray | memoryview) -> Content | str:
    """Return a kind of text as text, what holds bytes as bytes, what gives pieces as it is. Raises InvalidResponse."""
    if isinstance(content, str):
        return str.__str__(content)
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    if isinstance(content, Mapping):  # as an iterable it would be its keys
        raise InvalidResponse("a dict can't be the content of a response; return the dict itself: it is sent as JSON")
    return content


def _fields_of(media_type: str) -> tuple[Pair, ...]:
    fields = (("content-type", media_type),) if media_type else ()
    if len(_FIELDS) >= _MAX_FIELDS:
        _FIELDS.clear()
    _FIELDS[media_type] = fields
    return fields


def json_response(value: Any, status: int = 200) -> Response:
    """Return an answer with a value as JSON. Raises InvalidResponse for a value that JSON can't hold."""
    try:
        return Response(msgspec.json.encode(value), status, media_type=JSON)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"this can't be sent as JSON: {error}") from None


def redirect(to: str, status: int = 303, *, permanent: bool = False) -> Response:
    """Return an answer that sends the client elsewhere: 303 (See Other), or 308 if it is for ever.

    `to` is a path of this site or a whole URL, of the app's own making: to send a visitor where the
    request itself asks to go, there is `redirect_back`. Raises InvalidResponse for what browsers read as
    another place than it seems to be (`//host`, a backslash, a user name), and for a status that is no redirect.
    """
    if permanent:
        status = 308
    if status not in _REDIRECTS:
        raise InvalidResponse(f"{status} is no redirect; it is one of {sorted(_REDIRECTS)}")
    location = encode_location(to)
    shown = html.escape(location)
    response = Response(f'<!doctype html><title>Moved</title><p>It is here: <a href="{shown}">{shown}</a></p>', status)
    response.headers["location"] = location
    return response


def is_lazy_stream(response: Response) -> bool:
    """Say whether content is made while it is sent, perhaps of what the view depended on; that of a file is not."""
    content = response.content
    return not isinstance(content, bytes) and (isinstance(content, Iterator | AsyncIterable) or response.length is None)
