"""Download files from a server as fast as it gives them, over several connections.

In: a port, paths, a number of connections and of seconds. Out: a `Load` that counts MiB, or the digest of one file.
wrk reads 8 KiB at a time and parses what it reads, so big files would measure wrk; this reads 256 KiB and throws
them away. Refuses, as CannotRunError, an answer that is not 200, or not of the size that was expected.
"""

from __future__ import annotations

import hashlib
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPMessage
from itertools import cycle

import asking
from load import Load
from serving import CannotRunError

MIB = 1024 * 1024
READ_BYTES = 256 * 1024
TIMEOUT = 20
LAST_CHUNK = b"\r\n0\r\n\r\n"


class _Download:
    """One connection, and the file that comes on it."""

    def __init__(self, port: int, heads: cycle[bytes], size: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._heads, self._size = heads, size
        self.times: list[float] = []
        self.ask()

    def ask(self) -> None:
        """Ask for the next file."""
        self._began = time.perf_counter()
        self._is_in_head, self._is_chunked = True, False
        self._kept, self._left = b"", self._size  # the head so far; then, of chunks, what came last
        self.socket.sendall(next(self._heads))

    def take(self, data: memoryview) -> int:
        """Take what has come; return how many bytes of content it is."""
        if not data:
            raise CannotRunError("the server closed the connection")
        if self._is_in_head:
            data = memoryview(self._read_head(data))
            if self._is_in_head:
                return 0
        self._left -= len(data)
        if self._is_chunked:  # what chunks add is counted as content: less than 0.1 %
            self._kept = (self._kept + data[-len(LAST_CHUNK) :])[-len(LAST_CHUNK) :]
        if self._kept == LAST_CHUNK if self._is_chunked else not self._left:
            self.times.append(time.perf_counter() - self._began)
            self.ask()
        return len(data)

    def _read_head(self, data: memoryview) -> bytes:
        """Return what stands behind the head, when that is whole."""
        self._kept += data
        head, end, content = self._kept.partition(b"\r\n\r\n")
        if end:
            fields = head.lower()
            self._is_in_head, self._kept = False, b""
            self._is_chunked = b"\r\ntransfer-encoding: chunked" in fields
            if not head.startswith(b"HTTP/1.1 200 ") or not (
                self._is_chunked or b"\r\ncontent-length: %d" % self._size in fields
            ):
                raise CannotRunError(f"wrong answer: {head[:200]!r}")
        return content


def run(port: int, paths: Sequence[str], size: int, *, connections: int, seconds: float) -> Load:
    """Download for some seconds; the paths take turns."""
    heads = cycle([asking.head("tiny.txt", path) for path in paths])
    buffer = memoryview(bytearray(READ_BYTES))
    downloads = [_Download(port, heads, size) for _ in range(connections)]
    taken, began = 0, time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for each in downloads:
            selector.register(each.socket, selectors.EVENT_READ, each)
        while (elapsed := time.perf_counter() - began) < seconds:
            ready = selector.select(TIMEOUT)
            if not ready:
                raise CannotRunError(f"nothing came for {TIMEOUT} s")
            for key, _ in ready:
                taken += key.data.take(buffer[: key.data.socket.recv_into(buffer)])
    times = sorted(time for each in downloads for time in each.times) or [elapsed]
    for each in downloads:
        each.socket.close()
    return Load(
        requests=max(1, taken // MIB),
        seconds=elapsed,
        bytes_each=MIB,
        p50_ms=times[len(times) // 2] * 1e3,
        p99_ms=times[len(times) * 99 // 100] * 1e3,
        worst_ms=times[-1] * 1e3,
        errors={},
    )


def answer_to(port: int, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, HTTPMessage, str]:
    """Return status and fields of one answer, and the SHA-256 of its content."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers=dict(fields or {}))
        answer = connection.getresponse()
        digest = hashlib.sha256()
        while data := answer.read(READ_BYTES):
            digest.update(data)
    except HTTPException as error:
        raise CannotRunError(f"wrong answer to {path}: {error!r}") from None
    finally:
        connection.close()
    return answer.status, answer.headers, digest.hexdigest()
