"""The user of a request, for what counts or records requests: rate limits, logs.

In: a request. Out: the user that is signed in, and whether the request itself has signed one in. Both read the session
as a view does.
"""

from __future__ import annotations

from fanlight.message.request import Request
from fanlight.sessions.session_state import SessionState
from fanlight.sessions.session_token import UserId


def user_of(request: Request) -> UserId | None:
    """Return the user that is signed in, None if there is none; it may wait. Raises StoreUnavailable."""
    return SessionState.of(request).user


def has_signed_in(request: Request) -> bool:
    """Return whether a request has signed a user in; it opens no session for that."""
    state = SessionState.opened_by(request)
    return state is not None and state.has_signed_in
