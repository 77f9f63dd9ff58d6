"""Files without a name: what is sent waits in them, until somebody gives one of them its place.

In: bytes; later a path of the app's own. Out: a file there, whole or not at all. A file without a name is
gone with whoever had it open, also when that is killed. Refuses to overwrite, unless it is asked to.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

COPY_BYTES = 1024 * 1024
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_FLAGS = os.O_RDWR | _UNNAMED | getattr(os, "O_CLOEXEC", 0)
_MODE = 0o666  # less the umask, which the system takes away as from any other file


def open_unnamed(folder: str | Path | None = None) -> BinaryIO:
    """Return a new file without a name, in a folder (by default that of temporary files). Raises OSError."""
    if _UNNAMED:
        # Not by tempfile: its O_EXCL means that the file can never be given a name (open(2)).
        with contextlib.suppress(OSError):  # a file system that has no such thing, or no room: see below
            return cast("BinaryIO", os.fdopen(os.open(folder or tempfile.gettempdir(), _FLAGS, _MODE), "w+b"))
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))


class Spool:
    """Bytes that are appended and read again: in memory while they are few, else in a file without a name."""

    __slots__ = ("_file", "_memory", "_memory_bytes", "size")

    def __init__(self, memory_bytes: int) -> None:
        """Begin empty."""
        self._memory = bytearray()
        self._memory_bytes = memory_bytes
        self._file: BinaryIO | None = None
        self.size = 0

    def write(self, data: bytes | bytearray) -> None:
        """Append. Raises OSError when there is no room."""
        if self._file is None and self.size + len(data) > self._memory_bytes:
            self._file = open_unnamed()
            self._file.write(self._memory)
            self._memory = bytearray()
        self.size += len(data)
        if self._file is None:
            self._memory += data
        else:
            self._file.seek(0, os.SEEK_END)
            self._file.write(data)
            self._file.flush()  # what there is no room for is told now

    def read(self, start: int, size: int) -> bytes:
        """Return so many bytes from a place."""
        if self._file is None:
            return bytes(self._memory[start : start + size])
        self._file.seek(start)
        return self._file.read(size)

    def cut(self, size: int) -> bytes:
        """Take off so many bytes at the end, and return them."""
        data = self.read(self.size - size, size)
        self.size -= size
        if self._file is None:
            del self._memory[self.size :]
        elif self.size <= self._memory_bytes:
            self._memory = bytearray(self.read(0, self.size))
            close(self._file)
            self._file = None
        else:
            self._file.truncate(self.size)
        return data

    def close(self) -> None:
        """Forget it all."""
        self._memory = bytearray()
        if self._file is not None:
            close(self._file)
            self._file = None


def give_name(file: BinaryIO, target: Path, *, overwrite: bool) -> bool:
    """Give a file its place without copying it; False where that can't be.

    It can be for a file of `open_unnamed` on the file system of the target, on Linux. Raises
    FileExistsError rather than overwrite, and OSError if the folder is not there, or may not be written.
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
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    if not _link(descriptor, beside):
        return False
    try:
        beside.replace(target)
    except OSError:
        beside.unlink()
        raise
    return True


def _link(descriptor: int, target: Path) -> bool:
    try:
        # With a descriptor, Python asks for linkat(), which follows what stands in /proc.
        os.link(f"/proc/self/fd/{descriptor}", target, src_dir_fd=descriptor, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError:  # another file system, one without links, no /proc: copying says what is really wrong
        return False
    return True


def write_copy(file: BinaryIO, target: Path, *, overwrite: bool) -> None:
    """Copy what stands in a file from where it is: the target is there when it is whole. Raises OSError."""
    copy = open_unnamed(target.parent)
    try:
        shutil.copyfileobj(file, copy, COPY_BYTES)
        copy.flush()
        if not give_name(copy, target, overwrite=overwrite):
            copy.seek(0)
            _write_named(copy, target, overwrite=overwrite)
    finally:
        close(copy)


def _write_named(file: BinaryIO, target: Path, *, overwrite: bool) -> None:
    """Copy where a file without a name can't be given one: it is there at once, and taken away if that fails."""
    path = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}") if overwrite else target
    with path.open("xb") as out:
        try:
            shutil.copyfileobj(file, out, COPY_BYTES)
            out.flush()
            if path is not target:
                path.replace(target)
        except BaseException:
            path.unlink()
            raise


def close(file: BinaryIO) -> None:
    """Close a temporary file; that its last bytes found no room any more matters to nobody."""
    with contextlib.suppress(OSError):
        file.close()
