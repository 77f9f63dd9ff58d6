"""Temporary files without a name, which can be given one later without a copy.

In: bytes; later a path chosen by the app. Out: a file at that path, complete or not at all. A file without a name
disappears when the process that has it open ends, also when it is killed. Refuses to overwrite unless told to.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO, cast

COPY_BYTES = 1024 * 1024
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_FLAGS = os.O_RDWR | _UNNAMED | getattr(os, "O_CLOEXEC", 0)
_MODE = 0o666  # the system subtracts the umask, as for every other file


def open_unnamed(folder: str | Path | None = None, *, buffering: int = -1) -> BinaryIO:
    """Return a new file without a name, in a folder (by default the one for temporary files). Raises OSError."""
    import tempfile  # noqa: PLC0415 - it loads three compressors, by way of shutil

    if _UNNAMED:
        # Not with tempfile: it sets O_EXCL, and such a file can never be given a name (open(2)).
        with contextlib.suppress(OSError):  # the file system does not support it, or is full, which is raised below
            descriptor = os.open(folder or tempfile.gettempdir(), _FLAGS, _MODE)
            return os.fdopen(descriptor, "w+b", buffering)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder, buffering=buffering, prefix="fanlight-"))


def link_to_path(file: BinaryIO, target: Path, *, overwrite: bool) -> bool:
    """Link a file to a path without copying it; return False where that is not possible.

    It is possible on Linux, for a file of `open_unnamed` on the file system of the target. Raises FileExistsError
    if the target exists and `overwrite` is false, and OSError if the folder does not exist or is not writable.
    """
    try:
        descriptor = file.fileno()
        if not _UNNAMED or os.fstat(descriptor).st_nlink:
            return False
    except OSError:  # in memory
        return False
    file.flush()
    if not overwrite:
        return _link(descriptor, target)
    beside = _hidden_beside(target)
    if not _link(descriptor, beside):
        return False
    try:
        beside.replace(target)
    except OSError:
        beside.unlink()
        raise
    return True


def _hidden_beside(target: Path) -> Path:
    """Return an unused hidden name in the folder of a path."""
    return target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}")


def _link(descriptor: int, target: Path) -> bool:
    try:
        # With a descriptor, Python calls linkat(), which follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", target, src_dir_fd=descriptor, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError:  # another file system, one without links, no /proc: the copy that follows raises a real error
        return False
    return True


def write_copy(file: BinaryIO, target: Path, *, overwrite: bool) -> None:
    """Copy the rest of a file to a path, which appears when it is complete. Raises OSError."""
    copy = open_unnamed(target.parent)
    try:
        _copy(file, copy)
        copy.flush()
        if not link_to_path(copy, target, overwrite=overwrite):
            copy.seek(0)
            _write_named(copy, target, overwrite=overwrite)
    finally:
        close(copy)


def _write_named(file: BinaryIO, target: Path, *, overwrite: bool) -> None:
    """Copy where a file without a name can't be linked: the file is visible at once, and removed on failure."""
    path = _hidden_beside(target) if overwrite else target
    with path.open("xb") as out:
        try:
            _copy(file, out)
            out.flush()
            if path is not target:
                path.replace(target)
        except BaseException:
            path.unlink()
            raise


def _copy(file: BinaryIO, target: BinaryIO) -> None:
    while piece := file.read(COPY_BYTES):
        target.write(piece)


def close(file: BinaryIO) -> None:
    """Close a temporary file. That its last bytes did not fit on the disk no longer matters."""
    with contextlib.suppress(OSError):
        file.close()
