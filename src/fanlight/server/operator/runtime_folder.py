"""Where control sockets are: one file for each running server, in a folder that is its user's alone.

In: a process id. Out: the path of its control socket; or the paths of all that are there. The folder is
$XDG_RUNTIME_DIR/fanlight, else /run/user/<id>/fanlight, else one for temporary files. Whoever can write
to such a folder could put a socket of his own there, and be told what an operator asks; so a folder
that is somebody else's, or open to others, is refused.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path

from fanlight.errors import InvalidSetting

NAME = "fanlight"
SUFFIX = ".sock"
MODE = 0o700
_PROCESS = re.compile(rf"[0-9]{{1,18}}{re.escape(SUFFIX)}")


def control_path(pid: int) -> Path:
    """Return where the control socket of a process belongs; the folder is made. Raises InvalidSetting."""
    folder = _folder()
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(f"no control socket can be made in {folder}: {error.strerror}; --control none") from None
    wrong = _what_is_wrong_with(folder)
    if wrong:
        raise InvalidSetting(f"no control socket can be made in {folder}: {wrong}")
    return folder / f"{pid}{SUFFIX}"


def running() -> list[Path]:
    """Return the control sockets of this user that are there; the server that made one may have ended since.

    Raises InvalidSetting where there is no folder for them.
    """
    folder = _folder()
    if not folder.is_dir() or _what_is_wrong_with(folder):
        return []
    found = [each for each in folder.iterdir() if _PROCESS.fullmatch(each.name)]
    return sorted(found, key=lambda path: int(path.stem))


def _folder() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and Path(given).is_absolute():
        return Path(given) / NAME
    users = Path(f"/run/user/{_user_id()}")
    if users.is_dir() and os.access(users, os.W_OK):
        return users / NAME
    try:
        temporary = tempfile.gettempdir()
    except OSError:
        raise InvalidSetting(
            "no folder can be written in which control sockets are kept; set XDG_RUNTIME_DIR or TMPDIR to one,"
            " or leave them out: --control none"
        ) from None
    return Path(temporary) / f"{NAME}-{_user_id()}"


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _what_is_wrong_with(folder: Path) -> str:
    """Say why a folder can't be trusted, "" if it can."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is no folder"
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return "it is somebody else's"
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        return "others may enter it; chmod 700 it"
    return ""
