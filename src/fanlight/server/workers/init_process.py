"""The init process of a container: as process 1, pass signals on and reap orphaned processes.

Out: as process 1, the server continues in a child, and this process passes signals on to it, reaps every process that
exits, and exits with the child's exit code. One process can't do both: it would collect the exit status that a view's
`subprocess` waits for. In any other process nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
PID_VARIABLES = ("LISTEN_PID", "WATCHDOG_PID")  # they name the process that the other variables are meant for
SENT_BY_TERMINAL = 0x80  # SI_KERNEL: the child, in the same group, has received it too


def serve_in_child() -> None:
    """Continue in a child if this is process 1; only the child returns."""
    if os.getpid() != 1 or not hasattr(signal, "sigwaitinfo") or threading.active_count() > 1 or _has_children():
        return
    numbers = {signal.SIGCHLD, *(getattr(signal, name) for name in PASSED_ON)}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    sys.stdout.flush()
    child = os.fork()
    if child:
        os._exit(_wait(child, numbers))
    for name in PID_VARIABLES:
        if os.environ.get(name) == "1":
            os.environ[name] = str(os.getpid())
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _has_children() -> bool:
    """Return whether site code has started processes, which only this process can wait for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _wait(child: int, numbers: set[signal.Signals]) -> int:
    """Reap processes until the child exits; return its exit code as a shell reports it."""
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
