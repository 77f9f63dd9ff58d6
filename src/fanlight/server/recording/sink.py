"""Write log lines to a file, a pipe, a terminal or a socket, without waiting for its reader.

In: whole lines. Out: how far the system has taken them. Files are opened for appending, so several processes can share
one; to anything else lines are written in pieces that the system takes whole or not at all, so that those of several
processes never mix. A line that was cut off, by a full disk for example, is for the caller to continue. Refuses, at the
start, a path that can't be written.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
from typing import IO

from fanlight.errors import InvalidSetting
from fanlight.settings.options import STREAMS

FILE_PIECE_BYTES = 1 << 20
PIPE_PIECE_BYTES = getattr(select, "PIPE_BUF", 512)  # POSIX: writes up to this size are atomic
MODE = 0o640  # a log shows who has read what


class Sink:
    """A file by its path, or, for "", a descriptor that the process was started with."""

    def __init__(self, path: str = "", descriptor: int = 1) -> None:
        """Open it. Raises InvalidSetting."""
        if path in STREAMS:
            path, descriptor = "", STREAMS[path] or descriptor
        self._path = path
        self._socket: socket.socket | None = None
        try:
            self._use(_open(path) if path else _copy_of(descriptor))
        except OSError as error:
            raise InvalidSetting(f"the log {path or descriptor} can't be written: {error.strerror}") from None

    def _use(self, descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        self._fd = descriptor
        self._piece_bytes = FILE_PIECE_BYTES if stat.S_ISREG(mode) else PIPE_PIECE_BYTES
        self._may_block = not stat.S_ISREG(mode) and os.get_blocking(descriptor)
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))

    def write(self, data: bytes, start: int = 0) -> int:
        """Write whole lines, from `start` on, as far as the system takes them now; return how far that is.

        Raises OSError if it takes nothing.
        """
        position = start
        try:
            while position < len(data):
                end = self._end_of_piece(data, position)
                position += self._put(data[position:end])
                if position < end:
                    break
        except OSError:
            if position == start:
                raise
        return position

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Return the end of as many whole lines as make one piece: of at least one."""
        most = start + self._piece_bytes
        if most >= len(data):
            return len(data)
        return data.rfind(b"\n", start, most) + 1 or data.find(b"\n", most) + 1 or len(data)

    def _put(self, piece: bytes) -> int:
        """Write as much of a piece as the system takes without waiting; return how many bytes."""
        try:
            if self._socket is not None:
                return self._socket.send(piece, socket.MSG_DONTWAIT)
            if self._may_block and not is_writable(self._fd):
                return 0
            return os.write(self._fd, piece)
        except BlockingIOError:
            return 0

    def reopen(self) -> None:
        """Open the path again, after log rotation. Raises OSError, and then goes on with the old file."""
        if self._path:
            fresh = _open(self._path)
            os.close(self._fd)
            self._use(fresh)

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
        os.close(self._fd)


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), MODE)


def _copy_of(descriptor: int) -> int:
    """Return a descriptor of our own for a shared one, non-blocking without making the shared one so.

    If the site closed the shared one and its number went to a client's socket, our lines would go to that client.
    """
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # closed before the start: nothing is to be written
        return os.open(os.devnull, os.O_WRONLY)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        with contextlib.suppress(OSError):  # not on this system, or not this user's
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    return os.dup(descriptor)


def is_writable(stream: int | IO[str] | None) -> bool:
    """Return whether a write to a descriptor or text stream would not wait; True if the system can't tell."""
    try:
        descriptor = stream if isinstance(stream, int) else -1 if stream is None else stream.fileno()
    except (OSError, ValueError):  # no file of the system's: a stand-in in a test
        return True
    if descriptor < 0 or not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
