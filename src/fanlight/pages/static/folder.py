"""Open files of one folder, and of nothing outside it.

In: the names of a file, one for each folder on the way. Out: an open file, and what it is. Refuses, as NotServed,
what is not there, what is no regular file, and what a symbolic link has led out of the folder to. What was
opened is safe, not what was looked at: the way to it is walked link-free, folder by folder. An error of the
machine (too many open files, a broken disk) is an OSError.
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
_ABSENT = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
        *(errno.ENXIO, errno.ENODEV, errno.ESTALE),
    }
)
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
# Without waiting: a named pipe would have us wait for whoever writes to it.
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
    """There is no such file, as far as a visitor is told; `is_folder`: there is a folder."""

    def __init__(self, *, is_folder: bool = False) -> None:
        """Say whether it is a folder."""
        super().__init__()
        self.is_folder = is_folder


class Opened(NamedTuple):
    """An open file, where it really is, and what it is."""

    descriptor: int
    path: str
    status: os.stat_result


class StaticFolder:
    """One folder from which files are served; symbolic links in it may lead to what is in it."""

    def __init__(self, root: Path) -> None:
        """Take a folder that is there, by its real place."""
        self.root = os.path.realpath(root)
        self._told: set[str] = set()

    def open(self, names: list[str]) -> Opened:
        """Open a file to be read. Raises NotServed, or OSError."""
        path = os.path.join(self.root, *names)  # noqa: PTH118 - on the way of requests
        try:
            os.stat(path)  # noqa: PTH116 - as above; what is not there is mostly found out at once
            # SECURITY: tests/pages/static/test_folder.py: links are resolved first, and not followed then
            real = os.path.realpath(path)
            inside = os.path.relpath(real, self.root).split(os.sep)  # noqa: PTH206 - as above
            if not self._is_inside(real) or is_hidden(inside):
                self._log_once(path, "is a symbolic link to what is not served")
                raise NotServed
            return self._walk(real, inside) if _CAN_WALK else _open_and_compare(real)
        except OSError as error:
            if error.errno in _FORBIDDEN:
                self._log_once(path, f"can't be read: {error.strerror}")
                raise NotServed from None
            if error.errno in _ABSENT:
                raise NotServed from None
            raise
        except ValueError:  # a name that no system has
            raise NotServed from None

    def reopen(self, path: str) -> Opened:
        """Open a file where it was found before; who asks compares whether it is still the same. Raises OSError."""
        descriptor = os.open(path, _READ | _NO_LINK)
        return _checked(descriptor, path)

    def _is_inside(self, real: str) -> bool:
        return real.startswith(self.root.rstrip(os.sep) + os.sep)

    def _walk(self, real: str, inside: list[str]) -> Opened:
        """Open each folder on the way from within the one before, so that no link is followed."""
        folder = os.open(self.root, _WALK)
        try:
            for name in inside[:-1]:
                inner = os.open(name, _WALK, dir_fd=folder)
                os.close(folder)
                folder = inner
            # Asked before it is opened too: to open a device can mean something to it.
            _check_kind(os.stat(inside[-1], dir_fd=folder, follow_symlinks=False))
            return _checked(os.open(inside[-1], _READ | _NO_LINK, dir_fd=folder), real)
        finally:
            os.close(folder)

    def _log_once(self, path: str, why: str) -> None:
        """Log a file that is there and not served, once: whoever asks for it could else fill the log."""
        if path not in self._told and len(self._told) < MAX_LOGGED:
            self._told.add(path)
            log.warning("%r %s; its visitors get 404", path, why)


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
    """Open a file where folders can't be walked (Windows), and see that it is the one that stands there."""
    _check_kind(os.lstat(real))
    opened = _checked(os.open(real, _READ), real)
    if os.path.realpath(real) == real and os.path.samestat(os.lstat(real), opened.status):
        return opened
    os.close(opened.descriptor)
    raise NotServed
