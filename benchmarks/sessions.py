"""Requests per second of a page with a session: of a visitor, and of a user that is signed in.

In: settings. Out: a table for each, and results/sessions.json. Each server makes its own cookie, which is sent with each
request, and only read: no page changes the session. All keep its values in a signed cookie; Fanlight alone looks up in a
store whether a signed-in session has ended (in SQLite, as by default), the others take the cookie for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asking
from cases import Answer, Case, Cases, ask
from peers import SESSION_PEERS
from serving import CannotRunError, Serving
from tasks import Task, compare

if TYPE_CHECKING:
    from load import Shape

    from settings import Settings

HEAD = "session.txt"
USER = 5


class _Visits:
    """Requests with the cookie of a session that was begun before."""

    def __init__(self, query: str, wanted: str) -> None:
        self._query, self._wanted = query, wanted
        self._cases: Cases | None = None  # of the last server: its list is kept as long

    def shape(self, server: Serving) -> Shape:
        """Return what wrk sends."""
        self._cases = self._begin(server)
        return self._cases.shape(server)

    def check(self, server: Serving) -> None:
        """Refuse a server that shows another session."""
        self._begin(server).check(server, _is_right)

    def _begin(self, server: Serving) -> Cases:
        status, fields, _ = ask(server, asking.head("tiny.txt", f"{server.peer.path}/begin{self._query}"))
        if status != 200 or "set-cookie" not in fields:
            raise CannotRunError(f"wrong answer to /begin: {status} {fields}")
        cookie = fields["set-cookie"].partition(";")[0]
        return Cases("session", HEAD, [Case("/page", cookie, self._wanted)])


def _is_right(answer: Answer, wanted: object) -> bool:
    return answer[0] == 200 and answer[2] == str(wanted).encode()


def main(settings: Settings) -> None:
    """Measure, print and save."""
    visitor, user = _Visits("", "<h1>dark None</h1>"), _Visits(f"?user={USER}", f"<h1>dark {USER}</h1>")
    tasks = [
        Task(name="a page with the session of a visitor", shape=visitor.shape, check=visitor.check),
        Task(name="a page with the session of a signed-in user", shape=user.shape, check=user.check),
    ]
    compare(settings, SESSION_PEERS, tasks, "sessions")
