"""Thousands of hostile clients at once, all of one kind.

A crowd holds connections open by sending a few bytes now and then, or by reading a few. One thread drives all of them;
they come from 127.0.0.1, honest clients from 127.0.0.2.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.speed import PATIENCE

OPEN_AT_ONCE = 50
DRIP_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a hostile client sends first and repeatedly, and how much of the response it reads at a time."""

    opening: bytes
    drip: bytes = b""
    sip: int = 0  # bytes
    window: int = 0  # bytes of its receive buffer, 0 for the system's default
    is_tls: bool = False


FORM = b"POST /form HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n"
CHUNKED = FORM + b"transfer-encoding: chunked\r\n\r\n"
BEHAVIOURS = {
    "silent": Behaviour(opening=b""),
    "idle after a response": Behaviour(opening=b"GET /page/1 HTTP/1.1\r\nhost: a\r\n\r\n", sip=65536),
    "slow head": Behaviour(opening=b"GET /page/1 HTTP/1.1\r\nhost: a\r\n", drip=b"x-a: b\r\n"),
    "slow head, nearly full": Behaviour(opening=b"GET /page/1 HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 15000, drip=b"y"),
    "slow content": Behaviour(opening=FORM + b"content-length: 1000000\r\n\r\n", drip=b"name=value&"),
    "slow content, up to the file": Behaviour(
        opening=FORM + b"content-length: 1000000\r\n\r\n" + b"a" * 60000, drip=b"a"
    ),
    "slow content in tiny chunks": Behaviour(opening=CHUNKED + b"1\r\na\r\n" * 300, drip=b"1\r\na\r\n"),
    "slow read": Behaviour(opening=b"GET /download HTTP/1.1\r\nhost: a\r\n\r\n", sip=32, window=4096),
    "slow read, pipelined": Behaviour(opening=b"GET /download HTTP/1.1\r\nhost: a\r\n\r\n" * 300, sip=32, window=4096),
    "slow handshake": Behaviour(opening=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", drip=b"\x00", is_tls=True),
}


class Crowd:
    """A number of hostile clients."""

    def __init__(self, port: int, behaviour: Behaviour, count: int) -> None:
        """Prepare; `holding` opens the connections."""
        self._port, self._behaviour, self.count = port, behaviour, count
        self._open: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._is_over = threading.Event()
        self._is_opened = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the connections open inside, as far as the server accepts them."""
        self._thread.start()
        assert self._is_opened.wait(PATIENCE), f"{len(self._open)} of {self.count} were accepted"
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        waiting = self.count
        drip_at = time.monotonic() + DRIP_SECONDS
        while not self._is_over.is_set():
            for _ in range(min(OPEN_AT_ONCE, waiting)):
                self._connect()
                waiting -= 1
            if not waiting:
                self._is_opened.set()
            for key, _ in self._selector.select(0.02):
                assert isinstance(key.fileobj, socket.socket)
                self._read(key.fileobj)
            if time.monotonic() >= drip_at:
                drip_at = time.monotonic() + DRIP_SECONDS
                self._drip()
        for each in list(self._open):
            self._close(each)
        self._selector.close()

    def _connect(self) -> None:
        sock = socket.socket()
        if self._behaviour.window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._behaviour.window)
        sock.connect(("127.0.0.1", self._port))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.send(self._behaviour.opening)
        self._open.add(sock)
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        """Read what has come, unless the client is a slow reader."""
        if self._behaviour.sip and self._behaviour.sip < 65536:
            self._selector.unregister(sock)
            return
        self._sip(sock, 65536)

    def _drip(self) -> None:
        for sock in list(self._open):
            try:
                if self._behaviour.drip:
                    sock.send(self._behaviour.drip)
                if 0 < self._behaviour.sip < 65536:
                    self._sip(sock, self._behaviour.sip)
            except BlockingIOError:
                continue
            except OSError:
                self._close(sock)

    def _sip(self, sock: socket.socket, size: int) -> None:
        try:
            if not sock.recv(size):
                self._close(sock)
        except BlockingIOError:
            return
        except OSError:
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)
        self._open.discard(sock)
        sock.close()
