"""The files of our unix sockets, removed by the process that made them, and only as long as they are the same.

In: a path, when a socket has been bound to it. Out: `remove_file` removes it, unless another server's socket stands
there by now. A file is known by its device and inode, and those are its own as long as a socket is bound to it: so it
is to be removed before the last listener is closed. A forked child removes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_ours: dict[str, tuple[int, int, int]] = {}  # the device, the inode, and the process that is to remove it


def register_file(path: str) -> None:
    """Note that a socket of ours was bound to this path just now."""
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        _ours[path] = found.st_dev, found.st_ino, os.getpid()


def registered_files() -> Mapping[str, Sequence[int]]:
    """Return all of them, for this process when it has become another program."""
    return _ours


def restore_files(files: Mapping[str, Sequence[int]]) -> None:
    """Go on with what this process has noted before it became this program."""
    _ours.update({path: (device, inode, process) for path, (device, inode, process) in files.items()})


def remove_file(path: str) -> None:
    """Remove the file of a socket if it is ours still; a second time does nothing."""
    device, inode, process = _ours.get(path, (0, 0, 0))
    if process != os.getpid():
        return
    del _ours[path]
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        if (found.st_dev, found.st_ino) == (device, inode):
            Path(path).unlink()
