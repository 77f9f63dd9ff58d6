"""Requests per second of pages with a session: one that reads it, one that changes it, one with a signed-in user.

In: settings. Out: a table for each, and results/sessions.json. Each server makes the cookies of 200 visitors, which are
sent in turn. All keep the values in a signed cookie; Fanlight alone looks up in a store whether a signed-in session has
ended (in SQLite, as by default), the others take the cookie for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asking
from cases import Answer, Case, Cases, ask
from peers import SESSION_PEERS
from serving import CannotRunError, Serving
from tasks import Task, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from load import Shape

    from settings import Settings

HEAD = "session.txt"
USER = 5
VISITORS = 200


class _Visits:
    """Requests with the cookies of sessions that were begun before."""

    def __init__(self, path: str, wanted: Callable[[int], str], query: str = "") -> None:
        self._path, self._wanted, self._query = path, wanted, query
        self._cases: Cases | None = None  # of the last server: its list is kept as long

    def shape(self, server: Serving) -> Shape:
        """Return what wrk sends."""
        self._cases = self._begin(server)
        return self._cases.shape(server)

    def check(self, server: Serving) -> None:
        """Refuse a server that shows another session."""
        self._begin(server).check(server, _is_right)

    def _begin(self, server: Serving) -> Cases:
        return Cases("session", HEAD, [self._visitor(server, number) for number in range(VISITORS)])

    def _visitor(self, server: Serving, number: int) -> Case:
        path = f"{server.peer.path}/begin?number={number}{self._query}"
        status, fields, _ = ask(server, asking.head("tiny.txt", path))
        if status != 200 or "set-cookie" not in fields:
            raise CannotRunError(f"wrong answer to /begin: {status} {fields}")
        cookie = fields["set-cookie"].partition(";")[0]
        return Case(self._path, cookie, self._wanted(number))


def _is_right(answer: Answer, wanted: object) -> bool:
    return answer[0] == 200 and answer[2] == str(wanted).encode()


def tasks() -> list[Task]:
    """Return the three tasks."""
    reads = _Visits("/page", lambda number: f"<h1>{number} None</h1>")
    changes = _Visits("/count", lambda number: f"<h1>{number + 1} visits</h1>")
    user = _Visits("/page", lambda number: f"<h1>{number} {USER}</h1>", f"&user={USER}")
    return [
        Task(name="a page that reads the session of a visitor", shape=reads.shape, check=reads.check),
        Task(name="a page that changes the session of a visitor", shape=changes.shape, check=changes.check),
        Task(name="a page that reads the session of a signed-in user", shape=user.shape, check=user.check),
    ]


def main(settings: Settings) -> None:
    """Measure, print and save."""
    compare(settings, SESSION_PEERS, tasks(), "sessions")
