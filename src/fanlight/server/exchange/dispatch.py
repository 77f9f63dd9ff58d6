"""Run each call in its lane: inline, in a thread of the pool, or as a task on the event loop.

In: a connection whose request has arrived. Out: its call has run, in a context of the request's own, and its response
is with the exchange. Whatever a call raises, its client gets a response, the log a traceback, and the server loses
nothing: no thread, no connection, no count.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from msgspec import Struct

from fanlight.message import forked_child
from fanlight.message.call_link import RESPONDED
from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import IDLE, RUNNING
from fanlight.server.dispatch.contexts import context_maker
from fanlight.server.dispatch.thread_probes import thread_usage
from fanlight.server.io.forks import run_in_child
from fanlight.server.io.thread_pool import ThreadPool, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.server.dispatch.lanes import Lanes
    from fanlight.server.dispatch.ownership import Ownership, Turn
    from fanlight.server.dispatch.stall_detector import EventLoopWatchdog, StallDetector
    from fanlight.server.exchange.background_tasks import BackgroundTasks
    from fanlight.server.exchange.call_links import CallLinks
    from fanlight.server.exchange.connection_table import ConnectionTable

log = logging.getLogger("fanlight.server")

BUSY = Response(b"The server has too much to do just now; try again in a moment.\n", 503, media_type="text/plain")
BUSY.headers["retry-after"] = "1"
# A task runs up to its first wait when it is made, where Python can do that: a view that does not wait costs no more.
BEGINS_AT_ONCE: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
_INLINE, _MEASURED, _THREAD = Lane.INLINE, Lane.MEASURED, Lane.THREAD


class Responder(Protocol):
    """What sends responses: the exchange."""

    def respond(self, connection: Connection, response: Any) -> bool:
        """Send a response; True if the holder must finish it."""
        ...

    def respond_from_thread(self, connection: Connection, response: Any) -> None:
        """Send a response from a thread that does not hold the hub."""

    def respond_from_task(self, connection: Connection, response: Any) -> None:
        """Send a response from a task on the loop."""


class _NoResponder:
    """Sends nothing in a child that a view has forked: the child ends where its view does."""

    def respond(self, _connection: Connection, _response: Any) -> NoReturn:
        forked_child.exit_process()

    respond_from_thread = respond_from_task = respond


class Interim(Protocol):
    """What prepares calls that send something before their response."""

    def prepare(self, connection: Connection) -> None:
        """Attach to a request what its call sends hints with, or what carries the messages of its WebSocket."""

    def attach_websocket(self, connection: Connection) -> None:
        """Attach what carries the messages of a WebSocket."""


class Executors(Struct, frozen=True, kw_only=True):
    """Where calls run besides the hub's thread, and what measures and watches them."""

    pool: ThreadPool
    lanes: Lanes
    detector: StallDetector
    watchdog: EventLoopWatchdog
    interim: Interim


class Dispatch:
    """Runs the calls of one hub."""

    def __init__(
        self,
        table: ConnectionTable,
        ownership: Ownership,
        executors: Executors,
        responder: Responder,
        background: BackgroundTasks,
    ) -> None:
        """Run calls in the hub's thread, in the pool, and on the event loop; made in the context of the start."""
        self._table, self._ownership, self._responder = table, ownership, responder
        self._background = background
        self._interim = executors.interim
        self._links: CallLinks | None = None
        self._pool, self._lanes = executors.pool, executors.lanes
        self._detector, self._watchdog = executors.detector, executors.watchdog
        self._loop = ownership.loop
        self.starting: deque[Connection] = deque()  # whose tasks are to begin
        self._make_task: Callable[..., asyncio.Task[None]] = partial(asyncio.Task, loop=self._loop, **BEGINS_AT_ONCE)
        self._new_context = context_maker(partial(in_thread, self._pool, ownership.loop), self._detector.leave)
        run_in_child(self, Dispatch._stop_responding)

    def start(self, connection: Connection, turn: Turn) -> bool:
        """Run the call in its lane; False if it was stuck, and another thread holds the hub."""
        call = connection.call
        lane = call.lane
        if lane is _INLINE:
            run = call.run
        elif lane is _MEASURED:
            run = partial(self._lanes.run_measured, call)
        else:
            self._start_elsewhere(connection, call)
            return True
        request = connection.request
        request.context = context = self._new_context()
        running = turn.running
        turn.serial += 1
        running.append(connection)
        if self._detector.is_asleep:
            self._detector.wake()
        try:
            response = context.run(run, request)
        except BaseException:  # noqa: BLE001 - whatever a view raises, its client gets a response
            response = internal_error(call, request)
        try:
            running.pop()
        except IndexError:
            turn.handed_over.wait()
            self._responder.respond_from_thread(connection, response)
            return False
        self._responder.respond(connection, response)
        return True

    def _stop_responding(self) -> None:
        """Send no more responses, and begin no call: this process is a child, forked by a view."""
        self._responder = _NoResponder()
        self.starting.clear()

    def _start_elsewhere(self, connection: Connection, call: Call) -> None:
        table, request = self._table, connection.request
        connection.enter(RUNNING, table.now)
        request.context = self._new_context()
        policy = call.body_policy
        if policy.is_foreign:
            self._attach_link(connection)
        elif policy.sends_interim:
            self._interim.prepare(connection)
        if call.lane is _THREAD:
            if not self._pool.submit(self._run_in_thread, connection):
                connection.enter(IDLE, table.now)
                self._responder.respond(connection, BUSY)
        else:
            self.starting.append(connection)
            if len(self.starting) == 1 and not self._ownership.on_loop_thread():  # else the hub is about to look there
                self._loop.call_soon_threadsafe(self.begin_tasks)

    def _attach_link(self, connection: Connection) -> None:
        """Attach to a request what another framework's app has of the server, and its WebSocket if it asks for one."""
        if self._links is None:
            from fanlight.server.exchange.call_links import CallLinks  # noqa: PLC0415 - most sites have none

            self._links = CallLinks(self._table, self)
            self._background.wait_for_calls(self._watchdog.tasks)
        policy = connection.call.body_policy
        if self._links.attach(connection) and policy.may_upgrade:
            self._interim.attach_websocket(connection)
        elif policy.prepare is not None:
            policy.prepare(connection.request)

    def _run_in_thread(self, connection: Connection) -> None:
        call, request = connection.call, connection.request
        is_measured = self._lanes.should_measure(call)
        if is_measured:
            before = thread_usage()
        try:
            response = request.context.run(call.run, request)
        except BaseException:  # noqa: BLE001 - as above
            response = internal_error(call, request)
        if is_measured:
            self._lanes.record_in_thread(call, *before.elapsed())
        if response is not RESPONDED:
            self._responder.respond_from_thread(connection, response)

    def respond_early(self, connection: Connection, response: Response, *, from_thread: bool = False) -> None:
        """Send the response of a call that goes on: it returns RESPONDED, and touches the connection no more."""
        if from_thread:
            request = connection.request
            request.context = request.context.copy()  # two threads can't be in one context at once
            self._responder.respond_from_thread(connection, response)
        else:
            self._responder.respond_from_task(connection, response)

    def begin_tasks(self) -> None:
        """Begin the tasks of all connections that wait for that; called in the running loop, at the end of a batch."""
        loop, starting, watchdog = self._loop, self.starting, self._watchdog
        has_factory = loop.get_task_factory() is not None
        begun = []
        try:
            while starting:
                connection = starting.popleft()
                if BEGINS_AT_ONCE:
                    watchdog.note_first_step(connection)
                if self._detector.is_asleep and not watchdog.tasks:
                    self._detector.wake()
                running, context = self._run_as_task(connection), connection.request.context
                if has_factory:
                    task = loop.create_task(running, context=context)
                else:
                    task = self._make_task(running, context=context, name=connection.call.name)
                if not task.done():
                    watchdog.tasks[task] = connection
                    begun.append(task)
        finally:
            watchdog.note_first_step(None)
            if starting:
                loop.call_soon(self.begin_tasks)
            if begun:
                loop.call_soon(self._check_begun, begun)

    def _check_begun(self, begun: list[asyncio.Task[None]]) -> None:
        """Respond for tasks that were cancelled before their first step: no code of theirs did."""
        for task in begun:
            if task.cancelled() and not self._ownership.is_closed:
                connection = self._watchdog.tasks.pop(task)
                log.error("the task of %s was cancelled before it began", connection.call.name)
                self._responder.respond_from_task(connection, broken(connection.request))

    async def _run_as_task(self, connection: Connection) -> None:
        try:
            response = await connection.call.run(connection.request)  # type: ignore[misc]  # in this lane it can be awaited
        except asyncio.CancelledError:
            if self._ownership.is_closed:  # the loop ends, and its tasks with it
                raise
            # It cancelled itself, or waited for something that was cancelled: the server's own ends where a view does.
            response = internal_error(connection.call, connection.request)
        except BaseException:  # noqa: BLE001 - as above
            response = internal_error(connection.call, connection.request)
        # PERF: benchmarks/waits.py: a callback of the task would do this a turn of the loop later.
        self._watchdog.tasks.pop(asyncio.current_task(self._loop), None)  # type: ignore[arg-type]  # there is one
        if response is not RESPONDED:
            self._responder.respond_from_task(connection, response)


def internal_error(call: Call, request: Request) -> Response:
    """Log a call that broke its promise never to raise, and return its response; called where the error is caught."""
    log.error("%s raised where it must not; the client got a 500", call.name, exc_info=True)  # noqa: LOG014 - it is caught there
    return broken(request)


def broken(request: Request) -> Response:
    """Return the 500 for what the app can't respond to itself, with the id by which the access log has the request."""
    text = f"Something went wrong on this server. Mention this number if you report it: {request.id}\n"
    return Response(text.encode(), 500, media_type="text/plain")
