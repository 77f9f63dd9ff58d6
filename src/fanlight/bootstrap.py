"""The first steps of a process of the command `fanlight`: signals end it, and its standard streams are open.

In: the command line. Out: handlers for SIGINT and SIGTERM, until the server installs its own (`server/shutdown.py`).
Loading the framework takes a few tenths of a second, in which process 1 of a container would ignore a signal without a
handler. A program that imports Fanlight keeps its own handlers.
"""

import contextlib
import gc
import io
import os
import sys
import threading
from collections.abc import Iterator
from types import FrameType

# In the environment of our own child processes, whatever program they run.
CHANNEL_VARIABLE = "_FANLIGHT_CHANNEL"  # of a worker: the descriptor of its channel
PREFLIGHT_VARIABLE = "_FANLIGHT_PREFLIGHT"  # of a child that tests whether the new code starts


def is_command() -> bool:
    """Return whether this is the command (`fanlight`, `python -m fanlight`), or a worker of a program."""
    arguments = sys.orig_argv
    by_module = (
        sys.argv[:1] == ["-m"] and "fanlight" in arguments[arguments.index("-m") + 1 : arguments.index("-m") + 2]
    )
    return by_module or os.path.basename(sys.argv[0]) == "fanlight" or CHANNEL_VARIABLE in os.environ  # noqa: PTH119 - pathlib is slow to load


def _exit(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)  # nothing was started yet


def exit_on_signals() -> None:
    """Let SIGINT and SIGTERM end the process, with the exit code that a shell reports: 130 or 143."""
    import signal  # noqa: PLC0415 - for the command; its enums take time to make

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _exit)


def open_streams() -> None:
    """Open descriptors 0, 1 and 2, and set `sys.stdin`, `sys.stdout` and `sys.stderr`, where they are missing.

    Otherwise the next socket or file that is opened would get such a number, and would be written to as a stream.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # returns the lowest free number: this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for as long as the process lives


def allow_any_text() -> None:
    """Escape characters that standard output can not encode, instead of raising: file names may contain anything."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Import modules without looking for garbage: there is next to none, and each look walks all that is loaded.

    What is loaded stays, so later looks leave it out.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


if getattr(sys, "argv", None) and is_command():
    exit_on_signals()
    open_streams()
    allow_any_text()
