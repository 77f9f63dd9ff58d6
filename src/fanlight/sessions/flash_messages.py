"""The messages of one request: those that have come with it, those that are added, and those that are shown.

In: the request. Out: messages for a page; then the cookie with those that no page has shown. A cookie that this site
has not signed has no messages. Where they do not fit into one cookie, the oldest are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from fanlight.errors import AppError, BadSignature
from fanlight.message.finishing import finish_with
from fanlight.message.html_text import escape
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.services import Services, services_of
from fanlight.sessions.cookie_values import cookie_values
from fanlight.sessions.private_response import mark_private
from fanlight.sessions.refusals import REFUSALS
from fanlight.sessions.session_settings import settings_of

SECONDS = 3600  # that a message waits for a page
MAX_TEXT_BYTES = 2000  # in UTF-8: a longer text is cut, so that any message fits into the cookie
MAX_CATEGORY_CHARACTERS = 64
MAX_COOKIE_BYTES = 4000  # of the value
PURPOSE = "flash"
_NAME = "flash"
_NOT_MODIFIED, _SERVER_ERROR = 304, 500
_REDIRECTS = range(300, 400)
_TAG = re.compile(r"<[^>]*>")


class FlashMessage(Struct, frozen=True, array_like=True):
    """A message for a visitor: `str(message)` is its text, and `category` what it is about."""

    text: str
    category: str = "info"
    is_html: bool = False  # a text that the site has marked as HTML

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> str:
        # SECURITY: tests/sessions/test_flash.py: a text may have words of a visitor in it
        return self.text if self.is_html else escape(self.text)


def make_message(text: str, category: str) -> FlashMessage:
    """Return a message that is not too long; HTML that is too long loses its tags, which must not be cut."""
    is_html = hasattr(text, "__html__")
    plain = str.__str__(text.__html__() if is_html else text)  # type: ignore[attr-defined]  # it was found
    data = plain.encode("utf-8", "replace")  # half of a surrogate pair can't be sent
    if len(data) > MAX_TEXT_BYTES:
        if is_html:
            from html import unescape  # noqa: PLC0415 - with its table of named characters

            data, is_html = unescape(_TAG.sub("", data.decode())).encode(), False
        data = data[: MAX_TEXT_BYTES - 3].decode(errors="ignore").encode() + "…".encode()
    category = category[:MAX_CATEGORY_CHARACTERS].encode("utf-8", "replace").decode()
    return FlashMessage(data.decode(), category, is_html)


class FlashMessages:
    """The messages of one request. It does not refer to the request, which has it."""

    __slots__ = ("_cookie_name", "_had_cookie", "_is_closed", "_messages", "_sent", "_services", "_shown", "_where")

    @classmethod
    def of(cls, request: Request) -> FlashMessages:
        """Return the messages of a request: the same ones for all that use them."""
        known: FlashMessages | None = request.cached_value(_NAME)
        if known is None:
            known = cls(request)
            request.cache_value(_NAME, known)
            finish_with(request, known)
        return known

    def __init__(self, request: Request) -> None:
        self._services = services_of(request)
        self._cookie_name = f"{settings_of(request).cookie_name(is_https=request.scheme == 'https')}-{_NAME}"
        self._where = f"{request.method} {request.raw_path}"
        texts = cookie_values(request.head.values.get("cookie", ""), self._cookie_name)
        self._had_cookie = bool(texts)
        self._sent = _read(texts, self._services)
        self._messages = list(self._sent)
        self._shown: int | None = None  # how many of them a template has got
        self._is_closed = False

    @property
    def waits(self) -> bool:
        """Whether finishing may wait: it never does."""
        return False

    def add(self, message: FlashMessage) -> None:
        """Add a message. Raises AppError if the response has begun."""
        if self._is_closed:
            raise AppError(
                "it is too late for a message: the head of the response, with its cookie, is made; call flash before"
                " the view returns, and not in a stream or a background task"
            )
        self._messages.append(message)

    def show(self) -> Sequence[FlashMessage]:
        """Return all messages, for a page."""
        self._shown = len(self._messages)
        return tuple(self._messages)

    def finish(self, request: Request, response: Response) -> None:
        """Set the cookie with the messages that no page has shown."""
        self._is_closed = True
        if self._shown is not None:
            mark_private(response)
        status = response.status
        if status >= _SERVER_ERROR:
            return
        # A page that no person sees has shown nothing.
        is_seen = request.method != "HEAD" and status != _NOT_MODIFIED and status not in _REDIRECTS
        rest = self._messages[self._shown or 0 :] if is_seen else self._messages
        if rest == self._sent:
            return
        mark_private(response)
        if rest:
            response.set_cookie(self._cookie_name, self._text_of(rest), max_age=SECONDS)
        elif self._had_cookie:
            response.delete_cookie(self._cookie_name)

    def _text_of(self, messages: list[FlashMessage]) -> str:
        for start in range(len(messages)):
            text = self._services.keys.sign(PURPOSE, msgspec.msgpack.encode(messages[start:]))
            if len(text) <= MAX_COOKIE_BYTES:
                break
            REFUSALS.note("flash messages do not fit into a cookie, so the oldest are left out", self._where)
        return text


def _read(texts: Sequence[str], services: Services) -> list[FlashMessage]:
    """Return the messages of a cookie. Of several cookies, which another host may have set, those of none."""
    if len(texts) == 1:
        try:
            return _decoder.decode(services.keys.read(PURPOSE, texts[0], SECONDS))
        except (BadSignature, msgspec.DecodeError):
            return []
    return []


_decoder = msgspec.msgpack.Decoder(list[FlashMessage])
