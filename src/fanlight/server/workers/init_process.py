"""What process 1 of a container does beside serving: it waits for orphans, whose parents have ended before them.

Out: where this process is number 1, the server goes on in a child, and this process passes signals on to it, waits for
all that end, and ends with it, by its exit code. A server can't do both: it would take from a view's `subprocess` the
exit status that the view waits for. Elsewhere nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
FOR_THIS_PROCESS = ("LISTEN_PID", "WATCHDOG_PID")  # variables that say which process is meant by others
SENT_BY_TERMINAL = 0x80  # SI_KERNEL: the child, of the same group, has got it as well


def serve_in_child() -> None:
    """Go on in a child if this is process 1; only the child returns."""
    if os.getpid() != 1 or not hasattr(signal, "sigwaitinfo") or threading.active_count() > 1 or _has_children():
        return
    numbers = {signal.SIGCHLD, *(getattr(signal, name) for name in PASSED_ON)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    sys.stdout.flush()
    child = os.fork()
    if child:
        os._exit(_wait(child, numbers))
    for name in FOR_THIS_PROCESS:
        if os.environ.get(name) == "1":
            os.environ[name] = str(os.getpid())
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _has_children() -> bool:
    """Say whether code of the site has started processes, which only this process can wait for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _wait(child: int, numbers: set[signal.Signals]) -> int:
    """Wait for the child's end, and for all that end before it; return its exit code, as a shell counts it."""
    while True:
        found = signal.sigwaitinfo(numbers)
        if found.si_signo != signal.SIGCHLD:
            if found.si_code != SENT_BY_TERMINAL:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, found.si_signo)
            continue
        pid = -1
        while pid:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
