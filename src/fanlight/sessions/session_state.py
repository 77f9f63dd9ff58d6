"""One session during one request: read when it is first used, and written when the response is complete.

In: the request. Out: the user that is signed in, and values that code may change in any way; then fields of the
response. What was changed is found by comparing, so a list inside a list is no exception. Nothing is read unless
something of the session is used, and nothing is written unless something has changed, or its last use is long ago.

What a request has changed is written if its response is no server error (5xx): a request that has failed leaves all as
it was. Two requests of one session at the same time: with a store, each writes the keys that it has changed, and of the
same key the last one is kept; with a cookie, the browser keeps the values of the response that it gets last.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from fanlight.errors import AppError, StoreUnavailable
from fanlight.message.finishing import finish_with
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread
from fanlight.services import services_of
from fanlight.sessions.json_values import check_json
from fanlight.sessions.private_response import mark_private
from fanlight.sessions.session_cookie import SessionCookie
from fanlight.sessions.session_data import DataClass
from fanlight.sessions.session_records import Lookup, SessionRecords
from fanlight.sessions.session_settings import settings_of
from fanlight.sessions.session_token import RefusedToken, Token, UserId, owner_of
from fanlight.sessions.session_writer import Change, SessionWriter

SERVER_ERROR = 500
_encode = msgspec.msgpack.encode
_NOTHING = _encode({})
_NAME = "session"
_CLOSED = (
    "the session can't change any more: the head of the response, with its cookie, is made; change it before the view"
    " returns, and not in a stream or a background task"
)


class SessionState:
    """The session of one request. It does not refer to the request, which has it."""

    __slots__ = (
        "_age",
        "_before",
        "_cookie",
        "_data",
        "_ended_owners",
        "_has_rotated",
        "_is_closed",
        "_is_loaded",
        "_is_read",
        "_is_used",
        "_keeps_records",
        "_records",
        "_settings",
        "_token",
        "_unavailable",
        "_user",
        "_values",
    )

    @classmethod
    def of(cls, request: Request) -> SessionState:
        """Return the session of a request: the same one for all that use it."""
        known = cls.opened_by(request)
        if known is None:
            known = cls(request)
            request.cache_value(_NAME, known)
            finish_with(request, known)
        return known

    @classmethod
    def opened_by(cls, request: Request) -> SessionState | None:
        """Return the session of a request, None if nothing has used it."""
        known: SessionState | None = request.cached_value(_NAME)
        return known

    def __init__(self, request: Request) -> None:
        services = services_of(request)
        settings = self._settings = settings_of(request)
        self._keeps_records = services.keeps_sessions
        self._cookie = SessionCookie(request, services.keys, settings, has_values=not self._keeps_records)
        self._records = SessionRecords(services)
        self._token: Token | None = None  # what the client has sent
        self._age = 0.0  # of the token, in seconds
        self._is_read = self._is_loaded = self._is_used = self._is_closed = self._has_rotated = False
        self._unavailable: StoreUnavailable | None = None
        self._user: UserId | None = None
        self._values: dict[str, Any] = {}
        self._before = _NOTHING  # the values as they came, encoded
        self._data: dict[DataClass, tuple[Any, bytes]] = {}  # an object made of values, and how it was encoded
        self._ended_owners: list[bytes] = []

    # --- what code of the site does ---------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Any]:
        """The values. Raises StoreUnavailable if they are in a store that is gone."""
        self._use()
        return self._values

    @property
    def user(self) -> UserId | None:
        """The user that is signed in. Raises StoreUnavailable if it is unknown whether that has ended."""
        self._use()
        return self._user

    @property
    def has_signed_in(self) -> bool:
        """Whether this request has signed the user in."""
        return self._has_rotated and self._user is not None

    @property
    def has_rotated(self) -> bool:
        """Whether this request has signed a user in or out, so that another session begins."""
        return self._has_rotated

    @property
    def sign_in_id(self) -> bytes:
        """The id of the session of a user that has signed in, b"" if no one has. It is read without the store.

        It is that of the next request once the session is finished.
        """
        token = self._read_cookie()
        return b"" if token is None or (token.user is None and token.owner is None) else token.id

    @property
    def is_new(self) -> bool:
        """Whether the client has sent no valid session."""
        self._use()
        return self._token is None

    def check_open(self) -> None:
        """Raise AppError if it is too late to change anything."""
        if self._is_closed:
            raise AppError(_CLOSED)

    def sign_in(self, user: UserId) -> None:
        """Begin a new session for a user; the values of an anonymous one, and of the same user, are kept."""
        self.check_open()
        if self.user is not None and owner_of(self.user) != owner_of(user):
            self._forget()
        self._user, self._has_rotated = user, True

    def sign_out(self) -> None:
        """End the session, and forget its values."""
        self.check_open()
        self._use()
        self._forget()
        self._user, self._has_rotated = None, True

    def sign_out_everywhere(self, user: UserId | None = None) -> None:
        """End all sessions of a user: of that one, or of the one that is signed in here, and then also this one."""
        self.check_open()
        own = None if self.user is None else owner_of(self.user)
        owner = own if user is None else owner_of(user)
        if owner is not None:
            self._ended_owners.append(owner)
            if owner == own:
                self.sign_out()

    def data(self, kind: DataClass) -> Any:
        """Return the object of a class that is made of the values; an empty one if they do not fit it."""
        values = self.values
        if kind not in self._data:
            try:
                data = kind.read(values)
            except msgspec.ValidationError as error:
                self._cookie.note(f"the values of a session do not fit {kind.kind.__name__} ({_place_of(error)})")
                data = kind.kind()
            self._data[kind] = data, _encode(kind.encode(data))
        return self._data[kind][0]

    def set_data(self, kind: DataClass, data: object) -> None:
        """Put another object in the place of the one that is made of the values."""
        self.check_open()
        self.data(kind)
        self._data[kind] = data, self._data[kind][1]

    def describe(self) -> str:
        """Return the state in words, without values, and without reading anything."""
        if not self._is_loaded:
            return "not read yet"
        user = "no one is signed in" if self._user is None else f"of user {self._user!r}"
        return f"{user}; {', '.join(self._values) or 'no values'}"

    def _forget(self) -> None:
        self._values.clear()
        self._data.clear()

    # --- reading ----------------------------------------------------------------------------------------

    def _use(self) -> None:
        self._is_used = True
        if not self._is_loaded:
            self._load()

    def _load(self, found: Lookup | None = None) -> None:
        """Read the session; this may wait for the store, unless it is given what that has."""
        if self._unavailable is not None:
            raise self._unavailable
        token = self._read_cookie()
        if token is not None:
            try:
                if found is None and self._is_in_store(token):
                    found = self._records.look_up(token, has_record=self._keeps_records)
                if self._keeps_records:
                    assert found is not None
                    record = self._records.read(token, found)
                    self._user, self._values = record.user, record.values
                else:
                    if found is not None:
                        self._records.confirm(token, found)
                    self._user, self._values = token.user, token.values or {}
            except RefusedToken as error:
                self._token = None
                self._cookie.refuse(error)
            self._before = _encode(self._values)
        self._is_loaded = True

    async def load_async(self) -> None:
        """Read the session without blocking the event loop; StoreUnavailable is raised where it is used."""
        token = self._read_cookie()
        if self._is_loaded or self._unavailable is not None:
            return
        found = None
        if token is not None and self._is_in_store(token):
            found = self._records.known(token, has_record=self._keeps_records)
            if found is None:
                await run_in_thread(self._try_to_load)
                return
        self._load(found)

    def _is_in_store(self, token: Token) -> bool:
        """Whether the store has something of a session: its values, or whether its user has signed out."""
        return self._keeps_records or token.user is not None

    def _try_to_load(self) -> None:
        """Read the session, unless it was read; that the store is gone is raised where it is used."""
        try:
            if not self._is_loaded:
                self._load()
        except StoreUnavailable as error:
            self._unavailable = error.with_traceback(None)  # whose frames refer to this object

    def _read_cookie(self) -> Token | None:
        if not self._is_read:
            self._is_read = True
            found = self._cookie.read(time.time())
            if found is not None:
                self._token, self._age = found
        return self._token

    # --- writing ----------------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether finishing may wait for the store."""
        if not self._is_loaded:
            return self._unavailable is None
        if self._has_rotated or self._ended_owners:
            return True
        return self._keeps_records and (bool(self._data) or self._is_old or self._differs())

    def finish(self, request: Request, response: Response) -> None:  # noqa: ARG002 - as every finisher
        """Write what has changed, and mark a response that depends on the session.

        Raises StoreUnavailable; AppError for values that are too large, TypeError and ValueError for what is no JSON.
        """
        self._is_closed = True
        if response.content.__class__ is not bytes and not self._is_used:  # a stream may use it later
            self._is_used = True
            self._try_to_load()  # here, and not on the event loop
        if self._is_used:
            mark_private(response)
        if self._is_loaded and response.status < SERVER_ERROR:
            self._write(response)

    @property
    def _writer(self) -> SessionWriter:
        return SessionWriter(self._cookie, self._records, self._settings, keeps_records=self._keeps_records)

    @property
    def _is_old(self) -> bool:
        return self._token is not None and self._age >= self._settings.touch_seconds

    def _write(self, response: Response) -> None:
        self._merge_data()
        if self._is_changed() or self._has_rotated or self._ended_owners:
            change = Change(
                token=self._token,
                is_old=self._is_old,
                user=self._user,
                values=self._values,
                before=self._before,
                has_rotated=self._has_rotated,
                ended_owners=self._ended_owners,
            )
            self._token = self._writer.write(change, response, int(time.time()))
        elif self._token is None:
            self._cookie.drop_if_ended(response)
        elif self._is_old:
            self._writer.touch(self._token, response, int(time.time()))

    def _merge_data(self) -> None:
        """Put the objects that were made of values back into these, if they have changed."""
        for kind, (data, before) in self._data.items():
            encoded = kind.encode(data)
            if _encode(encoded) != before:
                kind.merge(encoded, self._values)

    def _is_changed(self) -> bool:
        """Return whether the values have changed. Raises TypeError or ValueError for what a session can't hold."""
        if not self._differs():
            return False
        for name, value in self._values.items():
            check_json(value, f"session[{name!r}]")
        return True

    def _differs(self) -> bool:
        try:
            return _encode(self._values) != self._before
        except (TypeError, ValueError, OverflowError, RecursionError):
            return True


def _place_of(error: msgspec.ValidationError) -> str:
    """Return what is wrong with a value, without the value."""
    return str(error).partition("'")[0].strip()
