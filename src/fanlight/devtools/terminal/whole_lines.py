"""Have what the site prints reach the terminal line by line.

In: the standard streams. Out: each is written when a line is complete, so that a line is never within one of another
writer, and is there at once, also in a pipe. Leaves alone a stream that the site has replaced.
"""

from __future__ import annotations

import io
import sys


def write_whole_lines() -> None:
    """Buffer standard output and standard error by lines, also if PYTHONUNBUFFERED is set."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)
