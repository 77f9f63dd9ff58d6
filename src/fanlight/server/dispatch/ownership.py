"""Which thread holds the hub, and how it changes hands.

One thread at a time serves all connections: the holder. Normally that is the thread of the event loop. Its stay is a
`Turn`, whose list `running` has at most one item, the connection whose view runs inline right now:

    SERVING   running is empty, `Ownership.turn` is this one    the holder polls, receives, parses, sends
    RUNNING   running holds a connection                        the holder is inside that connection's view
    TAKEN     running is empty                                  the stall detector has passed the hub on

    SERVING -> RUNNING    the holder appends before it calls the view
    RUNNING -> SERVING    the holder pops after the view: it still holds the hub
    RUNNING -> TAKEN      the stall detector pops: the holder finds the list empty, and from then on owns nothing but
                          that one connection, whose response it sends

`list.pop` is atomic, so exactly one of the two gets the item, however close the race, and a fast view needs no lock.
After TAKEN the loser waits for `handed_over`, so it can't touch its connection before that is marked RUNNING (else the
next holder might read from it too). A turn that was taken never serves again; the next holder has a new one.

When the loop's thread has lost the hub, a rescue thread serves. As soon as the loop's thread is free again it detaches
the poller from the event loop and asks for the hub (`give_back`, which posts `_release_to_loop`); the rescue thread
ends, and `_resume_on_loop` begins a new turn. In: functions for the holder, from any thread, by `post`. Knows nothing
of what the holder does.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.server.connection.phases import RUNNING
from fanlight.server.io.call_queue import CallQueue
from fanlight.server.io.poller import READ, Poller

if TYPE_CHECKING:
    from fanlight.server.connection.connection import Connection

NO_THREAD_PAUSE_SECONDS = 0.05


class Turn:
    """One thread's stay as holder of the hub."""

    __slots__ = ("__weakref__", "handed_over", "is_on_loop", "native_id", "running", "serial", "thread_id")

    def __init__(self, *, is_on_loop: bool) -> None:
        """Begin SERVING, in the thread of the event loop, which has to call this, or in a rescue thread."""
        self.running: list[Connection] = []
        self.thread_id, self.native_id = (threading.get_ident(), threading.get_native_id()) if is_on_loop else (0, 0)
        self.serial = (
            0  # how many views it has begun; PERF: benchmarks/stages.py: counted by `Dispatch`, without a call
        )
        self.is_on_loop = is_on_loop
        self.handed_over = threading.Event()

    def run(self, serve: Callable[[Turn], object]) -> None:
        """Serve in this thread; the whole life of a rescue thread."""
        self.thread_id, self.native_id = threading.get_ident(), threading.get_native_id()
        serve(self)


class Ownership:
    """The present turn of one hub, and what is to be done by its holder."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        poller: Poller,
        *,
        poll_once: Callable[[], None],
        run_in_rescue_thread: Callable[[Turn], None],
        resumed: Callable[[], None],
    ) -> None:
        """Begin with a turn of this thread, which is the loop's; made in a running loop.

        `poll_once` is called by the loop when something is ready, `run_in_rescue_thread` serves until the turn is over,
        and `resumed` is called when the loop's thread holds the hub again.
        """
        self.loop, self._poller = loop, poller
        self._poll_once, self._run_in_rescue_thread, self._resumed = poll_once, run_in_rescue_thread, resumed
        self.loop_thread_id = threading.get_ident()
        self.turn: Turn | None = Turn(is_on_loop=True)
        self.rescues = 0
        self.is_closed = False
        self._calls = CallQueue()
        self.post = self._calls.post  # have the holder call a function, soon; from any thread
        self._on_resume: list[Callable[[], object]] = []
        self.wakeup_fd = self._calls.fileno()
        poller.register(self.wakeup_fd, READ)
        poller.attach(loop, poll_once)

    def on_loop_thread(self) -> bool:
        """Whether this is the loop's thread, and it holds the hub."""
        turn = self.turn
        return turn is not None and turn.is_on_loop and threading.get_ident() == self.loop_thread_id

    def run_pending(self) -> bool:
        """Do what was posted; False once another thread has the hub. Only the holder may."""
        return self._calls.run_pending()

    def when_on_loop(self, act: Callable[[], object]) -> None:
        """Have the event loop call a function once its thread holds the hub, now or later; only the holder may."""
        if self.on_loop_thread():
            self.loop.call_soon_threadsafe(act)
        else:
            self._on_resume.append(act)

    def rescue(self, turn: Turn, connection: Connection) -> None:
        """Pass the hub on to a new thread; called by the stall detector, which has popped the connection of a turn."""
        connection.enter(RUNNING, time.monotonic())
        self.rescues += 1
        if turn.is_on_loop:
            self._poller.stop_mirroring()
        self.turn = fresh = Turn(is_on_loop=False)
        args = (self._run_in_rescue_thread,)
        while True:
            try:
                return threading.Thread(target=fresh.run, args=args, name="fanlight-rescue", daemon=True).start()
            except RuntimeError:  # the system has no thread left: better late than never
                time.sleep(NO_THREAD_PAUSE_SECONDS)

    def give_back(self) -> None:
        """Ask for the hub, in the loop's thread, which has lost it to a rescue thread and is free again."""
        self._poller.detach()
        if not self.is_closed:
            self.post(self._release_to_loop)

    def _release_to_loop(self) -> bool:
        """Hand the hub back to the event-loop thread; called once by the rescue thread before it ends."""
        if not self.is_closed:
            self.turn = None
            self.loop.call_soon_threadsafe(self._resume_on_loop)
        return False

    def _resume_on_loop(self) -> None:
        self.turn = Turn(is_on_loop=True)
        self._poller.attach(self.loop, self._poll_once)
        waiting, self._on_resume = self._on_resume, []
        for act in waiting:
            self.loop.call_soon(act)
        self._resumed()

    def stop(self) -> None:
        """End the turn of a rescue thread, if one serves; called in the loop's thread."""
        self.is_closed = True

    def close(self) -> None:
        """Stop polling, and give everything back."""
        self._poller.detach()
        self._poller.close()
        self._calls.close()
