"""An exchange while it is recorded: what the socket, the wire and the handler report of it, as it happens.

In: bytes, moments and values, from the thread that owns the connection just then. Out: raw material, from which the
recorder's thread makes an `Exchange` (`exchange_maker.py`). It runs for every request, so it only collects. What would
exceed a limit is counted, and not kept. All moments are of the performance counter.
"""

from __future__ import annotations

import asyncio
from threading import current_thread, get_ident
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, TypeVar

from fanlight.devtools.inspector.exchange_record import Frame, LogLine, Parameter, Span
from fanlight.devtools.inspector.recording_limits import (
    FLOOD_INTERVAL,
    LATE_SECONDS,
    MAX_CONTENT_BYTES,
    MAX_FRAMES,
    MAX_LOG_LINES,
    MAX_PIECES,
    MAX_RECEIVED_BYTES,
    MAX_SENT_BYTES,
    MAX_SPANS,
    MAX_STACK_SAMPLES,
    OPEN_SECONDS,
    REFRESH_SECONDS,
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

    Changed = Callable[["Recording"], object]

Arrived = tuple[float, bytes]  # when, and what
Received = tuple[float, bytes, int]  # when, what is kept of it, how many bytes it was
Sent = tuple[float, bytes, int, int]  # when, what is kept of it, how many bytes were sent, how many were offered
Stage = tuple[str, int, tuple[tuple[str, str], ...]]  # what made the response, its status and fields then
NOTHING: list[Any] = []
Item = TypeVar("Item")
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

    __slots__ = ("began", "cpu_began", "cpu_seconds", "ended", "lane", "stacks", "task", "thread", "thread_id")

    last_began = 0.0  # of all calls

    def __init__(self, lane: Lane) -> None:
        """Begin, in the thread of the call."""
        self.lane, self.thread, self.thread_id = lane, current_thread(), get_ident()
        self.ended, self.cpu_seconds = 0.0, 0.0
        self.stacks: list[str] = NOTHING
        self.task = asyncio.current_task() if lane is Lane.TASK else None
        now, before = perf_counter(), CallRun.last_began
        # PERF: benchmarks/inspector.py: this clock takes as long as a small view, so it is left out in a flood
        self.cpu_began = thread_time() if now - before > FLOOD_INTERVAL else 0.0
        CallRun.last_began = self.began = now

    def move(self) -> None:
        """Note that the view runs in this thread, where async middleware has begun in another one."""
        if self.task is not None:
            self.thread_id, self.task = get_ident(), None

    def end(self) -> None:
        """End, in the same thread."""
        self.ended = perf_counter()
        if self.cpu_began and get_ident() == self.thread_id:
            self.cpu_seconds = thread_time() - self.cpu_began

    @property
    def wants_stack(self) -> bool:
        """Whether more samples of its stack are kept."""
        return len(self.stacks) < MAX_STACK_SAMPLES

    def add_stack(self, stack: str) -> None:
        """Keep where the call was while it did not end, unless it was there before."""
        if stack and stack not in self.stacks:
            self.stacks = [*self.stacks, stack]


class Recording:
    """What is known of one exchange so far."""

    # PERF: benchmarks/inspector.py: made for every request, so what most requests do not have is a default of the
    # class. NOTHING is never changed: each list is made for its first item.
    outcome = OPEN
    actor = "view"  # what acts on the response now
    note = ""
    is_cut = owes_all = is_late = is_switched = False
    received_bytes = sent_bytes = head_end = content_bytes = response_bytes = encoded_bytes = held = templates = 0
    owed = 0  # bytes of the response still to be sent, as far as they are known
    head_at = content_at = response_at = ended = written_at = 0.0
    head: RequestHead | None = None
    refusal: ProtocolError | HTTPError | None = None
    error: BaseException | None = None
    call: Call | None = None
    site_call: Call | None = None
    run: CallRun | None = None
    response_content: bytes | None = None  # before it is encoded; None: it was sent as it is, or is a stream
    written: tuple[object, ...] = ()  # how much of it was given to the store
    content: list[bytes] = NOTHING  # of the request, without its framing
    logs: list[LogLine] = NOTHING
    frames: list[Frame] = NOTHING
    spans: list[Span] = NOTHING
    stages: list[Stage] = NOTHING
    parameters: list[Parameter] = NOTHING

    def __init__(
        self, generation: int, number: int, began: float, connection: ConnectionFacts, changed: Changed
    ) -> None:
        """Begin with the first byte of the message; `changed` is called for what happens after the end."""
        self.generation, self.number, self.began = generation, number, began
        self.connection, self.earlier, self.changed = connection, connection.count(), changed
        self.received: list[Received] = []
        self.sent: list[Sent] = []

    @property
    def id(self) -> str:
        """The id of the exchange."""
        return f"{self.generation:03}-{self.number:05}"

    def hold(self) -> int:
        """Return about how many bytes of memory it holds, less what was returned before."""
        items = len(self.received) + len(self.sent) + len(self.spans) + len(self.logs) + len(self.frames)
        held = self.received_bytes + self.sent_bytes
        if held > MAX_RECEIVED_BYTES:
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
        if head.content_length == 0:
            self.content_at = now

    def take_content(self, data: bytes) -> None:
        """Keep a piece of the request's content, without its framing."""
        room = MAX_CONTENT_BYTES - self.content_bytes
        self.content_bytes += len(data)
        if room > 0 and len(self.content) < MAX_PIECES:
            if self.content is NOTHING:
                self.content = []
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
        if not stages:
            self.stages = [stage]
        elif stages[-1][1:] != stage[1:]:
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
            self.add_span("compression", coding, began, ended)

    def take_error(self, error: BaseException) -> None:
        """Keep an exception that nothing has caught."""
        self.error = error

    def switch_protocol(self) -> None:
        """Note that the response is a 101, and that what follows are frames."""
        self.is_switched = True

    def take_frame(self, frame: Frame) -> None:
        """Keep a frame of a WebSocket."""
        self.frames = self._kept(self.frames, frame, MAX_FRAMES)

    def take_log(self, line: LogLine) -> None:
        """Keep a log line; one that is made long after the end is of a task that has outlived its request."""
        if self.ended and line.at > self.ended + LATE_SECONDS:
            return
        self.logs = self._kept(self.logs, line, MAX_LOG_LINES)

    def begin_span(self, kind: str, name: str, place: str = "") -> Span:
        """Begin a stretch of work, which the caller ends."""
        span = Span(kind, name, perf_counter(), -1.0, place=place)
        self._add(span)
        return span

    def add_span(self, kind: str, name: str, begin: float, end: float, error: BaseException | None = None) -> None:
        """Add a stretch of work that has ended; `error` has left it."""
        span = Span(kind, name, begin, end)
        span.end_now(end, error)
        self._add(span)

    def _add(self, span: Span) -> None:
        self.spans = self._kept(self.spans, span, MAX_SPANS)

    def _kept(self, items: list[Item], item: Item, most: int) -> list[Item]:
        """Return what is kept with one more item, if there is room for it."""
        if items is NOTHING:
            return [item]
        if len(items) < most:
            items.append(item)
        else:
            self.is_cut = True
        return items

    def is_due(self, now: float) -> bool:
        """Return whether it is to be shown while it is open: it takes long, and something has happened since."""
        is_old = now > max(self.began + OPEN_SECONDS, self.written_at + REFRESH_SECONDS)
        return is_old and self._extent() != self.written

    def mark_written(self, now: float) -> None:
        """Note when it was given to the store."""
        self.written_at, self.written = now, self._extent()

    def _extent(self) -> tuple[object, ...]:
        counts = len(self.spans), len(self.logs), len(self.sent), self.sent_bytes, self.received_bytes
        return (*counts, self.head_at, self.run is not None and (self.run.ended, len(self.run.stacks)))
