"""End a child process that was forked by code of the site, when that code returns: it must not serve requests.

`mark` is called in the child first of all. `exit_if_forked` is called after code of the site has returned or raised:
it does nothing in the process of the server, and ends a marked child.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

_HINT = (
    "fanlight: a process forked by code of the site has returned from that code. It ends here, because it must not"
    " serve requests. Call os._exit() in it, or use multiprocessing"
)


class _Process:
    is_child = False


_process = _Process()


def mark(*, is_child: bool) -> None:
    """Set whether this process is a child of a server; a child that starts a server of its own no longer is."""
    _process.is_child = is_child


def exit_if_forked() -> None:
    """End this process if it is such a child, with the exit code that Python would use."""
    if _process.is_child:
        exit_process()


def exit_process() -> NoReturn:
    """End this process with the code of the SystemExit that is being handled, 1 for another exception, else 0."""
    code = 0
    with contextlib.suppress(Exception):  # its streams may be closed
        code = _code_of(sys.exception())
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _code_of(error: BaseException | None) -> int:
    if error is None:
        print(_HINT, file=sys.stderr)  # noqa: T201 - for the operator
        return 0
    if not isinstance(error, SystemExit):
        import traceback  # noqa: PLC0415 - for an error

        traceback.print_exception(error)
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)  # noqa: T201 - as Python does
    return 1
