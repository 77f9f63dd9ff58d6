"""Signals, heard even while the main thread is stuck, and whatever the site does with signals of its own.

In: which signals. Out: their numbers, by a bell that another thread waits at: the interpreter itself writes a number
there, at once, where a handler of Python's would have to wait for the main thread. A handler is there too: it makes the
interpreter write, and it rings the bell by itself where other code has taken the interpreter's one place for that
(`loop.add_signal_handler`, uvloop). What is displaced from that place still gets the signals that are not ours. A
forked child hears none of them: it would ring its parent's bell.
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
_hearing: Signals | None = None  # a process has one interpreter, and that has one place


class Signals:
    """Hears signals for this process, from `take` on."""

    def __init__(self, numbers: Sequence[int], in_main: Handler) -> None:
        """Prepare to hear these; `in_main` is called for each in the main thread, as soon as that can."""
        self.numbers = tuple(numbers)
        self._in_main = in_main
        self._in, self._out = socket.socketpair()
        for end in (self._in, self._out):
            end.setblocking(False)
        self._displaced: tuple[int, tuple[int, int]] | None = None  # a descriptor, and which file it was

    def take(self) -> list[str]:
        """Hear them, in the main thread; return the names of those for which other code had put a handler in place.

        To be called again after code of the site has run.
        """
        global _hearing  # noqa: PLW0603 - as above
        is_first = _hearing is not self
        _hearing = self
        run_in_child(self, Signals.forget)
        taken = []
        for number in self.numbers:
            if signal.getsignal(number) != self._on_signal:
                signal.signal(number, self._on_signal)
                taken.append(signal.Signals(number).name)
        self._has_place()
        self.unblock()
        return [] if is_first else taken

    def unblock(self) -> None:
        """Let the calling thread be one that the system hands a signal to, whatever the others block."""
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self.numbers)

    def wait(self, seconds: float | None) -> list[int]:
        """Return the numbers that have come, after so many seconds at the latest; `ring` ends the wait, too."""
        if not select.select([self._out], [], [], seconds)[0]:
            return []
        try:
            rung = self._out.recv(4096)
        except OSError:
            return []
        others = bytes(number for number in rung if number and number not in self.numbers)
        if others:
            self._pass_on(others)
        return [number for number in rung if number in self.numbers]

    def ring(self, number: int = 0) -> None:
        """Have `wait` return, with this number; from any thread."""
        with contextlib.suppress(OSError):  # it is full, so it rings
            self._in.send(bytes([number]))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._has_place():
            self.ring(number)
        self._in_main(number, frame)

    def _has_place(self) -> bool:
        """Take the interpreter's place; say whether it was ours already."""
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
            if _file_of(descriptor) == file:  # its number may be a client's by now
                os.write(descriptor, numbers)

    def forget(self) -> None:
        """Hear nothing any more: this is a child, in which `forks` has taken our handlers away."""
        global _hearing  # noqa: PLW0603 - as above
        _hearing = None
        self._in.close()
        self._out.close()


def _file_of(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
