"""The files of our unix sockets: each is removed by the process that created it, and only while it is still the same.

In: a path, when a socket has been bound to it. Out: `remove_file` removes it, unless it is another server's socket by
now. A file is identified by its device and inode, which stay its own while a socket is bound to it: so it must be
removed before the last listener is closed. A forked child removes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_ours: dict[str, tuple[int, int, int]] = {}  # the device, the inode, and the process that is to remove it


def register_file(path: str) -> None:
    """Register the file of a socket that was just bound to this path."""
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        _ours[path] = found.st_dev, found.st_ino, os.getpid()


def registered_files() -> Mapping[str, Sequence[int]]:
    """Return all registered files, for the program that replaces this one in its process."""
    return _ours


def restore_files(files: Mapping[str, Sequence[int]]) -> None:
    """Register the files of the program that this one has replaced in its process."""
    _ours.update({path: (device, inode, process) for path, (device, inode, process) in files.items()})


def remove_file(path: str) -> None:
    """Remove the file of a socket if it is still ours; a second time does nothing."""
    device, inode, process = _ours.get(path, (0, 0, 0))
    if process != os.getpid():
        return
    del _ours[path]
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        if (found.st_dev, found.st_ino) == (device, inode):
            Path(path).unlink()
