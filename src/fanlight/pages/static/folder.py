"""Open files of one folder, and of nothing outside it.

In: the names of the folders on the way to a file, and its own. Out: an open file and its status. Refuses, as NotServed,
a path that does not exist, that is no regular file, or that a symbolic link leads out of the folder. The folder could
change between a check and the opening, so the way to the file is opened folder by folder, without following links. An
error of the machine (too many open files, a broken disk) is an OSError.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path
from typing import NamedTuple

from fanlight.pages.static.file_names import is_hidden

log = logging.getLogger("fanlight.static")

MAX_LOGGED = 64
_MISSING = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
        *(errno.ENXIO, errno.ENODEV, errno.ESTALE),
    }
)
_AT_A_LINK = frozenset({errno.ELOOP, errno.ENOTDIR})  # of O_NOFOLLOW, alone and with O_DIRECTORY
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
# O_NONBLOCK: opening a named pipe would wait for its writer.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_WALK = _READ | _NO_LINK | getattr(os, "O_DIRECTORY", 0)
_CAN_WALK = os.open in os.supports_dir_fd and bool(_NO_LINK)


class NotServed(Exception):
    """A path for which clients get 404; `is_folder`: it is a folder."""

    def __init__(self, *, is_folder: bool = False) -> None:
        super().__init__()
        self.is_folder = is_folder


class Opened(NamedTuple):
    """An open file, its path with all links resolved, and its status."""

    descriptor: int
    path: str
    status: os.stat_result


class StaticFolder:
    """One folder from which files are served; symbolic links in it may lead to files in it."""

    def __init__(self, root: Path) -> None:
        """Take a folder that exists; links in its path are resolved."""
        self.root = os.path.realpath(root)
        self._start = self.root.rstrip(os.sep) + os.sep
        self._logged: set[str] = set()

    def open(self, names: list[str]) -> Opened:
        """Open a file for reading. Raises NotServed or OSError."""
        path = self.path_of(names)
        try:
            # PERF: benchmarks/static.py: looking for links takes four times as long as opening, and mostly finds none
            opened = self._walk(path, names) if _CAN_WALK else None
            return self._open_resolved(path) if opened is None else opened
        except OSError as error:
            if error.errno in _FORBIDDEN:
                self._log_once(path, f"can't be read: {error.strerror}")
                raise NotServed from None
            if error.errno in _MISSING:
                raise NotServed from None
            raise
        except ValueError:  # a name that no system has
            raise NotServed from None

    def path_of(self, names: list[str]) -> str:
        """Return the path of a file, with links on the way to it that are not resolved."""
        return self._start + os.sep.join(names)  # noqa: PTH118 - on the way of requests

    def _open_resolved(self, path: str) -> Opened:
        """Open a file after resolving the links on the way to it."""
        os.stat(path)  # noqa: PTH116 - as above; a missing file mostly ends here
        # SECURITY: tests/pages/static/test_folder.py: links are resolved first, and not followed afterwards
        real = os.path.realpath(path)
        inside = os.path.relpath(real, self.root).split(os.sep)  # noqa: PTH206 - as above
        if not real.startswith(self._start) or is_hidden(inside):
            self._log_once(path, "is a symbolic link to a file that is not served")
            raise NotServed
        opened = self._walk(real, inside) if _CAN_WALK else _open_and_compare(real)
        if opened is None:  # a link was put there meanwhile
            raise NotServed
        return opened

    def reopen(self, path: str) -> Opened:
        """Open a file by its resolved path; the caller checks that it is still the same. Raises OSError."""
        descriptor = os.open(path, _READ | _NO_LINK)
        return _checked(descriptor, path)

    def _walk(self, real: str, inside: list[str]) -> Opened | None:
        """Open each folder on the way relative to the one before, so that no link is followed; None at a link."""
        way = [self._start + inside[0], *inside[1:]]
        folder: int | None = None
        try:
            for name in way[:-1]:
                inner = os.open(name, _WALK, dir_fd=folder)
                if folder is not None:
                    os.close(folder)
                folder = inner
            # Checked before it is opened as well: opening a device may have an effect.
            status = os.stat(way[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                return None
            _check_kind(status)
            return _checked(os.open(way[-1], _READ | _NO_LINK, dir_fd=folder), real)
        except OSError as error:
            if error.errno in _AT_A_LINK:
                return None
            raise
        finally:
            if folder is not None:
                os.close(folder)

    def _log_once(self, path: str, why: str) -> None:
        """Log a file that exists and is not served, once: its requests could otherwise fill the log."""
        if path not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(path)
            log.warning("%r %s; the response is 404", path, why)


def _checked(descriptor: int, path: str) -> Opened:
    try:
        status = os.fstat(descriptor)
        _check_kind(status)
    except BaseException:
        os.close(descriptor)
        raise
    return Opened(descriptor, path, status)


def _check_kind(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotServed(is_folder=stat.S_ISDIR(status.st_mode))


def _open_and_compare(real: str) -> Opened:
    """Open a file on systems without `dir_fd` (Windows), and check that the path still leads to it."""
    _check_kind(os.lstat(real))
    opened = _checked(os.open(real, _READ), real)
    if os.path.realpath(real) == real and os.path.samestat(os.lstat(real), opened.status):
        return opened
    os.close(opened.descriptor)
    raise NotServed
