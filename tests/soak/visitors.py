"""Honest clients that keep their connections: one thread each, until they are stopped.

Counts in the tally. Two kinds: Python's http.client, and a socket with a parser that knows of each byte whether it
came. If a kept connection is closed before the first byte of a response, it is opened again and a GET is sent again
(RFC 9112 section 9.3.1; a POST must not be): counted separately, and once only. Anything else that goes wrong is a
failure.
"""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from typing import Protocol

from tests.soak.cases import Case, draw
from tests.soak.tally import Failure, Tally

PATIENCE_SECONDS = 30.0
MOST_ON_ONE_CONNECTION = 300


class LostError(Exception):
    """A connection ended before its response did."""

    def __init__(self, why: str, *, has_begun: bool) -> None:
        """Store the reason, and whether any byte of the response had come."""
        super().__init__(why)
        self.has_begun = has_begun


class Client(Protocol):
    """A connection, by whatever client."""

    must_close: bool

    def exchange(self, case: Case) -> tuple[int, int | None, bytes]:
        """Return status, worker and content. Raises LostError."""

    def close(self) -> None:
        """Close the connection."""


class LibraryClient:
    """A connection of Python's http.client."""

    def __init__(self, port: int) -> None:
        """Connect. Raises OSError."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._connection.connect()
        self.must_close = False

    def exchange(self, case: Case) -> tuple[int, int | None, bytes]:
        """Send the request and read the response by the library."""
        fields = {"content-type": case.media_type} if case.media_type else {}
        response = None
        try:
            self._connection.request(case.method, case.path, case.content or None, fields)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            # A reset while the first line is read is not RemoteDisconnected, but no line has come either.
            raise LostError(f"{type(error).__name__}: {error}", has_begun=response is not None) from None
        self.must_close = response.will_close
        worker = response.getheader("x-worker")
        return response.status, int(worker) if worker else None, content

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SocketClient:
    """A connection with a parser of its own."""

    def __init__(self, port: int) -> None:
        """Connect. Raises OSError."""
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._has_begun = False
        self.must_close = False

    def exchange(self, case: Case) -> tuple[int, int | None, bytes]:
        """Send head and content at once, and read the response."""
        lines = [f"{case.method} {case.path} HTTP/1.1", "host: soak.example"]
        if case.content:
            lines += [f"content-type: {case.media_type}", f"content-length: {len(case.content)}"]
        self._received, self._has_begun = b"", False
        try:
            self._sock.sendall("\r\n".join([*lines, "", ""]).encode() + case.content)
            return self._read()
        except OSError as error:
            raise LostError(f"{type(error).__name__}: {error}", has_begun=self._has_begun) from None

    def _read(self) -> tuple[int, int | None, bytes]:
        head = self._up_to(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        self.must_close = fields.get("connection") == "close"
        if "chunked" in fields.get("transfer-encoding", ""):
            content = b""
            while size := int(self._up_to(b"\r\n"), 16):
                content += self._exactly(size)
                self._exactly(2)
            self._exactly(2)
        else:
            content = self._exactly(int(fields["content-length"]))
        worker = fields.get("x-worker")
        return int(head[0].split()[1]), int(worker) if worker else None, content

    def _more(self) -> None:
        piece = self._sock.recv(262_144)
        if not piece:
            raise ConnectionResetError("the server closed it")
        self._received += piece
        self._has_begun = True

    def _up_to(self, end: bytes) -> bytes:
        while end not in self._received:
            self._more()
        found, _, self._received = self._received.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            self._more()
        found, self._received = self._received[:size], self._received[size:]
        return found

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()


class Visitor:
    """One client: sends, checks, pauses, and now and then opens a new connection."""

    def __init__(self, kind: type[LibraryClient | SocketClient], port: int, tally: Tally, seed: int) -> None:
        """Prepare; `start` begins."""
        self._kind, self._port, self._tally = kind, port, tally
        self._rng = random.Random(seed)
        self._name = "http.client" if kind is LibraryClient else "socket"
        self._client: Client | None = None
        self._worker: int | None = None
        self._left = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"visitor-{seed}")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more requests."""
        self._stop.set()

    def join(self) -> None:
        """Wait for the last response."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._send(draw(self._rng))
            self._stop.wait(self._rng.random() * 0.02)
        self._close()

    def _send(self, case: Case) -> None:
        tally, began = self._tally, time.monotonic()
        is_kept = self._client is not None
        tally.count_sent(case.kind)
        try:
            status, worker, content = self._exchange(case)
        except LostError as error:
            failure = self._failure(case, str(error), began)
            self._close()
            if not is_kept or error.has_begun or case.method != "GET":
                tally.add_failure(failure)
                return
            tally.add_retry(failure)
            try:
                status, worker, content = self._exchange(case)
            except LostError as second:
                tally.add_failure(self._failure(case, f"sent again: {second}", began))
                self._close()
                return
        problem = case.problem(status, content)
        if problem:
            tally.add_failure(self._failure(case, problem, began))
        else:
            tally.count_completed(case.kind, worker=worker, seconds=time.monotonic() - began)
        self._worker = worker
        self._left -= 1
        if self._left <= 0 or (self._client is not None and self._client.must_close):
            self._close()

    def _exchange(self, case: Case) -> tuple[int, int | None, bytes]:
        if self._client is None:
            try:
                self._client = self._kind(self._port)
            except OSError as error:
                raise LostError(f"can't connect: {error}", has_begun=False) from None
            self._left = self._rng.randrange(1, MOST_ON_ONE_CONNECTION)
        return self._client.exchange(case)

    def _failure(self, case: Case, how: str, began: float) -> Failure:
        return Failure(
            client=self._name, kind=case.kind, how=how, began=began, ended=time.monotonic(), worker=self._worker
        )

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._worker = None
