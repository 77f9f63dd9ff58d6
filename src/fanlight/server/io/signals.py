"""Receive signals while the main thread is stuck, and beside the signal handlers of the site.

In: which signals. Out: their numbers, by a pair of sockets that another thread waits on: the interpreter itself writes
a number there at once (`signal.set_wakeup_fd`), where a Python handler would have to wait for the main thread. There is
a handler as well: it makes the interpreter write, and it writes by itself where other code has taken the interpreter's
one descriptor for that (`loop.add_signal_handler`, uvloop). Code whose descriptor was displaced still gets the signals
that are not ours. A forked child receives none: it would write to its parent's sockets.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from types import FrameType

from fanlight.server.io.forks import run_in_child

Handler = Callable[[int, FrameType | None], object]
_installed: Signals | None = None  # the interpreter has one wake-up descriptor


class Signals:
    """Receives signals for this process, from `install` on."""

    def __init__(self, numbers: Sequence[int], in_main: Handler) -> None:
        """Prepare; `in_main` is called for each signal in the main thread, as soon as that can."""
        self.numbers = tuple(numbers)
        self._in_main = in_main
        self._in, self._out = socket.socketpair()
        for end in (self._in, self._out):
            end.setblocking(False)
        self._displaced: tuple[int, tuple[int, int]] | None = None  # a descriptor, and which file it was

    def install(self) -> list[str]:
        """Install our handlers, in the main thread; return the names of those that other code had replaced.

        To be called again after code of the site has run.
        """
        global _installed  # noqa: PLW0603 - as above
        is_first = _installed is not self
        _installed = self
        run_in_child(self, Signals.close_in_child)
        taken = []
        for number in self.numbers:
            if signal.getsignal(number) != self._on_signal:
                signal.signal(number, self._on_signal)
                taken.append(signal.Signals(number).name)
        self._take_wakeup_fd()
        self.unblock()
        return [] if is_first else taken

    def unblock(self) -> None:
        """Unblock the signals in the calling thread, so that the system can deliver them to it."""
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self.numbers)

    def wait(self, seconds: float | None) -> list[int]:
        """Return the numbers of the signals received; after so many seconds, or a `wake`, there may be none."""
        if not select.select([self._out], [], [], seconds)[0]:
            return []
        try:
            received = self._out.recv(4096)
        except OSError:
            return []
        others = bytes(number for number in received if number and number not in self.numbers)
        if others:
            self._pass_on(others)
        return [number for number in received if number in self.numbers]

    def wake(self, number: int = 0) -> None:
        """Have `wait` return, with this number; from any thread."""
        with contextlib.suppress(OSError):  # the buffer is full, so `wait` returns anyway
            self._in.send(bytes([number]))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._take_wakeup_fd():
            self.wake(number)
        self._in_main(number, frame)

    def _take_wakeup_fd(self) -> bool:
        """Make the interpreter write to our socket; return whether it did already."""
        ours = self._in.fileno()
        before = signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
        if before not in (-1, ours):
            self._displaced = (before, _file_of(before))
        return before == ours

    def _pass_on(self, numbers: bytes) -> None:
        if self._displaced is None:
            return
        descriptor, file = self._displaced
        with contextlib.suppress(OSError):
            if _file_of(descriptor) == file:  # its number may belong to a client by now
                os.write(descriptor, numbers)

    def close_in_child(self) -> None:
        """Receive nothing any more: this is a child, in which `forks` has removed our handlers."""
        global _installed  # noqa: PLW0603 - as above
        _installed = None
        self._in.close()
        self._out.close()


def _file_of(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
