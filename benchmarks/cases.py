"""Requests that differ, and what each must be answered with.

In: a path and a value (a form, say) for each, and the answer. Out: the list that wrk sends, and a judgement of a server
by a few of them. Refuses, as CannotRunError, an answer that is another one.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asking
from load import Shape
from serving import CannotRunError
from tasks import Task

if TYPE_CHECKING:
    from serving import Serving

PROBES = 20  # of all cases, that a server is judged by
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and what it must be answered with."""

    path: str
    value: str = ""
    wanted: object = None


class Cases:
    """Requests that are sent one after the other, in the shape of a head."""

    def __init__(self, name: str, head: str, cases: Sequence[Case]) -> None:
        """Write the list for wrk; it is removed when this is."""
        self._folder = tempfile.TemporaryDirectory(prefix="fanlight-bench-cases-")
        file = Path(self._folder.name) / "list"
        file.write_text("".join(f"{each.path}\t{each.value}\n" for each in cases))
        self._cases, self._head = cases, head
        self._shape = Shape(name=name, script="listed.lua", head=head, list=str(file))

    def shape(self, _: Serving) -> Shape:
        """Return what wrk sends."""
        return self._shape

    def task(self, title: str, is_right: Callable[[Answer, object], bool]) -> Task:
        """Return the task of answering them all."""
        return Task(name=title, shape=self.shape, check=lambda server: self.check(server, is_right))

    def check(self, server: Serving, is_right: Callable[[Answer, object], bool], path: str = "") -> None:
        """Ask some of them, spread over all; refuse a server that answers otherwise."""
        for case in self._cases[:: max(1, len(self._cases) // PROBES)]:
            sent = asking.head(self._head, f"{server.peer.path}{path}{case.path}", case.value)
            answer = ask(server, sent)
            if not is_right(answer, case.wanted):
                status, _, content = answer
                raise CannotRunError(f"wrong answer to {case.path} {case.value[:80]}: {status} {content[:80]!r}")


def ask(server: Serving, sent: bytes) -> Answer:
    """Return the answer to one request on a connection of its own. Raises CannotRunError if there is none."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        try:
            return asking.receive(connection)
        except (OSError, KeyError, ValueError) as error:
            raise CannotRunError(f"no answer: {error!r}") from None
