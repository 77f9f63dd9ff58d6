"""What is served where no code of the site has started yet: the problem, on every URL.

In: a problem. Out: a handler that responds 500 to every request, with a page for browsers, and text for others. The
script of the tools is in the page, so it turns into the site when the file is mended.
"""

from __future__ import annotations

from html import escape

from fanlight.devtools.reload.problem import Fault, Problem
from fanlight.devtools.reload.script_file import overlay_style
from fanlight.message.accept import best_match
from fanlight.message.handler import Call
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.drawing import FAVICON_LINK

_STYLE = """
body { margin: 0; background: var(--paper) }
section.page { max-width: 64rem; max-height: none; margin: 0 auto; padding: 2rem 1.5rem; border: 0 }
"""


class ProblemSite:
    """Stands in for a site that does not serve."""

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

    def _respond(self, request: Request) -> Response:
        problem = self._problem
        if best_match(request.head.values.get("accept", "*/*"), ("text/plain", "text/html")) != "text/html":
            return Response(f"{problem.title}\n\n{problem.text}\n", 500, media_type="text/plain; charset=utf-8")
        return Response(problem_page(problem), 500)

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


def problem_page(problem: Problem) -> str:
    """Return the page."""
    kind = "waiting" if problem.kind == "waiting" else "problem"
    faults = "\n".join(_fault(each, problem.title) for each in problem.faults)
    text = f"<details><summary>All of the message</summary><pre>{escape(problem.text)}</pre></details>"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{FAVICON_LINK}\n<title>{escape(problem.title)}</title>\n"
        f"<style>{overlay_style(':root')}{_STYLE}</style>\n</head>\n"
        f'<body>\n<section class="page {kind}">\n<header><h1>{escape(problem.title)}</h1></header>\n'
        f"{faults}\n{text if problem.text else ''}\n"
        "<footer>This page turns into the site as soon as the site can be loaded.</footer>\n"
        "</section>\n</body>\n</html>\n"
    )


def _fault(fault: Fault, title: str) -> str:
    numbered = enumerate(fault.excerpt, fault.first_line)
    lines = "".join(
        f'<span class="line{" here" if number == fault.line else ""}"><i>{number}</i>{escape(text)}\n</span>'
        for number, text in numbered
    )
    return "".join(
        (
            "<article>",
            f"<h2>{escape(fault.place)}</h2>" if fault.place else "",
            f"<p>{escape(fault.message)}</p>" if fault.message != title else "",
            f'<pre class="source">{lines}</pre>' if lines else "",
            f'<p class="hint">{escape(fault.hint)}</p>' if fault.hint else "",
            "</article>",
        )
    )
