"""The tokens of forms, for browsers that do not send from which page a form comes.

    <form method="post">{{ csrf_field() }} ...                                     in a template
    fetch(address, {method: "POST", headers: {"X-CSRF-Token": "{{ csrf_token() }}"}})

In: a request. Out: a token for its page, and a cookie with the secret in it; then whether the token that comes back is
of the browser that has the cookie. This is OWASP's "signed double-submit cookie": a page of another site can have the
cookie sent, but it can't read the token.

The cookie is 32 random bytes, signed together with the id of the session in which a user has signed in. So one that
another host of the domain has put there ("cookie tossing") is of no use: it is of another session, or of none. Each
page has the secret under a mask of its own, so that its length, when compressed, reveals nothing (BREACH).
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest

from fanlight.errors import BadSignature
from fanlight.message.finishing import finish_with
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.script_tags import Element
from fanlight.services import services_of
from fanlight.sessions.cookie_values import cookie_values
from fanlight.sessions.private_response import mark_private
from fanlight.sessions.session_settings import SECURE_PREFIX, settings_of
from fanlight.sessions.session_state import SessionState

COOKIE = "csrf"  # over https with `__Host-` before it
FORM_FIELD = "_csrf"
HEADER = "x-csrf-token"
PURPOSE = "csrf"
SECRET_BYTES = 32
OWNER_BYTES = 16
_NAME = "form_tokens"


class FormTokens:
    """The token of one request's page; it finishes the response by the cookie. It does not refer to the request."""

    __slots__ = ("_is_open", "_secret", "text")

    @classmethod
    def of(cls, request: Request) -> FormTokens:
        """Return the token of a request: the same one for all of its page."""
        known: FormTokens | None = request.cached_value(_NAME)
        if known is None:
            known = cls(request)
            request.cache_value(_NAME, known)
        known.open(request)
        return known

    def __init__(self, request: Request) -> None:
        state = SessionState.of(request)  # which is then finished first, so that its id is known
        sent = read_cookie(request, state)
        # SECURITY: tests/sessions/test_form_tokens.py: one that was known before must not be the one from now on
        self._secret: bytes | None = secrets.token_bytes(SECRET_BYTES) if sent is None or state.has_rotated else None
        self._is_open = False
        self.text = _masked(self._secret or sent or b"")

    @property
    def waits(self) -> bool:
        """Whether finishing may wait: it never does."""
        return False

    def open(self, request: Request) -> None:
        """Have the response finished, also that of an error page which is made after another one was finished."""
        if not self._is_open:
            self._is_open = True
            finish_with(request, self)

    def finish(self, request: Request, response: Response) -> None:
        """Set the cookie, if the browser has none for this session."""
        self._is_open = False
        mark_private(response)
        if self._secret is not None:
            text = services_of(request).keys.sign(PURPOSE, self._secret + _owner_in(SessionState.of(request)))
            seconds = settings_of(request).lifetime_seconds
            # SECURITY: tests/sessions/test_form_tokens.py: scripts can't read it, and over https other hosts not set it
            response.set_cookie(_cookie_name(request), text, max_age=seconds, path="/", http_only=True, same_site="Lax")


def csrf_token(request: Request) -> str:
    """Return the token of a page, for its template: what a script sends in the field X-CSRF-Token."""
    return FormTokens.of(request).text


def csrf_field(request: Request) -> Element:
    """Return the hidden field with the token of a page, for its template: what a form sends."""
    return Element(f'<input type="hidden" name="{FORM_FIELD}" value="{csrf_token(request)}">')


def is_valid(request: Request, text: str) -> bool:
    """Return whether a text is a token that was given to the browser which has sent this request."""
    secret = read_cookie(request, SessionState.opened_by(request) or SessionState(request))
    return secret is not None and compare_digest(_unmasked(text), secret)


def read_cookie(request: Request, state: SessionState) -> bytes | None:
    """Return the secret in the cookie, None without a valid one. Of several, which another host may have set, none."""
    texts = cookie_values(request.head.values.get("cookie", ""), _cookie_name(request))
    if len(texts) != 1:
        return None
    try:
        data = services_of(request).keys.read(PURPOSE, texts[0], settings_of(request).lifetime_seconds)
    except BadSignature:
        return None
    # SECURITY: tests/sessions/test_form_tokens.py: the cookie of another session, or of none, was tossed
    return data[:SECRET_BYTES] if compare_digest(data[SECRET_BYTES:], _owner_in(state)) else None


def _owner_in(state: SessionState) -> bytes:
    """Return what binds a cookie to the session of a signed-in user; b"" for an anonymous visitor."""
    session = state.sign_in_id
    return sha256(b"fanlight:csrf:" + session).digest()[:OWNER_BYTES] if session else b""


def _cookie_name(request: Request) -> str:
    return f"{SECURE_PREFIX}{COOKIE}" if request.scheme == "https" else COOKIE


def _masked(secret: bytes) -> str:
    mask = secrets.token_bytes(SECRET_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, secret)).rstrip(b"=").decode()


def _unmasked(text: str) -> bytes:
    """Return the secret in a token; b"" for what is none."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    return _xor(data[:SECRET_BYTES], data[SECRET_BYTES:]) if len(data) == 2 * SECRET_BYTES else b""


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(SECRET_BYTES)
