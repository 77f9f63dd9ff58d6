"""The folder in which we were started, by the name under which we were started.

Out: `$PWD`, where that names this folder, else its path. A folder behind a link (`current -> releases/7`) is found by
the link: what is started there later begins in what the link names then. None where the folder is gone.
"""

from __future__ import annotations

import os
from pathlib import Path

from fanlight.errors import InvalidSetting


def here() -> str | None:
    """Return the path of the current folder, None if it has been removed."""
    try:
        path = Path.cwd()
    except OSError:
        return None
    named = Path(os.environ.get("PWD", ""))
    try:
        return str(named if named.is_absolute() and named.samefile(path) else path)
    except OSError:
        return str(path)


def absolute(path: str) -> str:
    """Return a path as seen from here. Raises InvalidSetting where there is no folder any more."""
    folder = here()
    if Path(path).is_absolute():
        folder = "/"
    elif folder is None:
        raise InvalidSetting(
            f"the folder in which this was started is gone, so {path} can't be found; cd to one that is there,"
            " or write whole paths"
        )
    elif os.pardir in Path(path).parts:
        folder = str(Path.cwd())  # what is above a link's folder is above what it names
    return os.path.normpath(Path(folder, path))
