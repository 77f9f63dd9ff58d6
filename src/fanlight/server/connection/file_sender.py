"""Send an open file as fast as its client takes it, with `sendfile` where possible.

In: a `FileContent`, and for each call the socket. Out: how many bytes were sent. A `FileSender` takes the place of the
pending bytes of a response, and holds none in memory. Raises OSError when the client has disconnected, and (with a log
line) when the file is shorter than announced: the response must be cut off then.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

from fanlight.message.file_content import FileContent, Span

if TYPE_CHECKING:
    from fanlight.server.tls.tls_stream import TlsStream

CAN_SEND_FILES = hasattr(os, "sendfile")  # not on Windows, where files are streamed by the thread pool
# Bytes for each call: bounds how long other clients wait for one that is fast.
# PERF: benchmarks/static.py: a megabyte has left the processor's cache before a client on the same machine reads it,
# which takes both twice as long; smaller values cost more calls and gain nothing.
SENDFILE_BYTES = 256 * 1024
ENCRYPTED_BYTES = 128 * 1024  # for each call where TLS needs the bytes in memory
log = logging.getLogger("fanlight.server")


class FileSender:
    """The rest of a file that is to be sent; `len` is its size."""

    __slots__ = ("_content", "_fd", "_left", "_pieces")

    obj = b""  # like a memoryview, for `SendBufferLimit`: it holds nothing in memory
    nbytes = 0

    def __init__(self, content: FileContent) -> None:
        """Take ownership of the content: it is closed when it is sent, or by `close`."""
        self._content, self._fd = content, content.file.fileno()
        self._pieces = [*reversed(content.pieces)]
        self._left = content.length

    def __len__(self) -> int:
        return self._left

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes from the start, to be sent with the head; fewer, or none, if they can't be read."""
        if not self._pieces or not isinstance(self._pieces[-1], Span):
            return b""
        start, whole = self._pieces[-1]
        try:
            data = os.pread(self._fd, min(size, whole), start)
        except OSError:  # it occurs again, and is reported, when the rest is sent
            return b""
        self._advance(len(data))
        return data

    def send(self, stream: socket.socket | TlsStream) -> int:
        """Send what the socket takes now; return how much. Raises OSError, BlockingIOError if it takes nothing."""
        piece = self._pieces[-1]
        if not isinstance(piece, Span):
            sent = stream.send(piece)
        elif isinstance(stream, socket.socket):
            sent = os.sendfile(stream.fileno(), self._fd, piece.start, min(piece.size, SENDFILE_BYTES))
        else:
            data = os.pread(self._fd, min(piece.size, ENCRYPTED_BYTES), piece.start)
            sent = stream.send(data) if data else 0
        if not sent:
            log.error("a file became shorter while it was sent; its response is cut off")
            raise OSError("the file is shorter than announced")
        self._advance(sent)
        return sent

    def _advance(self, sent: int) -> None:
        """Skip what was sent; close the file at its end."""
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
