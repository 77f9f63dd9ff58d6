"""Whether SIGHUP means that the terminal was closed, or that new code is to be loaded.

In: the process. Out: whether its terminal has hung up. The number of a signal does not show why it was sent; but the
system takes a terminal that hangs up away from its processes first. Under `nohup` that ends no process.
"""

from __future__ import annotations

import os
import signal

HANGS_UP = getattr(signal, "SIGHUP", None)


class Terminal:
    """The terminal of this process, if it has one."""

    def __init__(self) -> None:
        """Look whether there is one; called before a handler for SIGHUP is installed."""
        self._is_there = _is_there()
        self.is_outlived = HANGS_UP is not None and signal.getsignal(HANGS_UP) is signal.SIG_IGN

    def has_hung_up(self) -> bool:
        """Return True once, at the first call after the terminal has gone: a later SIGHUP means something else."""
        was_there, self._is_there = self._is_there, _is_there()
        return was_there and not self._is_there


def _is_there() -> bool:
    if HANGS_UP is None:
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
