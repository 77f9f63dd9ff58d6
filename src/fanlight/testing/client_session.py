"""The session of a test client: read and changed by a test as if a view had done it.

In: the app, and the cookies of the client. Out: a `Session` for a `with` block; what is changed in it is in the cookies
after the block. Refuses a handler that is no App.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult

from fanlight.message.handler import Handler
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.sessions.session import Session
from fanlight.sessions.session_data import DataClass
from fanlight.sessions.session_state import SessionState
from fanlight.testing.cookie_jar import Cookies
from fanlight.testing.fakes import FakeHead


@contextmanager
def open_session(app: Handler, cookies: Cookies, base: SplitResult, kind: type | None) -> Iterator[Session[Any]]:
    """Yield the session of a client, with its data as `kind`. Raises TypeError for a handler without sessions."""
    request_class: type[Request] | None = getattr(app, "request_class", None)
    if request_class is None or request_class.services is None:
        raise TypeError(f"a session needs an App, and not a {type(app).__name__}")
    fields = {"host": base.netloc, "cookie": cookies.field(base, time.time())}
    request = request_class(FakeHead("GET", "/", fields), None, None)
    request.set_origin(scheme=base.scheme)
    state = SessionState.of(request)
    yield Session(state, None if kind is None else DataClass(kind))
    response = Response()
    state.finish(request, response)
    cookies.keep(response.headers.get_all("set-cookie"), base, time.time())
