"""What is served where no code of the site has started yet: the problem, on every URL.

In: a problem. Out: a handler that responds 500 with it to every request.
"""

from __future__ import annotations

import html

from fanlight.devtools.reload.problem import Problem
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response


class ProblemSite:
    """Stands in for a site that can't be loaded."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._call = Call(self._respond, "the site can't be loaded")

    def show(self, problem: Problem) -> None:
        """Serve another problem from now on."""
        self._problem = problem

    def find(self, request: Request, /) -> Call:
        """Return the one call."""
        request.params = {}
        return self._call

    def _respond(self, _: Request) -> Response:
        title, text = html.escape(self._problem.title), html.escape(self._problem.text)
        page = f'<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><pre>{text}</pre></html>'
        return Response(page, 500, headers={"cache-control": "no-store"})

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""
