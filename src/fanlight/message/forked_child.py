"""A child process that code of the site has forked: it is no second server, and ends where that code ends.

In: `mark`, in the child, as its first act. Out: `exit_if_forked`, called where code of the site has returned or raised:
it does nothing in the process of the server, and ends a marked child.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import NoReturn

_HINT = (
    "fanlight: a process that was forked by code of the site has come back from that code, and ends here:"
    " it is no second server. Call os._exit() in it, or use multiprocessing"
)


class _Process:
    is_child = False


_process = _Process()


def mark(*, is_child: bool) -> None:
    """Note whether this process is a child of one that serves; one that begins to serve by itself is none any more."""
    _process.is_child = is_child


def exit_if_forked() -> None:
    """End this process if it is such a child; with the exit code of what is handled, as Python would end a program."""
    if _process.is_child:
        leave()


def leave() -> NoReturn:
    """End this process: with the code of a SystemExit that is being handled, with 1 for another exception, else 0."""
    code = 0
    with contextlib.suppress(Exception):  # its streams may be closed, and it ends whatever it can't write
        code = _code_of(sys.exception())
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _code_of(error: BaseException | None) -> int:
    if error is None:
        print(_HINT, file=sys.stderr)  # noqa: T201 - for the operator
        return 0
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)  # noqa: T201 - as Python does
    return 1
