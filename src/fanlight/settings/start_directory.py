"""The folder in which the process was started, by the path that was used.

Out: `$PWD`, if it names the current folder, else its real path. A folder behind a link (`current -> releases/7`) keeps
the link's path, so a worker that is started later gets what the link names by then. None if the folder was removed.
"""

from __future__ import annotations

import os
from pathlib import Path

from fanlight.errors import InvalidSetting


def here() -> str | None:
    """Return the path of the current folder, None if it was removed."""
    try:
        path = Path.cwd()
    except OSError:
        return None
    named = Path(os.environ.get("PWD", ""))
    try:
        return str(named if named.is_absolute() and named.samefile(path) else path)
    except OSError:
        return str(path)


def as_started(folder: Path) -> Path:
    """Return the path of a folder in or below the one in which the process was started, by the path that was used.

    The current folder may have changed since. Any other folder is returned as it is.
    """
    started = Path(os.environ.get("PWD", ""))
    try:
        below = folder.relative_to(started.resolve()) if started.is_absolute() else None
    except (ValueError, OSError, RuntimeError):  # it is somewhere else; or a loop of links
        return folder
    return folder if below is None else started / below


def absolute(path: str) -> str:
    """Return an absolute path. Raises InvalidSetting if the current folder was removed."""
    folder = here()
    if Path(path).is_absolute():
        folder = "/"
    elif folder is None:
        raise InvalidSetting(
            f"the current folder was removed, so {path} can't be found; change to another folder,"
            " or give absolute paths"
        )
    elif os.pardir in Path(path).parts:
        folder = str(Path.cwd())  # the parent of a linked folder is that of its target
    return os.path.normpath(Path(folder, path))


def short_path(path: str | Path) -> str:
    """Return a path as one would type it: relative to the current folder, where it is below that."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # not below the current folder, or that was removed
        return str(path)
