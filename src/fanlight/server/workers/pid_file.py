"""The file that says which process we are, for those who send signals.

In: a path. Out: the file, while we run, and locked: whether the server of a file lives is known by its lock. Its number
alone tells nothing: on a volume it may be of another container, and another program's by now, or ours. Refuses, as
AddressUnavailable, a path that a living server has taken, and, as InvalidSetting, one that can't be written or holds
something else. Removes no file but its own.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.io.forks import run_in_child

_MOST_BYTES = 32  # of a number and a line's end


class PidFile:
    """`with PidFile("/run/site.pid"):` the file is there, and holds our process id."""

    def __init__(self, path: str) -> None:
        """Take a path; nothing is read or written yet."""
        self._path = Path(path).absolute()  # a site changes to its folder
        self._locked: int | None = None  # the descriptor of our file, which holds the lock

    def __enter__(self) -> Self:
        """Write the file. Raises AddressUnavailable or InvalidSetting."""
        self.write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the file."""
        self.remove()

    def write(self) -> None:
        """Write our process id: whoever reads the file finds all of it. Raises AddressUnavailable or InvalidSetting."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)
            with draft.open("x") as file:  # never through a link that somebody has laid in a folder for all
                file.write(f"{os.getpid()}\n")
            lock = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _is_locked(lock)
                self._take(draft)
                self._locked, lock = lock, -1
                run_in_child(self, PidFile.unlock)  # a child would keep the lock when we are gone
            finally:
                draft.unlink(missing_ok=True)
                if lock != -1:
                    os.close(lock)
        except OSError as error:
            raise InvalidSetting(f"the pid file {self._path} can't be written: {error.strerror or error}") from None

    def remove(self) -> None:
        """Remove the file, if it is still ours."""
        with contextlib.suppress(OSError):
            if self._owner() == os.getpid():
                self._path.unlink()
        self.unlock()

    def unlock(self) -> None:
        """Give the lock back."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def _take(self, draft: Path) -> None:
        """Put the draft in its place, if nobody who lives is there."""
        with contextlib.suppress(OSError):  # it is there, or the file system has no links
            os.link(draft, self._path)  # unlike a rename, it never takes another's place: of two who start, one wins
            return
        owner = self._owner()
        with self._path.open("rb") as file:
            if owner != os.getpid() and _is_locked(file.fileno()):
                raise AddressUnavailable(
                    f"{self._path} belongs to process {owner}, which is alive; stop it, or choose another --pid-file"
                )
            draft.replace(self._path)  # under the lock: of two processes that find it stale, one wins

    def _owner(self) -> int | None:
        """Return the process id in the file, None if there is none. Raises InvalidSetting for something else."""
        try:
            with self._path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1).strip()
        except FileNotFoundError:
            return None
        if not text:
            return None  # who wrote it did not get far
        if not text.isdigit() or len(text) > _MOST_BYTES:
            raise InvalidSetting(
                f"{self._path} is there and is no pid file; it is left alone. Choose another --pid-file"
            )
        return int(text)


def pid_file(path: str) -> contextlib.AbstractContextManager[PidFile | None]:
    """Return what keeps a pid file, or nothing for an empty path."""
    return PidFile(path) if path else contextlib.nullcontext()


def _is_locked(descriptor: int) -> bool:
    """Lock an open file until its descriptor is closed; True if another process has done so."""
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
