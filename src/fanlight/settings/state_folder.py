"""The state folder of a site: it holds the site's secret and its store.

In: the setting, the environment, the folder of the site. Out: the path; and the folder, made when it is needed.
Refuses, as InvalidSetting, a folder that can't be made, and one that other users can write to: they could replace the
secret.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from fanlight.errors import InvalidSetting

MODE = 0o700
_MAX_NAME = 50  # characters of the site's folder that are part of the name
_HOW_TO = "--state-folder names another"


def state_folder_of(given: str, environ: Mapping[str, str], site_folder: str | Path) -> Path:
    """Return the path of the state folder; nothing is made. Raises InvalidSetting if the user has no home folder.

    It is what the setting says, else the folder that systemd has made (StateDirectory=), else one below the user's
    state folder, whose name is made of the path of the site: give the path as it was typed, because a link like
    `current -> releases/7` is still the same site tomorrow.
    """
    if given:
        return Path(given)
    if of_service := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(of_service)
    below = environ.get("XDG_STATE_HOME", "")
    if not Path(below).is_absolute():  # the specification says that a relative one is ignored
        try:
            below = str(Path.home() / ".local" / "state")
        except RuntimeError:
            raise InvalidSetting("the user has no home folder for the state of the site; add --state-folder") from None
    path = str(site_folder)
    import hashlib  # noqa: PLC0415 - for a site that has a state folder

    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    return Path(below, "fanlight", f"{Path(path).name[:_MAX_NAME]}-{digest}")


def make_state_folder(folder: Path) -> Path:
    """Return the folder, which is made if it is missing, for this user alone. Raises InvalidSetting."""
    try:
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise InvalidSetting(f"the state folder {folder} can't be made: {error.strerror or error}; {_HOW_TO}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidSetting(f"the state folder {folder} can't be written by this user; {_HOW_TO}")
    # SECURITY: tests/settings/test_state_folder.py: another user could replace the secret
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o002:
        raise InvalidSetting(f"the state folder {folder} can be written by every user; chmod o-w it, or {_HOW_TO}")
    return folder
