"""The runtime folder: it holds one control socket for each running server of a user.

In: a process id. Out: the path of its control socket; or the paths of all control sockets. The folder is
$XDG_RUNTIME_DIR/fanlight, else /run/user/<id>/fanlight, else one in the folder for temporary files. Another
user with write access could place a socket there and receive an operator's queries; so a folder that belongs to
another user, or is open to others, is refused.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern

NAME = "fanlight"
SUFFIX = ".sock"
MODE = 0o700
_PROCESS = lazy_pattern(rf"[0-9]{{1,18}}{re.escape(SUFFIX)}")


def control_path(pid: int) -> Path:
    """Return the path for the control socket of a process; the folder is created. Raises InvalidSetting."""
    return runtime_folder() / f"{pid}{SUFFIX}"


def runtime_folder() -> Path:
    """Return the folder, which is created. Raises InvalidSetting if there can't be one that is ours alone."""
    folder = _folder()
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(
            f"no control socket can be created in {folder}: {error.strerror}; --control none omits it"
        ) from None
    if problem := _problem_with(folder):
        raise InvalidSetting(f"no control socket can be created in {folder}: {problem}")
    return folder


def control_paths() -> list[Path]:
    """Return the control sockets of this user; the server of one may have exited since.

    Raises InvalidSetting where no folder can be used.
    """
    folder = _folder()
    if not folder.is_dir() or _problem_with(folder):
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
    return Path(_temporary_folder()) / f"{NAME}-{_user_id()}"


def _temporary_folder() -> str:
    """Return the folder for temporary files: the usual one, or what tempfile finds, which loads three compressors."""
    usual = next((given for name in ("TMPDIR", "TEMP", "TMP") if (given := os.environ.get(name))), "/tmp")  # noqa: S108 - a folder of our own is made in it
    if Path(usual).is_absolute() and os.access(usual, os.W_OK | os.X_OK) and Path(usual).is_dir():
        return usual
    import tempfile  # noqa: PLC0415 - see above

    try:
        return tempfile.gettempdir()
    except OSError:
        raise InvalidSetting(
            "no folder for control sockets can be written to; set XDG_RUNTIME_DIR or TMPDIR,"
            " or omit the sockets: --control none"
        ) from None


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _problem_with(folder: Path) -> str:
    """Return why a folder can't be trusted, "" if it can."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a folder"
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return "it belongs to another user"
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        return "it is open to other users; chmod 700 it"
    return ""
