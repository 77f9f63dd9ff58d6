"""Run each call in its lane: in place, in a thread of the pool, or as a task on the loop.

In: a connection whose request has arrived. Out: its call has run, in a context of the request's own, and its
response is with whoever sends it. Whatever a call raises, its client gets a response, the author a traceback,
and nothing of the server's is lost: no thread, no connection, no count.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from fanlight.message import forked_child
from fanlight.message.early_hints import HINT_SENDER_KEY
from fanlight.message.handler import Call, Lane
from fanlight.message.response import Response
from fanlight.server.connection.builtin_responses import BROKEN, BUSY
from fanlight.server.connection.connection import IDLE, RUNNING, Connection
from fanlight.server.connection.early_hint_sender import can_send_early_hints, send_early_hints
from fanlight.server.connection.host import Host
from fanlight.server.dispatch.contexts import context_maker
from fanlight.server.dispatch.wait_sampling import usage
from fanlight.server.io.forks import hold
from fanlight.server.io.thread_pool import Pool, in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fanlight.server.dispatch.lanes import Lanes
    from fanlight.server.dispatch.loop_watchdog import LoopWatch
    from fanlight.server.dispatch.stall_monitor import Monitor, Tenure

log = logging.getLogger("fanlight.server")

_INLINE, _MEASURED = Lane.INLINE, Lane.MEASURED


class Responder(Protocol):
    """What sends responses: the exchange."""

    def answer(self, connection: Connection, response: Any) -> bool:
        """Send a response; True if the holder must settle the connection."""
        ...

    def answer_from_outside(self, connection: Connection, response: Any) -> None:
        """Send a response from a thread that does not hold the hub."""

    def answer_from_task(self, connection: Connection, response: Any) -> None:
        """Send a response from a task on the loop."""


class _NoResponder:
    """Sends nothing in a child that a view has forked: the child ends where its view does."""

    def answer(self, _connection: Connection, _response: Any) -> bool:
        forked_child.leave()

    def answer_from_outside(self, _connection: Connection, _response: Any) -> None:
        forked_child.leave()

    def answer_from_task(self, _connection: Connection, _response: Any) -> None:
        forked_child.leave()


class Dispatch:
    """Runs the calls of one hub."""

    def __init__(
        self, hub: Host, responder: Responder, pool: Pool, lanes: Lanes, monitor: Monitor, loop_watch: LoopWatch
    ) -> None:
        """Run calls in the hub's thread, in this pool, and on the hub's loop; made in the context of the start."""
        self._hub, self._responder = hub, responder
        self._pool, self._lanes, self._monitor, self._loop_watch = pool, lanes, monitor, loop_watch
        self._new_context = context_maker(self._in_thread)
        hold(self, Dispatch.let_go)

    def start(self, connection: Connection, tenure: Tenure) -> bool:
        """Run the call in its lane; False if it was stuck, and the hub is in other hands."""
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
        baton = tenure.baton
        tenure.serial += 1
        baton.append(connection)
        if self._monitor.asleep:
            self._monitor.wake()
        try:
            response = context.run(run, request)
        except BaseException:  # noqa: BLE001 - around the view: whatever it raises, its client gets a response
            response = broken(call)
        try:
            baton.pop()
        except IndexError:
            tenure.handed.wait()
            self._responder.answer_from_outside(connection, response)
            return False
        self._responder.answer(connection, response)
        return True

    def let_go(self) -> None:
        """Send no response any more: this process is a child, forked by a view."""
        self._responder = _NoResponder()

    def _start_elsewhere(self, connection: Connection, call: Call) -> None:
        hub, request = self._hub, connection.request
        connection.phase, connection.since = RUNNING, hub.now
        request.context = self._new_context()
        if call.body_policy.sends_early_hints and can_send_early_hints(connection):
            request.cache_value(HINT_SENDER_KEY, partial(send_early_hints, connection, request))
        if call.lane is Lane.THREAD:
            if not self._pool.submit(self._run_in_thread, connection):
                connection.phase = IDLE
                self._responder.answer(connection, BUSY)
        elif hub.is_home():
            self._begin_task(connection)
        else:
            hub.loop.call_soon_threadsafe(self._begin_task, connection)

    def _run_in_thread(self, connection: Connection) -> None:
        call, request = connection.call, connection.request
        is_measured = self._lanes.is_to_be_measured(call)
        if is_measured:
            before = usage()
        try:
            response = request.context.run(call.run, request)
        except BaseException:  # noqa: BLE001 - around the view, as above
            response = broken(call)
        if is_measured:
            self._lanes.ran_in_thread(call, *before.until_now())
        self._responder.answer_from_outside(connection, response)

    def _begin_task(self, connection: Connection) -> None:
        task = self._hub.loop.create_task(self._run_as_task(connection), context=connection.request.context)
        at_work = self._loop_watch.at_work
        at_work[task] = connection
        task.add_done_callback(at_work.pop)
        if self._monitor.asleep and len(at_work) == 1:
            self._monitor.wake()

    async def _run_as_task(self, connection: Connection) -> None:
        try:
            response = await cast("Awaitable[Response]", connection.call.run(connection.request))
        except asyncio.CancelledError:
            if self._hub.is_closed:  # the loop ends, and its tasks with it
                raise
            # Nobody else of ours cancels a call: it cancelled itself, or waited for something that was cancelled.
            response = broken(connection.call)
        except BaseException:  # noqa: BLE001 - around the view, as above
            response = broken(connection.call)
        self._responder.answer_from_task(connection, response)

    async def _in_thread(self, act: Any, waits: bool) -> Any:  # noqa: FBT001 - the shape of POOL_RUNNER
        return await in_thread(act, self._hub.loop, self._pool, waits=waits)


def broken(call: Call) -> Response:
    """Answer for a call that broke its promise never to raise; called where that is caught."""
    log.error("%s raised where it must not; the client got a 500", call.name, exc_info=True)  # noqa: LOG014 - it is caught there
    return BROKEN
