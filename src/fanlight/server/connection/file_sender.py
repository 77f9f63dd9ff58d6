"""Send an open file as its client takes it, without reading it where the system can do that itself.

In: a `FileContent`, and again and again the stream that it goes to. Out: how many bytes went. It stands where the
rest of an answer stands (`Connection.out`), and holds no memory. Raises OSError when the client is gone, and,
with a log line, when the file ends before what was announced of it: the answer must be cut off then.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

from fanlight.message.file_content import FileContent, Span

if TYPE_CHECKING:
    from fanlight.server.tls.tls import TlsStream

CAN_SEND_FILES = hasattr(os, "sendfile")  # not on Windows, where files are read by the pool, as streams
# At a time: so long, at most, others wait for one client that is fast.
# PERF: benchmarks/static.py: a whole megabyte has left the processor's cache before a client on the same machine reads
# it, which takes both twice as long; less than this costs more calls, and gains nothing.
TURN_BYTES = 256 * 1024
READ_BYTES = 128 * 1024  # at a time where they have to be encrypted
log = logging.getLogger("fanlight.server")


class FileSender:
    """What is left to be sent of a file; its length is how much that is."""

    __slots__ = ("_content", "_fd", "_left", "_pieces")

    obj = b""  # as a memoryview says what it keeps, and how much of it: nothing
    nbytes = 0

    def __init__(self, content: FileContent) -> None:
        """Take over the content: it is closed when it is sent, or on `close`."""
        self._content, self._fd = content, content.file.fileno()
        self._pieces = [*reversed(content.pieces)]
        self._left = content.length

    def __len__(self) -> int:
        return self._left

    def read(self, size: int) -> bytes:
        """Take so much off the beginning, to be sent with the head; less, or nothing, where that can't be read."""
        if not self._pieces or not isinstance(self._pieces[-1], Span):
            return b""
        start, whole = self._pieces[-1]
        try:
            data = os.pread(self._fd, min(size, whole), start)
        except OSError:  # it is met again, and told, when the rest is sent
            return b""
        self._pass(len(data))
        return data

    def send(self, stream: socket.socket | TlsStream) -> int:
        """Send what is taken now, and return how much that was. Raises OSError, BlockingIOError for nothing."""
        piece = self._pieces[-1]
        if not isinstance(piece, Span):
            sent = stream.send(piece)
        elif isinstance(stream, socket.socket):
            sent = os.sendfile(stream.fileno(), self._fd, piece.start, min(piece.size, TURN_BYTES))
        else:
            data = os.pread(self._fd, min(piece.size, READ_BYTES), piece.start)
            sent = stream.send(data) if data else 0
        if not sent:
            log.error("a file became shorter while it was sent; its answer is cut off")
            raise OSError("the file ends before what was announced of it")
        self._pass(sent)
        return sent

    def _pass(self, sent: int) -> None:
        """Go on behind what was sent, and close the file behind its end."""
        piece = self._pieces.pop()
        self._left -= sent
        if isinstance(piece, Span):
            if sent < piece.size:
                self._pieces.append(Span(piece.start + sent, piece.size - sent))
        elif sent < len(piece):
            self._pieces.append(piece[sent:])
        if not self._left:
            self._content.close()

    def close(self) -> None:
        """Close the file."""
        self._content.close()
