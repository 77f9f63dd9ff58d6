"""The response to a request whose exception nothing has caught, in development.

In: an exception, and its request. Out: a page for a browser, problem details with the traceback for a client that
prefers JSON, plain text for any other (curl). All of them are made of the same report. Nothing on the page is executed
but the script that copies its text; nothing that a client or the site has put into a value becomes markup. Secrets are
masked.

SECURITY: tests/devtools/debug/test_hostile.py; script tags in every position, binary data, megabytes.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fanlight.devtools.debug.bounded_repr import Variable, shown_variables
from fanlight.devtools.debug.debug_style import STYLE
from fanlight.devtools.debug.request_view import request_line, request_with_url, sections_of
from fanlight.devtools.debug.source_view import SourceLine, source_around
from fanlight.devtools.debug.variables import variables_of
from fanlight.devtools.secrets import mask_text
from fanlight.errors import InternalServerError, TemplateError
from fanlight.message.media_types import HTML
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.builtin_pages import plain_error_page
from fanlight.pages.drawing import FAVICON_LINK
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.problem_details import PROBLEM, problem, sendable, wants_problem, wants_problem_unless_html
from fanlight.routing.table import Table
from fanlight.tracebacks.frames import Frame
from fanlight.tracebacks.hints import hint_for
from fanlight.tracebacks.lines import inner_fold, text_of
from fanlight.tracebacks.report import Report, report_of
from fanlight.tracebacks.visible import visible

log = logging.getLogger("fanlight.app")

MAX_OPEN = 12  # frames of one page with their source and variables; further ones have a line
MAX_TITLE = 300  # characters of a message in the heading; more of it stands below
LONG_TITLE = 60  # from which on the heading is smaller
_FOLDER = Path(__file__).parent
SCRIPT = (_FOLDER / "copy_text.js").read_text(encoding="utf-8")
_TEXT = "text/plain; charset=utf-8"
_PAGES = Pages(_FOLDER / "templates")
_PAGES.check(assets=False)  # compiles the template now, and not while a request waits


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


FIELDS = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src {_source_hash(STYLE)}; script-src {_source_hash(SCRIPT)}; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "vary": "accept",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFrame:
    """A frame of the site on the page."""

    source: list[SourceLine]
    variables: list[Variable]
    is_again: bool  # a frame further up has the same variables


class DebugPages:
    """Makes the responses of one site."""

    def __init__(self, folder: Path, table: Table) -> None:
        self._folder, self._table = folder, table

    def response(self, error: BaseException, request: Request, *, hint: str = "", inspector: str = "") -> Response:
        """Return the response for an exception; `inspector` is the address of the exchange, "" if it is not kept."""
        report = report_of(error, self._folder)
        hint = hint or hint_for(report)
        is_in_json = self._table.at(request.host).json_prefixes.contain(request.raw_path)
        if (wants_problem_unless_html if is_in_json else wants_problem)(request):
            members = problem(InternalServerError(), request) | {
                "detail": sendable(mask_text(visible(report.title))),
                **({"hint": sendable(hint)} if hint else {}),
                "traceback": self.text(report, hint).split("\n"),
            }
            return Response(msgspec.json.encode(members), 500, media_type=PROBLEM, headers=FIELDS)
        text = f"{self.text(report, hint)}\n\n{request_with_url(request)}\n{_versions()}\n"
        if "html" not in request.head.values.get("accept", "").lower():
            return Response(visible(text).encode(), 500, media_type=_TEXT, headers=FIELDS)
        context = {
            "report": report,
            "title": (title := _title(report)),
            "is_long": len(title) > LONG_TITLE,
            "rest": _rest(report),
            "hint": _sentence(hint or (error.hint if isinstance(error, TemplateError) else "")),
            "inspector": inspector,
            "line": request_line(request),
            "sections": sections_of(request, self._table, self._folder),
            "text": text,
            "style": STYLE,
            "script": SCRIPT,
            "icon": FAVICON_LINK,
            "versions": _versions(),
            "message": _message,
            "key_of": id,
            "inner_fold": inner_fold,
            "parts": _parts,
        }
        return Response(self._page(report, context), 500, media_type=HTML, headers=FIELDS)

    def _page(self, report: Report, context: dict[str, object]) -> Iterator[bytes]:
        """Yield the page; as a stream it is made in a thread, so that the time it takes is not the view's."""
        try:
            page = Page("debug.html", {**context, "frames": self._frames_of(report)})
            content = visible(_PAGES.render(page).lstrip()).encode()
        except Exception:
            log.exception("the debug page failed")
            content = plain_error_page(500)
        yield content

    def text(self, report: Report, hint: str = "") -> str:
        """Return the folded traceback, to be copied: without secrets."""
        return sendable(mask_text(text_of(report, hint)))

    def _frames_of(self, report: Report) -> dict[int, ShownFrame]:
        """Return what is shown of the frames of the site, by the `id` of each."""
        frames = list(_own_frames(report))[:MAX_OPEN]
        named = [(frame, variables_of(frame)) for frame in frames]
        texts = iter(shown_variables([pair for _, pairs in named for pair in pairs]))
        seen: set[int] = set()
        shown = {}
        for frame, pairs in named:
            variables = [next(texts) for _ in pairs]
            shown[id(frame)] = ShownFrame(
                source=source_around(frame), variables=variables, is_again=id(frame.frame) in seen
            )
            seen.add(id(frame.frame))
        return shown


def _own_frames(report: Report) -> Iterator[Frame]:
    for each in report.chain:
        yield from each.own_frames
        for member in each.members:
            yield from _own_frames(member)


def _message(report: Report) -> str:
    # The place of a template's error is that of its first frame, and its hint has a place of its own.
    text = report.error.reason if isinstance(report.error, TemplateError) else report.message
    return visible(mask_text(text))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _parts(text: str) -> list[str]:
    """Return the parts of a text: each second one is what stands between backticks."""
    return text.split("`") if text.count("`") % 2 == 0 else [text]


def _title(report: Report) -> str:
    message = _message(report).partition("\n")[0]
    return message if len(message) <= MAX_TITLE else f"{message[:MAX_TITLE]}..."


def _rest(report: Report) -> str:
    """Return what the heading does not show of the message, and the notes."""
    message = _message(report)
    first, _, rest = message.partition("\n")
    rest = message if len(first) > MAX_TITLE else rest
    return "\n".join(filter(None, (rest, *(visible(mask_text(each)) for each in report.notes))))


def _versions() -> str:
    return f"Python {platform.python_version()}"
