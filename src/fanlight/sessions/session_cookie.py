"""The cookie of a session in one request, and in its response.

In: the request. Out: the token in its cookie, or none; then the cookie of the response. Whatever is wrong with a
cookie, the visitor gets a new session, and the log a line now and then. Refuses, as AppError, to write a cookie that
browsers would drop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.sessions.cookie_values import cookie_values
from fanlight.sessions.refusals import REFUSALS
from fanlight.sessions.session_settings import Sessions
from fanlight.sessions.session_token import MAX_BYTES, RefusedToken, Token, choose_token, write_token

if TYPE_CHECKING:
    from fanlight.signing.signing_keys import Keys

_MAX_SHOWN = 5  # of the largest values of a session that is too large


class SessionCookie:
    """Reads and writes the cookie of one request."""

    __slots__ = ("_drops_it", "_field", "_has_values", "_head", "_keys", "_name", "_settings")

    def __init__(self, request: Request, keys: Keys, settings: Sessions, *, has_values: bool) -> None:
        """Prepare; `has_values`: the values of a session are in its cookie, and not in a store."""
        self._head = head = request.head
        self._field = head.values.get("cookie", "")
        self._name = settings.cookie_name(is_https=request.scheme == "https")
        self._keys, self._settings, self._has_values = keys, settings, has_values
        self._drops_it = False

    def read(self, now: float) -> tuple[Token, float] | None:
        """Return the token of the client's session and its age in seconds, None without a valid one."""
        texts = cookie_values(self._field, self._name)
        if not texts:
            return None
        try:
            token, age = choose_token(texts, self._keys, self._settings, now)
        except RefusedToken as error:
            self.refuse(error)
            return None
        # Else sessions have been moved from cookies to a store, or back.
        return (token, age) if (token.values is not None) is self._has_values else None

    def refuse(self, error: RefusedToken) -> None:
        """Note that the cookie is not accepted."""
        self._drops_it = error.is_ours
        if error.reason:
            self.note(error.reason)

    def note(self, reason: str) -> None:
        """Log that a value of the session is not accepted."""
        REFUSALS.note(reason, f"{self._head.method} {self._head.path}")

    def drop_if_ended(self, response: Response) -> None:
        """Have the client drop a cookie that was valid once. Another may be valid for another process of the site."""
        if self._drops_it:
            self.drop(response)

    def drop(self, response: Response) -> None:
        """Have the client drop its cookie."""
        response.delete_cookie(self._name)

    def text_of(self, token: Token) -> str:
        """Return the value of the cookie. Raises AppError if it is too large."""
        text = write_token(token, self._keys, self._settings)
        size = len(self._name) + len(text)
        if size > MAX_BYTES:
            raise AppError(
                f"the session takes {size} bytes as a cookie, of which browsers keep {MAX_BYTES}: {_sizes(token)};"
                " keep less in it, or keep sessions in a store: --store sqlite:sessions.sqlite"
            )
        return text

    def write(self, response: Response, text: str, seconds: int) -> None:
        """Set the cookie, for this long."""
        # SECURITY: tests/sessions/test_session_cookie.py: scripts can't read it, forms of other sites don't send it,
        # and over https it is sent and set over https only
        response.set_cookie(self._name, text, max_age=seconds, path="/", http_only=True, same_site="Lax")


def _sizes(token: Token) -> str:
    values = token.values or {}
    sizes = sorted(((len(msgspec.msgpack.encode(value)), name) for name, value in values.items()), reverse=True)
    shown = ", ".join(f"{name[:40]!r} has {size}" for size, name in sizes[:_MAX_SHOWN])
    return f"{shown}, ..." if len(sizes) > _MAX_SHOWN else shown
