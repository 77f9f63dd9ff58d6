"""What the parent process of `fanlight dev` has a worker load, as it is sent over the channel."""

from __future__ import annotations

import subprocess
import sys

from msgspec import Struct

from fanlight.devtools.reload.problem import Problem
from fanlight.settings.options import Options


class Assignment(Struct, frozen=True, kw_only=True):
    """The site that a worker is to load, and how it is served."""

    site: str  # the argument of the command
    root: str  # the folder of the site
    env_file: str = ""
    options: Options
    folder: str  # the parent's temporary folder
    generation: int
    problem: Problem | None = None  # to be served on every URL, instead of a site


def worker_command() -> tuple[str, ...]:
    """Return the command that starts a worker, with the flags of this interpreter (-W, -X).

    With -P: the folder in which it is started is no place for modules, as with the command `fanlight` itself.
    """
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - multiprocessing uses it
    return (sys.executable, *flags, "-P", "-m", "fanlight.devtools")
