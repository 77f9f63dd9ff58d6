"""An exchange while it is recorded: what the socket, the wire and the handler report of it, as it happens.

In: bytes, moments and values, from the thread that owns the connection just then. Out: raw material, from which the
recorder's thread makes an `Exchange` (`exchange_maker.py`). It runs for every request, so it only collects. What would
exceed a limit is counted, and not kept. All moments are of the performance counter.
"""

from __future__ import annotations

import asyncio
from threading import current_thread, get_ident
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from fanlight.devtools.inspector.exchange_record import LogLine, Parameter, Span
from fanlight.devtools.inspector.recording_limits import (
    MAX_CONTENT_BYTES,
    MAX_LOG_LINES,
    MAX_PIECES,
    MAX_RECEIVED_BYTES,
    MAX_SENT_BYTES,
    MAX_SPANS,
    MAX_STACK_SAMPLES,
)
from fanlight.devtools.inspector.short_values import short_value
from fanlight.errors import RequestTimeout
from fanlight.message.handler import Lane
from fanlight.message.response import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.errors import HTTPError, ProtocolError
    from fanlight.message.handler import Call
    from fanlight.wire.http1.wire_events import RequestHead

Arrived = tuple[float, bytes]  # when, and what
Received = tuple[float, bytes, int]  # when, what is kept of it, how many bytes it was
Sent = tuple[float, bytes, int, int]  # when, what is kept of it, how many bytes were sent, how many were offered
Stage = tuple[str, int, tuple[tuple[str, str], ...]]  # what made the response, its status and fields then
LEAST_BYTES, ITEM_BYTES = 4096, 200  # of memory that a recording takes, and each of its pieces, lines and spans
OPEN, DONE, REFUSED, CUT_OFF, TIMED_OUT, FAILED = "open", "done", "refused", "cut off", "timed out", "failed"


class ConnectionFacts:
    """What the exchanges of one connection have in common."""

    __slots__ = ("began", "client", "number", "requests", "tls")

    def __init__(self, number: int) -> None:
        self.number, self.began = number, perf_counter()
        self.client = self.tls = ""
        self.requests = 0  # so far

    def learn(self, client: str, tls: str) -> None:
        """Set what is known after the handshake."""
        self.client, self.tls = client, tls

    def count(self) -> int:
        """Count one more request; return how many came before it."""
        earlier, self.requests = self.requests, self.requests + 1
        return earlier


class CallRun:
    """How the call of a request ran: in which lane, when, for how long."""

    __slots__ = ("began", "cpu_began", "cpu_seconds", "ended", "lane", "stacks", "task", "thread_id", "thread_name")

    def __init__(self, lane: Lane) -> None:
        """Begin, in the thread of the call."""
        thread = current_thread()
        self.lane, self.thread_id, self.thread_name = lane, thread.ident, thread.name
        self.ended, self.cpu_seconds = 0.0, 0.0
        self.stacks: list[str] = []
        self.task = asyncio.current_task() if lane is Lane.TASK else None
        self.began, self.cpu_began = perf_counter(), thread_time()

    def move(self) -> None:
        """Note that the view runs in this thread, where async middleware has begun in another one."""
        if self.task is not None:
            self.thread_id, self.task = get_ident(), None

    def end(self) -> None:
        """End, in the same thread."""
        self.ended, self.cpu_seconds = perf_counter(), thread_time() - self.cpu_began

    @property
    def wants_stack(self) -> bool:
        """Whether more samples of its stack are kept."""
        return len(self.stacks) < MAX_STACK_SAMPLES

    def add_stack(self, stack: str) -> None:
        """Keep where the call was while it did not end, unless it was there before."""
        if stack and stack not in self.stacks:
            self.stacks.append(stack)


class Recording:
    """What is known of one exchange so far."""

    __slots__ = (
        "actor", "began", "call", "changed", "connection", "content", "content_at", "content_bytes", "earlier",
        "encoded_bytes", "ended", "error", "head", "head_at", "head_end", "held", "id", "is_cut", "is_late", "logs",
        "note", "outcome", "owed", "owes_all", "parameters", "received", "received_bytes", "refusal", "response_at",
        "response_bytes", "response_content", "run", "sent", "sent_bytes", "site_call", "spans", "stages", "templates",
        "written_at",
    )  # fmt: skip

    def __init__(
        self, exchange_id: str, began: float, connection: ConnectionFacts, changed: Callable[[Recording], object]
    ) -> None:
        """Begin with the first byte of the message; `changed` is called for what happens after the end."""
        self.changed = changed
        self.id, self.began, self.connection, self.earlier = exchange_id, began, connection, connection.count()
        self.outcome, self.note, self.is_cut = OPEN, "", False
        self.received: list[Received] = []
        self.sent: list[Sent] = []
        self.content: list[bytes] = []  # of the request, without its framing
        self.received_bytes = self.sent_bytes = self.head_end = self.content_bytes = 0
        self.owed = 0  # bytes of the response still to be sent, as far as they are known
        self.owes_all = self.is_late = False
        self.head: RequestHead | None = None
        self.head_at = self.content_at = self.response_at = self.ended = self.written_at = 0.0
        self.refusal: ProtocolError | HTTPError | None = None
        self.error: BaseException | None = None
        self.call: Call | None = None
        self.site_call: Call | None = None
        self.run: CallRun | None = None
        self.spans: list[Span] = []
        self.logs: list[LogLine] = []
        self.stages: list[Stage] = []
        self.parameters: list[Parameter] = []
        self.actor, self.templates = "view", 0
        self.response_content: bytes | None = None  # before it is encoded; None: it was sent as it is, or is a stream
        self.response_bytes = self.encoded_bytes = self.held = 0

    def hold(self) -> int:
        """Return about how many bytes of memory it holds, less what was returned before."""
        items = len(self.received) + len(self.sent) + len(self.spans) + len(self.logs)
        held = min(self.received_bytes, MAX_RECEIVED_BYTES) + min(self.sent_bytes, MAX_SENT_BYTES)
        before, self.held = self.held, LEAST_BYTES + ITEM_BYTES * items + held
        return self.held - before

    def release(self) -> int:
        """Return what `hold` has returned, which counts no longer."""
        held, self.held = self.held, 0
        return held

    # --- from the wire and the socket -------------------------------------------------------------

    def take_received(self, pieces: Sequence[Arrived]) -> None:
        """Keep what the wire has read as part of this message."""
        for at, data in pieces:
            room, size = MAX_RECEIVED_BYTES - self.received_bytes, len(data)
            self.received_bytes += size
            if size > room:
                self.is_cut = True
                data = data[: max(room, 0)]  # noqa: PLW2901 - what is kept of it
            if len(self.received) < MAX_PIECES:
                self.received.append((at, data, size))
            else:
                self.is_cut = True

    def take_head(self, head: RequestHead, now: float) -> None:
        """Keep the parsed head, behind all that was received so far."""
        self.head, self.head_at, self.head_end = head, now, self.received_bytes
        if head.block.content_length == 0:
            self.content_at = now

    def take_content(self, data: bytes) -> None:
        """Keep a piece of the request's content, without its framing."""
        room = MAX_CONTENT_BYTES - self.content_bytes
        self.content_bytes += len(data)
        if room > 0 and len(self.content) < MAX_PIECES:
            self.content.append(data[:room])
        else:
            self.is_cut = True

    def end_content(self, now: float) -> None:
        """Note that the message is whole."""
        self.content_at = now

    def take_refusal(self, refusal: ProtocolError | HTTPError) -> None:
        """Keep why the message was refused."""
        self.refusal, self.is_late = refusal, isinstance(refusal, RequestTimeout)

    def owe(self, size: int, *, is_all: bool = False) -> None:
        """Note that so many more bytes are to be sent; `is_all`: and then the response is complete."""
        self.owed += size
        self.owes_all = is_all

    def count_content(self, size: int) -> None:
        """Count a piece of a response's content that is a stream or a file."""
        if self.response_content is None:
            self.response_bytes += size

    @property
    def is_sent(self) -> bool:
        """Whether the system has taken all of the response."""
        return self.owes_all and self.owed <= 0

    def take_sent(self, at: float, data: bytes | memoryview, sent: int, offered: int) -> None:
        """Keep what the system has taken."""
        room = MAX_SENT_BYTES - self.sent_bytes
        self.sent_bytes += sent
        self.owed -= sent
        if len(self.sent) >= MAX_PIECES:
            self.is_cut = True
            return
        kept = sent
        if sent > room:
            self.is_cut, kept = True, max(room, 0)
        whole = data.__class__ is bytes and kept == len(data)
        self.sent.append((at, data if whole else bytes(data[:kept]), sent, offered))  # type: ignore[arg-type]  # bytes

    def end(self, outcome: str, now: float) -> None:
        """Note how it ended."""
        self.outcome, self.ended = outcome, now

    def change_late(self) -> None:
        """Report that something has been added, if the exchange has ended before: a background task, for one."""
        if self.ended:
            self.changed(self)

    def annotate(self, note: str) -> None:
        """Add a line for people."""
        self.note = note

    # --- from the handler -------------------------------------------------------------------------

    def choose_call(self, call: Call, site_call: Call) -> None:
        """Note which call responds, and which one of the site it stands for."""
        self.call, self.site_call = call, site_call

    def begin_call(self) -> None:
        """Note that the call begins to run, in this thread."""
        assert self.call is not None
        self.run = CallRun(self.call.lane)

    def end_call(self, response: Response | None) -> None:
        """Keep the response of the call, which is about to be encoded and sent; None: it was cancelled."""
        if self.run is not None:
            self.run.end()
        self.response_at = perf_counter()
        if response is not None:
            self.take_response(response)
            if (content := response.content).__class__ is bytes:
                self.response_bytes = len(content)
                self.response_content = content[:MAX_CONTENT_BYTES]

    def take_response(self, response: Response) -> None:
        """Keep the status and the fields of a response as they are now, made or changed by what has acted last."""
        fields, stages = response.fields(), self.stages
        stage = self.actor, response.status, fields if isinstance(fields, tuple) else tuple(fields)
        if not stages or stages[-1][1:] != stage[1:]:
            stages.append(stage)

    def change_actor(self, actor: str, seen: object) -> None:
        """Note what acts on the response from now on; if it sees the response, that is kept as it was before."""
        if isinstance(seen, Response):
            self.take_response(seen)
        self.actor = actor

    def begin_view(self, values: Mapping[str, object]) -> None:
        """Note that the view is called; the values of dependencies are known only now."""
        for each in self.parameters:
            if not each.value and not each.complaint and each.name in values:
                each.fill(short_value(values[each.name]))

    def take_parameters(self, parameters: list[Parameter]) -> None:
        """Keep the parameters of the view."""
        self.parameters = parameters

    def enter_template(self) -> bool:
        """Note that a template begins; return whether it is in no other one."""
        self.templates += 1
        return self.templates == 1

    def leave_template(self) -> None:
        """Note that a template has ended."""
        self.templates -= 1

    def take_encoded(self, response: Response, began: float, ended: float) -> None:
        """Keep what the response has become by its encoding."""
        self.change_actor("compression", None)
        self.take_response(response)
        coding = next((value for name, value in self.stages[-1][2] if name == "content-encoding"), "")
        if coding and isinstance(response.content, bytes):
            self.encoded_bytes = len(response.content)
            self.spans.append(Span("compression", coding, began, ended))

    def take_error(self, error: BaseException) -> None:
        """Keep an exception that nothing has caught."""
        self.error = error

    def take_log(self, line: LogLine) -> None:
        """Keep a log line."""
        if len(self.logs) < MAX_LOG_LINES:
            self.logs.append(line)
        else:
            self.is_cut = True

    def begin_span(self, kind: str, name: str, place: str = "") -> Span:
        """Begin a stretch of work, which the caller ends."""
        span = Span(kind, name, perf_counter(), -1.0, place=place)
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)
        else:
            self.is_cut = True
        return span

    def mark_written(self, now: float) -> None:
        """Note when it was given to the store."""
        self.written_at = now
