"""Where in the site's code a thread is, for code that does not come to its end.

In: the id of a thread. Out: a place like "main.py:7": the innermost frame of the site's own code.
"""

from __future__ import annotations

import sys

from fanlight.tracebacks.owners import owner_of, shown_path


def site_position(thread_id: int, folder: str) -> str:
    """Return the place in the code of a site in a folder; "" if the thread runs none of it."""
    frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented
    while frame is not None:
        file = frame.f_code.co_filename
        if not owner_of(file, folder):
            return f"{shown_path(file, folder)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
