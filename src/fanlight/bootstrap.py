"""What a process of the command `fanlight` does before all else: a signal ends it, and its standard streams are there.

In: what was typed. Out: handlers for SIGINT and SIGTERM, until the server has its own (`server/shutdown.py`). Loading
the framework takes a few tenths of a second; as process 1 of a container, which the system does not end by a signal for
which there is no handler, a stop would be lost in them. A program that imports Fanlight keeps its handlers as they are.
"""

import io
import os
import signal
import sys
import threading
from types import FrameType

CHANNEL = "_FANLIGHT_CHANNEL"  # in the environment of a worker, whatever program it runs


def is_command() -> bool:
    """Say whether this process is the command, as `fanlight`, as `python -m fanlight`, or as a worker of a program."""
    words = sys.orig_argv
    by_module = sys.argv[:1] == ["-m"] and "fanlight" in words[words.index("-m") + 1 : words.index("-m") + 2]
    return by_module or os.path.basename(sys.argv[0]) == "fanlight" or CHANNEL in os.environ  # noqa: PTH119 - pathlib is slow to load


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)  # nothing has begun yet


def listen() -> None:
    """Have SIGINT and SIGTERM end the process, as a shell counts it: exit code 130 or 143."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave)


def open_streams() -> None:
    """Have descriptors 0, 1 and 2 open, and `sys.stdin`, `sys.stdout` and `sys.stderr` there.

    One that was closed when we were started would be the next thing that is opened: a client's socket, or the database.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free: this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for as long as the process lives


def print_anything() -> None:
    """Have nothing that is printed raise an exception: names of files may be in any encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


if getattr(sys, "argv", None) and is_command():
    listen()
    open_streams()
    print_anything()
