"""What a forked child closes first: signal handlers, port, clients and poller belong to its parent.

A child of `os.fork()`, so of `multiprocessing` by default, has copies of all that is open, and its parent's signal
handlers. Without this a stop signal that is sent to the child would reach the parent, a connection that the parent
closes would stay open for its client, and the port would stay taken when the parent has ended.

In: `run_in_child(owner, act)`, from each object that has something open. Out: `act(owner)` is called in a child. It may
close the child's copies, and do nothing else: what it told the system about the shared sockets or the shared poller
(`shutdown`, EPOLL_CTL_DEL) would affect the parent. While a process forks, signals are blocked, so that none reaches a
child that would still pass it on. A program that is started (`subprocess`, "spawn") inherits nothing of this, as all of
it is close-on-exec.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fanlight.message import forked_child

Owner = TypeVar("Owner")
_at_fork: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


class _Forking(threading.local):
    """The signal mask of a thread that forks, to be restored afterwards."""

    mask: set[signal.Signals] | set[int] | None = None


_forking = _Forking()


def run_in_child(owner: Owner, act: Callable[[Owner], object]) -> None:
    """Have `act(owner)` called in each child that is forked while the owner lives."""
    forked_child.mark(is_child=False)
    _at_fork[owner] = act


def stop_loop_in_child(loop: asyncio.AbstractEventLoop) -> None:
    """Stop each child from running this event loop, which the calling thread runs: it would share the loop's poller."""
    home = threading.get_ident()

    def close_in_child(loop: asyncio.AbstractEventLoop) -> None:
        if threading.get_ident() != home or loop.is_closed():
            return
        # The queued calls belong to the parent. They are replaced by as many that end the child.
        waiting: Any = getattr(loop, "_ready", ())
        count = len(waiting) + 1
        if waiting:
            waiting.clear()
        for _ in range(count):
            loop.call_soon(forked_child.exit_process)

    run_in_child(loop, close_in_child)


def _before() -> None:
    if _at_fork:
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _after() -> None:
    mask, _forking.mask = _forking.mask, None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _in_child() -> None:
    if not _at_fork:
        return
    forked_child.mark(is_child=True)
    held = list(_at_fork.items())
    _at_fork.clear()
    with contextlib.suppress(ValueError):  # a process without a main thread: an interpreter within another program
        _forget_signals()
    for owner, act in held:
        with contextlib.suppress(Exception):  # a failure must not leave the others open
            act(owner)
    _after()


def _forget_signals() -> None:
    """Restore the default handling of the signals that we handle, and forget the descriptor that they write to."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if getattr(signal.getsignal(number), "__module__", "").startswith("fanlight."):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
