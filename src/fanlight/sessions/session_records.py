"""What the store has of sessions: their values, if it keeps them, and which of them have ended.

In: the token of a cookie. Out: the user and the values. Refuses a session that has ended: its user has signed out of
it, or of all sessions. A cookie that someone has copied is worthless after that, also where all the rest of
the session is in the cookie itself.

    session:ID           the user and the values, until the session was not used for the idle time
    signed-out:ID        this session has ended, as long as its cookie could be valid
    signed-out-all:USER  a random value: sessions of the user that began with another one have ended

Without the store's record a session is not valid where the store keeps sessions: a store that is emptied signs all out.
The mark of an ended session is kept beside: a request that runs at the same time may write the record once more.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from fanlight.errors import AppError
from fanlight.services import Services
from fanlight.sessions.session_token import RefusedToken, Token, UserId, owner_of

if TYPE_CHECKING:
    from fanlight.stores.store import Store

EPOCH_BYTES = 8
Lookup = list[bytes | None]  # what the store has of a session, in the order of its keys
MAX_RECORD_BYTES = 1024 * 1024  # of any store
_ENDED = "a session cookie was used after its user had signed out"
_MARK = b"1"


class Record(Struct, frozen=True, array_like=True):
    """What the store keeps of a session."""

    user: UserId | None
    values: dict[str, Any]


class Found(Struct, frozen=True):
    """A record as it is in the store."""

    record: Record
    data: bytes


class SessionRecords:
    """The records of sessions in a store. All methods raise StoreUnavailable."""

    __slots__ = ("_services",)

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _store(self) -> Store:
        return self._services.store

    def look_up(self, token: Token, *, has_record: bool) -> Lookup:
        """Return what the store has of a session, in one round trip; `has_record`: also its values."""
        return self._store.get_many(_keys_of(token, has_record=has_record))

    def known(self, token: Token, *, has_record: bool) -> Lookup | None:
        """Return the same if that waits for nothing, and never raise: for an event loop. Else None."""
        return self._store.known_many(_keys_of(token, has_record=has_record))

    def confirm(self, token: Token, found: Lookup) -> None:
        """Raise RefusedToken if the session of a signed-in user has ended; `found` is without a record."""
        _check(token, *found)

    def read(self, token: Token, found: Lookup) -> Record:
        """Return the record of a session. Raises RefusedToken if there is none, or if the session has ended."""
        data, *rest = found
        _check(token, *rest)
        owner = token.owner
        record = None if data is None else _decoded(data)
        if record is None or (owner_of(record.user) if record.user is not None else None) != owner:
            raise RefusedToken(is_ours=True)
        return record

    def find(self, token_id: bytes) -> Found | None:
        """Return the record of a session as it is now, None if there is none."""
        data = self._store.get(_key(token_id))
        record = None if data is None else _decoded(data)
        return None if data is None or record is None else Found(record, data)

    def replace(self, token_id: bytes, found: Found, record: Record, seconds: float) -> bool:
        """Keep a record in the place of the one that was found, if no other request has changed it; return that.

        With 0 seconds the one that was found is removed. Raises AppError if it is too large.
        """
        return self._store.swap(_key(token_id), found.data, _encoded(record), seconds)

    def write(self, token_id: bytes, record: Record, seconds: float) -> None:
        """Keep a record for this long. Raises AppError if it is too large."""
        self._store.set(_key(token_id), _encoded(record), seconds)

    def end(self, token: Token, seconds: float, *, is_marked: bool, has_record: bool) -> None:
        """End a session: mark it as ended for this long, and forget its record."""
        if is_marked:
            self._store.set(_ended_key(token.id), _MARK, seconds)
        if has_record:
            self._store.delete(_key(token.id))

    def epoch(self, owner: bytes) -> bytes | None:
        """Return what sessions of a user have that begin now."""
        return self._store.get(_epoch_key(owner))

    def end_all(self, owner: bytes, seconds: float) -> None:
        """End all sessions of a user that have begun until now; the longest of them would have lasted this long."""
        self._store.set(_epoch_key(owner), secrets.token_bytes(EPOCH_BYTES), seconds)


def _keys_of(token: Token, *, has_record: bool) -> list[str]:
    """Return the keys of a session: of its record, of its end, and of all sessions of its user."""
    owner = token.owner if token.user is None else owner_of(token.user)
    keys = [_key(token.id)] if has_record else []
    keys.append(_ended_key(token.id))
    if owner is not None:
        keys.append(_epoch_key(owner))
    return keys


def _check(token: Token, ended: bytes | None, epoch: bytes | None = None) -> None:
    # SECURITY: tests/sessions/test_sign_out.py: a copied cookie is worthless after sign-out
    if ended is not None or (epoch is not None and epoch != token.epoch):
        raise RefusedToken(_ENDED, is_ours=True)


def _key(token_id: bytes) -> str:
    return f"session:{token_id.hex()}"


def _ended_key(token_id: bytes) -> str:
    return f"signed-out:{token_id.hex()}"


def _epoch_key(owner: bytes) -> str:
    return f"signed-out-all:{owner.hex()}"


def _encoded(record: Record) -> bytes:
    data = msgspec.msgpack.encode(record)
    if len(data) > MAX_RECORD_BYTES:
        raise AppError(f"a session can't have {len(data)} bytes, only {MAX_RECORD_BYTES}; keep the rest elsewhere")
    return data


def _decoded(data: bytes) -> Record | None:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:  # of a version of another format
        return None


_decoder = msgspec.msgpack.Decoder(Record)
