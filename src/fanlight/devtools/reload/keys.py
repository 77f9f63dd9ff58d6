"""Read single keys from the terminal, and leave the terminal as it was found.

In: standard input, if it and standard output are a terminal. Out: each key as it is pressed. While keys are read the
terminal does not wait for Enter and does not show what is typed; Ctrl+C and Ctrl+Z mean what they always do. The
settings of the terminal are restored when the process ends, however that comes about, and while it is stopped; nothing
is read while it runs in the background. Where there is no terminal, or it can't be set, nothing is read.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

termios: ModuleType | None
try:
    import termios
except ImportError:  # on Windows
    termios = None

_SUSPENDS = getattr(signal, "SIGTSTP", None)
_CONTINUES = getattr(signal, "SIGCONT", None)
SIGNALS = tuple(each for each in (_SUSPENDS, _CONTINUES) if each is not None)
_STOPS = getattr(signal, "SIGSTOP", None)
_PIECE = 64


@contextlib.contextmanager
def without_suspension() -> Iterator[None]:
    """Start a process that Ctrl+Z can't stop: one that is stopped before it runs its program would never let us go on.

    This process is stopped as ever: another of its threads receives the signal.
    """
    if _SUSPENDS is None:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {_SUSPENDS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Keys:
    """The keys of the terminal that this process was started in."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None  # the settings of the terminal, while ours are in force
        self.is_there = termios is not None and _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
        self.fd = sys.stdin.fileno() if self.is_there else -1

    @property
    def is_reading(self) -> bool:
        """Whether keys come one by one."""
        return self._before is not None

    def begin(self) -> None:
        """Have keys come one by one; called again when the process continues."""
        if self.is_there and self._before is None and self._is_in_foreground():
            with contextlib.suppress(OSError, _error()):
                before = termios.tcgetattr(self.fd)  # type: ignore[union-attr]  # there is a terminal
                ours = [*before[:6], list(before[6])]
                ours[3] &= ~(termios.ICANON | termios.ECHO)  # type: ignore[union-attr]  # as above
                atexit.register(self.end)
                self._before = before
                termios.tcsetattr(self.fd, termios.TCSADRAIN, ours)  # type: ignore[union-attr]  # as above

    def end(self) -> None:
        """Restore the settings of the terminal; a second time does nothing."""
        before, self._before = self._before, None
        if before is not None and self._is_in_foreground():
            with contextlib.suppress(OSError, _error()):
                termios.tcsetattr(self.fd, termios.TCSANOW, before)  # type: ignore[union-attr]  # as above

    def suspend(self) -> None:
        """Stop the process as Ctrl+Z does, with the terminal as it was; returns when it continues."""
        self.end()
        if _STOPS is not None:
            os.kill(os.getpid(), _STOPS)

    def read(self) -> str | None:
        """Return the keys that were pressed; None at the end: the terminal is gone."""
        try:
            data = os.read(self.fd, _PIECE)
        except OSError:
            return None
        return data.decode("utf-8", "replace") if data else None

    def _is_in_foreground(self) -> bool:
        """Return whether the terminal is this process's to set: in the background that would stop the process."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return False


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _error() -> type[Exception]:
    return termios.error if termios is not None else OSError
