"""Signals, heard even while the main thread is stuck in a view.

In: which signals, and whom to tell. Out: each is told to the holder of the hub, by the bell of its
inbox: the interpreter itself writes the number there, at once, where a handler of Python's would have
to wait for the main thread. Before there is a hub, and where somebody else has taken the
interpreter's one place for that (an event loop with signal handlers of its own), the handlers do it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from fanlight.server.inbox import Inbox


class Signals:
    """Hears signals for a server."""

    def __init__(self, numbers: tuple[int, ...], told: Callable[[int], object]) -> None:
        """Hear these signals, and tell `told` of each."""
        self._numbers, self._told = numbers, told
        self._inbox: Inbox | None = None

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them from now on; only the main thread may say so, in others nothing happens."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self._on_signal) for each in self._numbers}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @contextlib.contextmanager
    def heard_by(self, inbox: Inbox) -> Iterator[None]:
        """Have the holder of the hub told, by its inbox."""
        inbox.on_signal = self._told_by_bell
        self._inbox = inbox
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(inbox.wakeup_fd, warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)  # the place is taken
        try:
            yield
        finally:
            self._inbox = None
            if before == -1 and self._has_place(inbox):
                signal.set_wakeup_fd(-1)

    def _told_by_bell(self, number: int) -> None:
        if number in self._numbers:
            self._told(number)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        inbox = self._inbox
        if inbox is None:
            self._told(number)
        elif not self._has_place(inbox):
            inbox.post(self._told, number)

    def _has_place(self, inbox: Inbox) -> bool:
        """Say whether the interpreter writes to our bell."""
        place = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(place, warn_on_full_buffer=False)
        return place == inbox.wakeup_fd
