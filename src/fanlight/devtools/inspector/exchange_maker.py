"""Make an `Exchange`, which is kept and shown, of what was recorded.

In: a recording, which may still be in progress. Out: an exchange; what costs time and is not needed while the request
is served is found out here, in the recorder's thread: the status and the fields as they were sent, what set each field,
the content without its coding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from time import perf_counter, time
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fanlight.devtools.inspector.exchange_record import (
    Candidate,
    ConnectionInfo,
    ErrorReport,
    Exchange,
    FieldOrigin,
    LogLine,
    Parameter,
    Piece,
    Refusal,
    Run,
    Span,
)
from fanlight.devtools.inspector.fault_place import fault_place
from fanlight.devtools.inspector.recording import OPEN, CallRun, Received, Recording, Stage
from fanlight.devtools.inspector.recording_limits import (
    MAX_CONTENT_BYTES,
    MAX_TRACEBACK_CHARACTERS,
    MAX_VALUE_CHARACTERS,
)
from fanlight.devtools.inspector.rfc_sections import rfc_section
from fanlight.devtools.inspector.sent_message import SentMessage, content_of, read_sent
from fanlight.message.handler import Lane
from fanlight.server.connection.connection import SWITCHING_PROTOCOLS
from fanlight.tracebacks.lines import text_of
from fanlight.tracebacks.report import report_of

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.devtools.inspector.site_routes import SiteRoutes
    from fanlight.message.handler import Call

JSON_BODY = "JSON body"  # the source of a parameter
REQUEST_ID = "x-request-id"
MAX_LINE_PIECES, MAX_LINE_CHARACTERS = 200, 2000  # that are looked at for the first line of a refused message
_WITHOUT_CONTENT = frozenset({204, 205, 304})
# What sets a field that the app has not set.
_FROM_SERVER = {
    "date": "server",
    "server": "server",
    REQUEST_ID: "server: the id in its logs",
    "strict-transport-security": "server: the setting for TLS",
    **dict.fromkeys(("connection", "content-length", "transfer-encoding"), "wire: where the message ends"),
}
_LANES = {Lane.INLINE: "inline", Lane.MEASURED: "inline", Lane.THREAD: "thread", Lane.TASK: "task"}


class ExchangeMaker:
    """Makes the exchanges of one server process."""

    def __init__(self, generation: int) -> None:
        """Make exchanges of a generation of the code."""
        self._generation = generation
        self._routes: SiteRoutes | None = None
        self._lane_reasons: Callable[[], Mapping[object, str]] = dict
        self._wall = time() - perf_counter()  # of the performance counter's zero

    def make(self, recording: Recording, now: float, *, is_brief: bool = False) -> Exchange:
        """Return what is known of an exchange at a moment; `is_brief`: without what takes long to find out."""
        began = recording.began
        sent = [Piece(at - began, data, size, offered) for at, data, size, offered in list(recording.sent)]
        sent_data = b"".join([piece.data for piece in sent])
        message = read_sent(sent_data)
        name = recording.call.name if recording.call is not None else ""
        method, target, version = _request_line(recording)
        view, view_place = self._view_of(recording)
        content = b"" if recording.is_switched else _content_of(recording, method, message, sent_data)
        is_encoded_stream = recording.response_content is None and message.value("content-encoding") != ""
        return Exchange(
            id=recording.id,
            began_at=self._wall + began,
            connection=_connection_of(recording),
            outcome=recording.outcome,
            method=method,
            target=target,
            version=version,
            status=SWITCHING_PROTOCOLS if recording.is_switched else message.status,
            route=route_of(name),
            view=view,
            view_place=view_place,
            request_id=message.value(REQUEST_ID),
            generation=self._generation,
            seconds=(now if recording.outcome == OPEN else recording.ended) - began,
            received=_merged(list(recording.received), began),
            received_bytes=recording.received_bytes,
            sent=sent,
            sent_bytes=recording.sent_bytes,
            head_end=recording.head_end,
            request_content=b"".join(recording.content)[:MAX_CONTENT_BYTES],
            response_fields=origins(recording.stages, message.fields),
            response_content=content,
            content_bytes=len(content) if is_encoded_stream else recording.response_bytes,
            encoded_bytes=recording.response_bytes if is_encoded_stream else recording.encoded_bytes,
            head_at=_since(began, recording.head_at),
            content_at=_since(began, recording.content_at),
            response_at=_since(began, recording.response_at),
            refusal=_refusal_of(recording),
            candidates=self._candidates_for(recording, is_brief=is_brief),
            parameters=_parameters_of(recording),
            run=self._run_of(recording),
            spans=[_moved(span, began) for span in list(recording.spans)],
            logs=[LogLine(line.at - began, line.level, line.logger, line.text) for line in list(recording.logs)],
            frames=[replace(each, at=each.at - began) for each in list(recording.frames)],
            error=self._error_of(recording.error),
            note=recording.note,
            is_cut=recording.is_cut,
        )

    def explain_routes(self, routes: SiteRoutes | None) -> None:
        """Have the routes that a site serves from now on, None if they are not known."""
        self._routes = routes

    @property
    def folder(self) -> Path | None:
        """The folder of the site, if it is known."""
        return None if self._routes is None else self._routes.folder

    def explain_lanes(self, reasons: Callable[[], Mapping[object, str]]) -> None:
        """Have the reasons why calls run in threads, by call, from a function."""
        self._lane_reasons = reasons

    def _view_of(self, recording: Recording) -> tuple[str, str]:
        return ("", "") if self._routes is None else self._routes.view_of(recording.site_call)

    def _candidates_for(self, recording: Recording, *, is_brief: bool) -> list[Candidate]:
        head = recording.head
        if self._routes is None or head is None:
            return []
        return self._routes.candidates(head.method, head.path, head.authority, is_brief=is_brief)

    def _run_of(self, recording: Recording) -> Run | None:
        run, call = recording.run, recording.call
        if run is None or call is None:
            return None
        ready = recording.content_at or recording.head_at
        reason = self._lane_reasons().get(call, "") if run.lane is Lane.THREAD else ""
        return Run(
            lane=_LANES[run.lane],
            reason=reason or _reason(run, call),
            thread=run.thread.name,
            waited=max(0.0, run.began - ready),
            began=run.began - recording.began,
            seconds=run.ended - run.began if run.ended else 0.0,
            cpu_seconds=run.cpu_seconds,
            stacks=list(run.stacks),
        )

    def _error_of(self, error: BaseException | None) -> ErrorReport | None:
        if error is None:
            return None
        report = report_of(error, self.folder)
        return ErrorReport(report.kind, report.message, text_of(report)[:MAX_TRACEBACK_CHARACTERS])


def route_of(name: str) -> str:
    """Return the key of a route in URLS, "GET /blog/{slug}", of the name of its call; "" of one that has no route."""
    route = name.partition(" (")[0]
    return route if "/" in route else ""


def origins(stages: Sequence[Stage], sent: Sequence[tuple[str, str]]) -> list[FieldOrigin]:
    """Return what set each field that was sent: the first of the stages that has had it since."""
    found = []
    for name, value in sent:
        origin = _FROM_SERVER.get(name, "server")
        for stage, _, fields in reversed(stages):
            if (name, value) not in fields:
                break
            origin = stage
        found.append(FieldOrigin(name, value, origin))
    return found


def _merged(received: Sequence[Received], began: float) -> list[Piece]:
    """Return what arrived, in the pieces in which it did: a head and its content may be one."""
    pieces: list[Piece] = []
    for moment, group in groupby(received, key=itemgetter(0)):
        parts = list(group)
        pieces.append(Piece(moment - began, b"".join([data for _, data, _ in parts]), sum(size for *_, size in parts)))
    return pieces


def _since(began: float, moment: float) -> float:
    return moment - began if moment else 0.0


def _connection_of(recording: Recording) -> ConnectionInfo:
    facts = recording.connection
    age = recording.began - facts.began
    return ConnectionInfo(facts.number, facts.client, recording.earlier, facts.tls, age)


def _request_line(recording: Recording) -> tuple[str, str, str]:
    """Return the method, the target and the version of a request; of a refused one, what its first line has of them."""
    head = recording.head
    if head is not None:
        return head.method, head.target, f"HTTP/1.{head.minor}"
    data = b"".join([data for _, data, _ in list(recording.received)[:MAX_LINE_PIECES]])
    line = data.lstrip(b"\r\n").partition(b"\n")[0].rstrip(b"\r").decode("latin-1")
    parts = line[:MAX_LINE_CHARACTERS].split(" ")
    if len(parts) < 2 or not parts[0].isascii() or not parts[0].isalpha():
        return "", "", ""
    has_version = len(parts) > 2 and parts[-1].startswith("HTTP/")
    return parts[0], " ".join(parts[1:-1] if has_version else parts[1:]), parts[-1] if has_version else ""


def _content_of(recording: Recording, method: str, message: SentMessage, sent_data: bytes) -> bytes:
    if method == "HEAD" or message.status in _WITHOUT_CONTENT:
        return b""
    if recording.response_content is not None:
        return recording.response_content
    return content_of(message, sent_data, MAX_CONTENT_BYTES)


def _refusal_of(recording: Recording) -> Refusal | None:
    error = recording.refusal
    if error is None:
        return None
    refusal = Refusal(error.status, str(error), rfc_section(error.status, str(error)))
    begin, end = fault_place(b"".join([data for _, data, _ in list(recording.received)]), refusal)
    return refusal if begin == end else Refusal(error.status, str(error), refusal.source, begin, end)


def _parameters_of(recording: Recording) -> list[Parameter]:
    """Return the parameters; what was sent as JSON is found in its bytes."""
    parameters = recording.parameters
    if not any(each.source == JSON_BODY for each in parameters):
        return parameters
    content = b"".join(recording.content)
    try:
        sent = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:  # another document, or one that is cut
        sent = {}
    made = []
    for each in parameters:
        raw = each.raw
        if each.source == JSON_BODY:
            found = bytes(sent[each.name]) if each.name in sent else content if len(parameters) == 1 else None
            raw = None if found is None else found[:MAX_VALUE_CHARACTERS].decode(errors="replace")
        made.append(replace(each, raw=raw))
    return made


def _reason(run: CallRun, call: Call) -> str:
    if run.lane is Lane.TASK:
        return "it awaits: its view, a dependency or a middleware is async"
    if call.is_pinned:
        return "pinned to it by @lane, or because it sends early hints"
    if run.lane is Lane.THREAD:
        return "earlier calls of this route have blocked the server, or have waited"
    return "it has been fast so far" if run.lane is Lane.INLINE else "it has been fast so far, and is measured"


def _moved(span: Span, began: float) -> Span:
    inner = None if span.inner is None else (span.inner[0] - began, span.inner[1] - began)
    end = -1.0 if span.end < 0 else span.end - began
    return Span(span.kind, span.name, span.begin - began, end, inner, span.place, dict(span.detail), span.error)
