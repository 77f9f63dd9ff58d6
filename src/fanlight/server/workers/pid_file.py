"""The pid file: it holds the process id of the running server.

In: a path. Out: the file, locked while the server runs. The lock, not the number, shows whether the server of a file is
running: on a shared volume the number may come from another container, and may by now be another program's, or ours.
Refuses, as AddressUnavailable, the file of a running server, and, as InvalidSetting, a path that can't be written or
holds anything else. Removes no file but its own.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Self

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.io.forks import run_in_child

_MAX_BYTES = 32  # of a number and a newline


class PidFile:
    """`with PidFile("/run/site.pid"):` the file is there, and holds our process id; for "" there is none."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).absolute() if path else Path()  # the site may change the working directory
        self._is_wanted = bool(path)
        self._locked: int | None = None  # the descriptor of our file, which holds the lock

    def __enter__(self) -> Self:
        """Write our process id, atomically. Raises AddressUnavailable or InvalidSetting."""
        if self._is_wanted:
            self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _write(self) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)
            with draft.open("x") as file:  # never through a link placed in a shared folder
                file.write(f"{os.getpid()}\n")
            lock = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _is_locked(lock)
                self._take(draft)
                self._locked, lock = lock, -1
                run_in_child(self, PidFile.unlock)  # a forked child would keep the lock
            finally:
                draft.unlink(missing_ok=True)
                if lock != -1:
                    os.close(lock)
        except OSError as error:
            raise InvalidSetting(f"the pid file {self._path} can't be written: {error.strerror or error}") from None

    def remove(self) -> None:
        """Remove the file, if it is still ours."""
        if self._locked is None:
            return
        with contextlib.suppress(OSError):
            if self._owner() == os.getpid():
                self._path.unlink()
        self.unlock()

    def unlock(self) -> None:
        """Release the lock."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def _take(self, draft: Path) -> None:
        """Put the draft in its place, unless a running server's file is there."""
        with contextlib.suppress(OSError):  # it exists, or the file system has no links
            os.link(draft, self._path)  # unlike a rename it never replaces a file: of two servers that start, one wins
            return
        owner = self._owner()
        with self._path.open("rb") as file:
            if owner != os.getpid() and _is_locked(file.fileno()):
                raise AddressUnavailable(
                    f"{self._path} belongs to process {owner}, which is running; stop it, or choose another --pid-file"
                )
            draft.replace(self._path)  # under the lock: of two servers that find it stale, one wins

    def _owner(self) -> int | None:
        """Return the process id in the file, None if there is none. Raises InvalidSetting for something else."""
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES + 1).strip()
        except FileNotFoundError:
            return None
        if not text:
            return None  # its writer was interrupted
        if not text.isdigit() or len(text) > _MAX_BYTES:
            raise InvalidSetting(f"{self._path} exists and is not a pid file; choose another --pid-file")
        return int(text)


def _is_locked(descriptor: int) -> bool:
    """Lock an open file until its descriptor is closed; return True if another process holds the lock."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # this file system has no locks
        return False
    return False
