"""Write a session that has changed: to its cookie, or to the store and an id to the cookie.

In: what a request has changed. Out: fields of its response, and records in the store. Raises StoreUnavailable, and
AppError for a session that is too large, before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from fanlight.errors import StoreUnavailable
from fanlight.message.response import Response
from fanlight.sessions.session_cookie import SessionCookie
from fanlight.sessions.session_records import EPOCH_BYTES, Record, SessionRecords
from fanlight.sessions.session_settings import Sessions
from fanlight.sessions.session_token import FORMAT, SKEW_SECONDS, Token, UserId, new_id, owner_of

MAX_TRIES = 100  # to change a record that others change at the same time; each time one of them succeeds
_UNKNOWN_EPOCH = bytes(EPOCH_BYTES)
_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


class Change(Struct, frozen=True, kw_only=True):
    """What a request has made of a session."""

    token: Token | None  # what the client has sent
    is_old: bool  # its last use was written long ago
    user: UserId | None
    values: dict[str, Any]
    before: bytes  # the values as they came, encoded
    has_rotated: bool  # a user has signed in or out: another session begins
    ended_owners: Sequence[bytes]  # users, all of whose sessions end

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return self.user is None and not self.values


class SessionWriter:
    """Writes the session of one request; `now` is in seconds since 1970."""

    __slots__ = ("_cookie", "_keeps_records", "_records", "_settings")

    def __init__(
        self, cookie: SessionCookie, records: SessionRecords, settings: Sessions, *, keeps_records: bool
    ) -> None:
        """Prepare; `keeps_records`: the values are in the store."""
        self._cookie, self._records, self._settings, self._keeps_records = cookie, records, settings, keeps_records

    def write(self, change: Change, response: Response, now: int) -> Token | None:
        """Write what has changed. Return the token of the session that goes on."""
        if change.token is None or change.has_rotated:
            return self._begin(change, response, now)
        if self._keeps_records:
            self._merge(change, change.token, response, now)
        else:
            self._replace(change, change.token, response, now)
        return change.token

    def touch(self, token: Token, response: Response, now: int) -> None:
        """Write a session again as it is, so that it does not expire while it is used."""
        if self._keeps_records:
            try:
                found = self._records.find(token.id)
                if found is None:
                    return  # it has ended meanwhile
                self._records.replace(token.id, found, found.record, self._seconds(token, now))
            except StoreUnavailable:  # nothing is lost: a later request does it
                return
        self._cookie.write(response, self._cookie.text_of(token), self._seconds(token, now))

    def _begin(self, change: Change, response: Response, now: int) -> Token | None:
        """Begin a session, and end the one before. Return the token of the new one."""
        old, user, token, text = change.token, change.user, None, None
        if not change.is_empty:
            token = self._new_token(change, now)
            text = self._cookie.text_of(token)  # with an epoch of the size that it will have
        self._end_all(change)
        if token is not None:
            if user is not None:
                token = replace(token, epoch=self._records.epoch(owner_of(user)))
                text = self._cookie.text_of(token)
            if self._keeps_records:
                self._records.write(token.id, Record(user, change.values), self._seconds(token, now))
        if old is not None:
            self._end(old, now, is_marked=old.owner is not None or old.user is not None)
        if token is not None and text is not None:
            self._cookie.write(response, text, self._seconds(token, now))
        elif old is not None:
            self._cookie.drop(response)
        else:
            self._cookie.drop_if_ended(response)
        return token

    def _replace(self, change: Change, old: Token, response: Response, now: int) -> None:
        """Write a session that goes on, all of which is in its cookie."""
        token = replace(old, values=change.values)
        text = self._cookie.text_of(token)
        self._end_all(change)
        if change.is_empty:
            self._cookie.drop(response)
        else:
            self._cookie.write(response, text, self._seconds(token, now))

    def _merge(self, change: Change, token: Token, response: Response, now: int) -> None:
        """Write the names that have changed to the record of a session that goes on."""
        self._end_all(change)
        seconds = self._seconds(token, now)
        for _ in range(MAX_TRIES):
            found = self._records.find(token.id)
            if found is None:
                return  # it has ended meanwhile
            record = Record(change.user, _merged(found.record.values, change))
            is_empty = record.user is None and not record.values
            # SECURITY: tests/sessions/test_session_records.py: what another request writes between is not lost, and
            # a session that ends between stays ended
            if self._records.replace(token.id, found, record, 0 if is_empty else seconds):
                break
        else:
            raise StoreUnavailable("too many requests change one session at the same time", is_about_writing=True)
        if is_empty:
            self._cookie.drop(response)
        elif change.is_old:
            self._cookie.write(response, self._cookie.text_of(token), seconds)

    def _new_token(self, change: Change, now: int) -> Token:
        user, ends = change.user, now + self._settings.lifetime_seconds
        epoch = None if user is None else _UNKNOWN_EPOCH
        if self._keeps_records:
            return Token(FORMAT, new_id(), ends, None if user is None else owner_of(user), epoch)
        return Token(FORMAT, new_id(), ends, None, epoch, user, change.values)

    def _end(self, token: Token, now: int, *, is_marked: bool) -> None:
        seconds = token.ends - now + SKEW_SECONDS
        self._records.end(token, seconds, is_marked=is_marked, has_record=self._keeps_records)

    def _end_all(self, change: Change) -> None:
        for each in change.ended_owners:
            self._records.end_all(each, self._settings.lifetime_seconds + SKEW_SECONDS)

    def _seconds(self, token: Token, now: int) -> int:
        return max(1, min(self._settings.idle_seconds, token.ends - now))


def _merged(stored: dict[str, Any], change: Change) -> dict[str, Any]:
    """Return the values of a record with those that a request has changed."""
    before = _decode(change.before)
    for name in before.keys() | change.values.keys():
        if name not in change.values:
            stored.pop(name, None)
        elif name not in before or _encode(before[name]) != _encode(change.values[name]):
            stored[name] = change.values[name]
    return stored
