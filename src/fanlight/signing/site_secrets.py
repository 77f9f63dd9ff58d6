"""The secrets of a site: those of the environment, or one that is made and kept in its state folder.

In: the environment; or the folder. Out: secrets, newest first. Refuses, as InvalidSetting, a weak one, and a file that
others can read. No message has a secret in it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from fanlight.errors import InvalidSetting
from fanlight.settings.sources import SECRET_VARIABLE
from fanlight.signing.weak_secrets import HOW_TO, weakness

NAME = "secret"  # of the file
MODE = 0o600
RANDOM_BYTES = 32
MAX_BYTES = 4096  # of a file
WAIT_SECONDS = 1.0  # for another process that makes the file just now, on a file system without links
_SEPARATORS = re.compile(r"[,\s]+")

log = logging.getLogger("fanlight.server")


def make_secret() -> str:
    """Return a new secret: 43 letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def read_secrets(environ: Mapping[str, str], *, may_be_weak: bool = False) -> list[str]:
    """Return the secrets of FANLIGHT_SECRET, newest first; [] if it is not set. Raises InvalidSetting for weak ones."""
    text = environ.get(SECRET_VARIABLE, "")
    found = [each for each in _SEPARATORS.split(text) if each]
    if (
        text and not found and not may_be_weak
    ):  # "$NEW,$OLD" of a script that has neither: another secret would sign all users out
        raise InvalidSetting(f"{SECRET_VARIABLE} has a separator, and no secret; {HOW_TO}")
    for number, each in enumerate(found, 1):
        if not may_be_weak and (why := weakness(each)):
            which = f"secret {number} of {len(found)} in {SECRET_VARIABLE}" if len(found) > 1 else SECRET_VARIABLE
            raise InvalidSetting(f"{which} {why}; {HOW_TO}")
    return found


def secret_of_folder(folder: Path) -> str:
    """Return the secret in a folder, which must exist; it is made if there is none. Raises InvalidSetting.

    Several processes that do so at the same time get the same one. The one that has made it logs where it is.
    """
    path = folder / NAME
    try:
        if not path.exists() and _make(path, make_secret()):
            log.warning("made a secret for signing: %s; to use it on another machine, set %s", path, SECRET_VARIABLE)
        return _read(path)
    except OSError as error:
        raise InvalidSetting(
            f"the secret for signing can't be kept in {folder}: {error.strerror or error};"
            f" set {SECRET_VARIABLE} ({HOW_TO}), or --state-folder to a folder that can be written"
        ) from None


def _make(path: Path, secret: str) -> bool:
    """Make the file, whole or not at all; return False if another process was faster."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}.")  # with MODE
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
        return _put(Path(draft), path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> bool:
    try:
        os.link(draft, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        return False
    except OSError:  # this file system has no links
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(draft.read_bytes())
    return True


def _read(path: Path) -> str:
    with path.open("rb") as file:
        # SECURITY: tests/signing/test_site_secrets.py: what others can read is no secret
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise InvalidSetting(
                f"{path} can be read by other users ({mode:o}); chmod 600 it, or delete it to get a new one"
            )
        until = time.monotonic() + WAIT_SECONDS
        while not (data := file.read(MAX_BYTES)).endswith(b"\n") and time.monotonic() < until:
            time.sleep(0.01)  # another process is writing it: there is no event to wait for
            file.seek(0)
    with contextlib.suppress(UnicodeDecodeError):
        secret = data.decode("ascii").strip()
        if not _SEPARATORS.search(secret) and not weakness(secret):
            return secret
    raise InvalidSetting(f"{path} does not contain a secret; {HOW_TO}, or delete the file to get a new one")
