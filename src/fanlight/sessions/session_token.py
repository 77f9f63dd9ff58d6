"""The cookie of a session: its content, signed, so that a client can't change it.

In: a token, or the values of a cookie as they were sent. Out: text, or the token in it. Refuses, with a reason for the
log, what was not signed by this site, what is too old, and what an attacker may have put beside the client's own.

The text is MessagePack in the format of `signing`: an id, when the session ends whatever happens, and the user that is
signed in. Without a store that keeps sessions it has their values too; with one it has only a digest of the user, by
which sign-outs are looked up in the same round trip as the values. It is signed and not encrypted: visitors can read
their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from fanlight.errors import BadSignature, SignatureExpired
from fanlight.sessions.cookie_values import MAX_VALUES
from fanlight.sessions.session_settings import Sessions

if TYPE_CHECKING:
    from fanlight.signing.signing_keys import Keys

FORMAT = 1
PURPOSE = "session"
ID_BYTES = 16
OWNER_BYTES = 12
SKEW_SECONDS = 300  # that the clocks of two machines may differ
MAX_BYTES = 4096  # name and value: browsers drop a longer cookie without a word (RFC 6265bis section 5.6)

UserId = int | str


class Token(Struct, frozen=True, array_like=True):
    """The content of a session's cookie."""

    format: int
    id: bytes
    ends: int  # seconds since 1970
    owner: bytes | None = None  # a digest of the user that is signed in
    epoch: bytes | None = None  # of the user, when it signed in: it changes when all its sessions are signed out
    user: UserId | None = None  # only where there is no store for sessions, as are the values
    values: dict[str, Any] | None = None


class RefusedToken(Exception):
    """A cookie is not accepted; `reason` is for the log, "" if it is nothing unusual: it has expired."""

    def __init__(self, reason: str = "", *, is_ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_ours = is_ours  # signed by this site, and of no more use to anyone: the client may drop it


def new_id() -> bytes:
    """Return the id of a new session, which can't be guessed."""
    return secrets.token_bytes(ID_BYTES)


def owner_of(user: UserId) -> bytes:
    """Return the digest of a user; 5 and "5" are the same one."""
    return sha256(f"fanlight:user:{user}".encode()).digest()[:OWNER_BYTES]


def purpose_of(settings: Sessions) -> str:
    """Return what the cookie of a site is signed for."""
    # SECURITY: tests/sessions/test_session_token.py: two sites with one secret have cookies of different names; user 1
    # of one of them could send its cookie to the other under that name, and be another user 1
    return f"{PURPOSE}:{settings.cookie}"


def write_token(token: Token, keys: Keys, settings: Sessions) -> str:
    """Return a token as signed text: letters, digits, "-", "_" and "."."""
    return keys.sign(purpose_of(settings), msgspec.msgpack.encode(token))


def read_token(text: str, keys: Keys, settings: Sessions, now: float) -> tuple[Token, float]:
    """Return the token in a text, and the seconds since it was written. Raises RefusedToken."""
    try:
        data, age = keys.read_with_age(purpose_of(settings), text, settings.idle_seconds)
    except SignatureExpired:
        raise RefusedToken(is_ours=True) from None
    except BadSignature:
        raise RefusedToken("a session cookie was not signed by this site, or not with one of its secrets") from None
    try:
        token = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise RefusedToken("a session cookie has an unknown format") from None
    if token.format != FORMAT:
        raise RefusedToken("a session cookie was written by another version of Fanlight")
    # It may also end later than any session that is begun now: then the lifetime was made shorter.
    if not now < token.ends <= now + settings.lifetime_seconds + SKEW_SECONDS:
        raise RefusedToken(is_ours=True)
    return token, age


def choose_token(texts: Sequence[str], keys: Keys, settings: Sessions, now: float) -> tuple[Token, float]:
    """Return the token of the one value of a cookie that this site has signed, and its age. Raises RefusedToken.

    SECURITY: tests/sessions/test_session_token.py: a host of the same domain can add the cookie of an attacker's own
    session to that of the visitor, and it can be first; of two that are valid none is trusted. Over https the name
    begins with `__Host-`, so browsers send only one.
    """
    if len(texts) > MAX_VALUES:
        raise RefusedToken("a request has too many session cookies")
    found: tuple[Token, float] | None = None
    refused = RefusedToken()
    for each in texts:
        try:
            read = read_token(each, keys, settings, now)
        except RefusedToken as error:
            refused = error
            continue
        if found is not None and read[0].id != found[0].id:
            raise RefusedToken("a request has the cookies of several sessions")
        if found is None or read[1] < found[1]:
            found = read
    if found is None:
        raise refused
    return found


_decoder = msgspec.msgpack.Decoder(Token)
