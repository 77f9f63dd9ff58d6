"""Print an exception that ends the process, as the lifespan's does: the site's frames first.

In: what Python passes to `sys.excepthook`. Out: lines on stderr. Ctrl+C is printed as Python does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from fanlight.tracebacks.lines import folded_text


def print_folded(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception with the frames of the site in the current folder."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    try:
        folder = Path.cwd()  # that of the site, since it was loaded
    except OSError:  # it has been deleted
        folder = Path()
    print(folded_text(error.with_traceback(trace), folder), file=sys.stderr)
