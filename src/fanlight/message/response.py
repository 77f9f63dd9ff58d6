"""The response of a view.

In: content, a status, header fields. Out: what the server sends. A plain page is one small object: its fields are a
tuple shared by all pages of its media type, until `headers` is accessed. Refuses invalid fields when they are set.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec
from msgspec import Struct

from fanlight.errors import InvalidResponse
from fanlight.foreign_names import refuse_foreign_names
from fanlight.message.cookies import EPOCH, cookie_key, read_cookie_options, write_cookie
from fanlight.message.headers import MutableHeaders, Pair, check_field
from fanlight.message.html_text import escape
from fanlight.message.location import encode_location
from fanlight.message.media_types import HTML, JSON, OCTET_STREAM


class Heartbeat(Struct, frozen=True):
    """A frame to send each time a stream has been silent for `interval` seconds. Such a stream has no natural end."""

    interval: float
    make_frame: Callable[[], bytes]


Content = bytes | Iterable[bytes | str] | AsyncIterable[bytes | str]

_FIELDS: dict[str, tuple[Pair, ...]] = {"": ()}
_MAX_FIELDS = 256
_MAX_LENGTH = 2**63  # the largest size that every client can represent
# Fields for framing, and fields that the server adds to every response: those that the wire writes itself.
SERVER_FIELDS = frozenset(
    "connection content-length date keep-alive proxy-connection server te trailer transfer-encoding upgrade".split()
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Response:
    """A response: `Response("text")`, `Response(b"...", media_type="image/png")`, `Response(lines())`.

    `content` is bytes, text (sent as UTF-8), or a sync or async iterable of either. `length` is the number of bytes
    that an iterable yields, if it is known.
    """

    # PERF: benchmarks/run.py: a plain page is one of these objects and nothing else
    __slots__ = ("_length", "content", "media_type", "own_headers", "status")

    content: Content
    media_type: str
    own_headers: MutableHeaders | None  # for the server: None as long as nothing has accessed `headers`

    def __init__(
        self,
        content: Content | str | bytearray | memoryview = b"",
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        length: int | None = None,
    ) -> None:
        """Make a response; the default media type of text is HTML, of bytes `application/octet-stream`.

        Raises InvalidResponse for a dict, and for an invalid length or field.
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
        self.own_headers = None
        if headers is not None:
            self.headers.update(headers)

    @property
    def length(self) -> int | None:
        """The number of bytes that an iterable yields, 0 to 2**63 - 1; None if it is not known.

        Raises InvalidResponse when set to anything else: it is sent as `content-length`, by which the client finds
        the end of the content (RFC 9112 section 6.3).
        """
        return self._length

    @length.setter
    def length(self, length: int | None) -> None:
        check_length(length)
        self._length = length

    @property
    def headers(self) -> MutableHeaders:
        """The header fields, which can be changed; `content-length` is set by the server."""
        if self.own_headers is None:
            kind = self.media_type
            self.own_headers = MutableHeaders.of_checked((_check_field("content-type", kind),) if kind else ())
        return self.own_headers

    def fields(self) -> Sequence[Pair]:
        """Return the fields for the wire."""
        headers = self.own_headers
        if headers is not None:
            return headers.pairs()
        return _FIELDS.get(self.media_type) or _fields_of(self.media_type)

    @property
    def has_shared_fields(self) -> bool:
        """Whether the media type is its only field."""
        return self.own_headers is None

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What to send while a stream is silent; None for a response that ends by itself."""
        return None

    def copy(self) -> Self:
        """Return a copy with the same content, status and fields."""
        if self.__class__ is Response:  # three times as fast as copy.copy()
            made = self.__class__(self.content, self.status, media_type=self.media_type, length=self._length)
        else:
            made = copy.copy(self)  # with the attributes of the subclass
        if self.own_headers is not None:
            made.own_headers = self.own_headers.copy()
        return made

    def set_cookie(self, name: str, value: str, **options: Any) -> None:
        """Set a cookie to any text; `options` are those of `CookieOptions`. It replaces one that was set before.

        Raises InvalidResponse for an invalid cookie, TypeError for an unknown option.
        """
        line, depends_on_scheme = write_cookie(name, value, read_cookie_options(options))
        self.headers.set_cookie(line, cookie_key, is_secure_if_https=depends_on_scheme)

    def delete_cookie(self, name: str, **options: Any) -> None:
        """Delete a cookie: give the options that it was set with, except `max_age` and `expires`."""
        self.set_cookie(name, "", **{**options, "max_age": 0, "expires": EPOCH})

    def secure_cookies(self) -> None:
        """Add `Secure` to cookies that did not choose; the server calls this for a response over https."""
        if self.own_headers is not None:
            self.own_headers.secure_cookies()

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.media_type}>"


refuse_foreign_names(Response)


def check_sendable(response: Response) -> None:
    """Raise InvalidResponse for a response that can't be sent, while middleware can still have a part in its 500.

    The wire refuses it as well, when all middleware has ended.
    """
    status: object = response.status
    content: object = response.content
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResponse(f"{status!r} is no status that can be sent; use a number from 200 to 599")
    fields = response.fields()
    if response.__class__ is not Response or response.has_shared_fields:  # else they were checked when they were set
        fields = [_check_field(*pair) for pair in fields]
    for name, _ in fields:
        if name in SERVER_FIELDS:
            raise InvalidResponse(f"{name} is set by the server; leave it out")
    if content.__class__ is not bytes:
        if not isinstance(content, Iterable | AsyncIterable) or isinstance(content, Mapping):
            kind = type(content).__name__
            raise InvalidResponse(f"content of type {kind} can't be sent; give bytes, or an iterator of bytes or str")
        check_length(response.length)


_check_field = functools.lru_cache(maxsize=256)(check_field)  # a site has a handful of media types


def check_length(length: object) -> None:
    """Raise InvalidResponse for what is not a number of bytes, and not None (unknown)."""
    if length is None:
        return
    if isinstance(length, bool) or not isinstance(length, int):
        hint = "an int of at least 0, or None if it is not known"
        raise InvalidResponse(f"the length of a response can't be {length!r}; it is a number of bytes, {hint}")
    if not 0 <= length < _MAX_LENGTH:  # its digits are not shown: Python may refuse to convert so many
        raise InvalidResponse(
            f"the length of a response can't be {'negative' if length < 0 else 'over 2**63 - 1'};"
            " it is a number of bytes, or None if it is not known"
        )


def _plain(content: Content | str | bytearray | memoryview) -> Content | str:
    """Convert a subclass of str to str, and a bytes-like object to bytes. Raises InvalidResponse for a dict."""
    if isinstance(content, str):
        return str.__str__(content)
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    if isinstance(content, Mapping):  # iterating it would send its keys
        raise InvalidResponse(
            "the content of a response can't be a dict; return the dict itself, which is sent as JSON"
        )
    return content


def _fields_of(media_type: str) -> tuple[Pair, ...]:
    fields = (("content-type", media_type),) if media_type else ()
    if len(_FIELDS) >= _MAX_FIELDS:
        _FIELDS.clear()
    _FIELDS[media_type] = fields
    return fields


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response with a value as JSON. Raises InvalidResponse for a value that JSON can't represent."""
    try:
        return Response(msgspec.json.encode(value), status, media_type=JSON)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidResponse(f"this can't be sent as JSON: {error}") from None


def redirect(to: str, status: int = 303, *, permanent: bool = False) -> Response:
    """Return a redirect: 303 (See Other), or 308 (Permanent Redirect) if `permanent`.

    `to` is a path of this site or a complete URL, and must come from the app: for a target that is in the request,
    use `redirect_back`. Raises InvalidResponse for a target that browsers read as another one than it seems to be
    (`//host`, a backslash, a user name), and for a status that is not a redirect.
    """
    if permanent:
        status = 308
    if status not in _REDIRECTS:
        raise InvalidResponse(f"{status} is not the status of a redirect; use one of {sorted(_REDIRECTS)}")
    location = encode_location(to)
    shown = escape(location)
    response = Response(f'<!doctype html><title>Moved</title><p>See <a href="{shown}">{shown}</a></p>', status)
    response.headers["location"] = location
    return response


def is_lazy_stream(response: Response) -> bool:
    """Return whether content is produced while it is sent, perhaps with the help of dependencies; not so for files."""
    content = response.content
    return not isinstance(content, bytes) and (isinstance(content, Iterator | AsyncIterable) or response.length is None)
