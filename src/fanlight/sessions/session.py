"""`Session`: what a site remembers of a visitor, and which user is signed in.

    def enter(session: Session, email: str, password: str): ... session.sign_in(account.id)
    def theme(session: Session): session["theme"] = "dark"
    def add(cart: Session[Cart], item: str): cart.data.items.append(item)

In: the session of a request. Out: a mapping with values of JSON, an object of a class of the site's own, and the user.
Refuses, as TypeError and ValueError where it is written, what a session can't hold.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Generic

from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider
from fanlight.sessions.json_values import check_json
from fanlight.sessions.session_data import DataClass
from fanlight.sessions.session_state import SessionState

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Data = TypeVar("Data", default=Any)
else:
    from typing import TypeVar

    Data = TypeVar("Data")

UserId = int | str
_MAX_CHARACTERS = 200  # of the id of a user
_MAX_INT = 2**63


class Session(MutableMapping[str, Any], Generic[Data]):
    """The session of a visitor: values of JSON under names, and the user that is signed in.

    A view gets it as a parameter: `session: Session`. It is kept in a signed cookie, or in the store of the site. With
    `Session[Cart]`, `data` is an object of the class `Cart`, whose fields are values of the session.
    """

    __slots__ = ("_kind", "_state")

    def __init__(self, state: SessionState, kind: DataClass | None = None) -> None:
        self._state, self._kind = state, kind

    @classmethod
    def __fanlight_provider__(cls, argument: Any) -> TypeProvider:
        return SessionProvider(None if argument is None or argument is Any else DataClass(argument))

    @property
    def user_id(self) -> UserId | None:
        """The user that is signed in, as it was given to `sign_in`; None if no one is."""
        return self._state.user

    @property
    def is_new(self) -> bool:
        """Whether the client had no session before this request."""
        return self._state.is_new

    @property
    def data(self) -> Data:
        """The values as an object of the class of `Session[Cart]`; what is changed in it is kept.

        Values that do not fit the class, because another version of the site has written them, are logged, and the
        object is `Cart()`. Values of other names stay as they are. Raises AppError for a bare `Session`.
        """
        data: Data = self._state.data(self._data_class())
        return data

    @data.setter
    def data(self, data: Data) -> None:
        kind = self._data_class()
        if not isinstance(data, kind.kind):
            raise TypeError(f"the data of Session[{kind.kind.__name__}] can't be a {type(data).__name__}")
        self._state.set_data(kind, data)

    def sign_in(self, user_id: UserId) -> None:
        """Sign a user in, by an int or a str that does not change: the session gets a new id, and the old is worthless.

        The values of an anonymous visitor are kept, those of another user are not. Raises TypeError and ValueError for
        what is no id.
        """
        self._state.sign_in(_checked_user(user_id))

    def sign_out(self) -> None:
        """Sign the user out, and forget all values; a copy of the cookie is worthless from now on."""
        self._state.sign_out()

    def sign_out_everywhere(self, user_id: UserId | None = None) -> None:
        """End all sessions of a user on all devices: of the one that is signed in here, or of another.

        To stay signed in here, after a new password say, call `sign_in` behind it.
        """
        self._state.sign_out_everywhere(None if user_id is None else _checked_user(user_id))

    def __getitem__(self, name: str) -> Any:
        return self._state.values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._state.check_open()
        if name.__class__ is not str:
            raise TypeError(f"a session has names of text, and not {name!r}; write session[str(...)]")
        check_json(name, "a name of the session")
        check_json(value, f"session[{name!r}]")
        self._state.values[name] = value

    def __delitem__(self, name: str) -> None:
        self._state.check_open()
        del self._state.values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.values)

    def __len__(self) -> int:
        return len(self._state.values)

    def __repr__(self) -> str:
        # SECURITY: tests/sessions/test_session.py: a repr may be logged, and a value may be a secret
        return f"<Session {self._state.describe()}>"

    def _data_class(self) -> DataClass:
        if self._kind is None:
            raise AppError("a bare Session has no data; annotate the parameter with Session[Cart], for a class Cart")
        return self._kind


class SessionProvider(TypeProvider):
    """Opens the session of a request; two with the same class of data are equal."""

    description = "a session"
    is_session = True
    needs_services = True

    def __init__(self, kind: DataClass | None) -> None:
        self._kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionProvider) and other._kind == self._kind

    def __hash__(self) -> int:
        return hash(self._kind)

    def __call__(self, request: Request) -> Session[Any]:
        """Return the session of a request, which is read when it is used."""
        return Session(SessionState.of(request), self._kind)

    async def open_async(self, request: Request) -> Session[Any]:
        """Return the session, which is read by now: its values can be used without waiting."""
        state = SessionState.of(request)
        await state.load_async()
        return Session(state, self._kind)


def _checked_user(user_id: object) -> UserId:
    """Return the id of a user. Raises TypeError or ValueError."""
    if isinstance(user_id, bool) or not isinstance(user_id, int | str):
        given = "None" if user_id is None else f"a {type(user_id).__name__}"
        hint = "look it up first, and check the password" if user_id is None else "write str(...) around it"
        raise TypeError(f"a user is signed in by an int or a str, and not by {given}; {hint}")
    plain = int(user_id) if isinstance(user_id, int) else str(user_id)
    if plain == "" or (isinstance(plain, str) and len(plain) > _MAX_CHARACTERS):
        raise ValueError(f"the id of a user has 1 to {_MAX_CHARACTERS} characters, and not {len(str(plain))}")
    if isinstance(plain, int) and not -_MAX_INT <= plain < _MAX_INT:
        raise ValueError("the id of a user is a number of 64 bits; write str(...) around it")
    check_json(plain, "the id of a user")
    return plain
