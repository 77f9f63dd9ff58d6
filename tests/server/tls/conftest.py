"""A tiny server of TLS streams in a thread, so that they are tried without the hub."""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.server.tls.handshake_outcome import DONE, WANTS_WRITE, TlsError
from fanlight.server.tls.tls import TlsConfig
from fanlight.server.tls.tls_stream import TlsStream

Answer = Callable[[TlsStream, bytes], bytes]


class Server:
    """Accepts, does handshakes and responds to what it receives; the outcome of a connection is in `ended`."""

    def __init__(self, tls: TlsConfig, answer: Answer) -> None:
        self.tls, self._answer = tls, answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.ended: queue.Queue[OSError | None] = queue.Queue()  # an error, or None where the client has left
        self.opened: queue.Queue[TlsStream] = queue.Queue()
        self._bell, self._rope = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._is_open: set[TlsStream] = set()
        self._out: dict[TlsStream, bytes] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._bell:
                    return
                if key.fileobj is self.listener:
                    sock, _ = self.listener.accept()
                    sock.setblocking(False)
                    stream = self.tls.wrap(sock)
                    self._selector.register(stream, selectors.EVENT_READ)
                    continue
                assert isinstance(key.fileobj, TlsStream)
                with contextlib.suppress(BlockingIOError):
                    self._serve(key.fileobj)

    def _serve(self, stream: TlsStream) -> None:
        try:
            if stream in self._out:
                self._write(stream)
            elif stream not in self._is_open:
                outcome = stream.handshake()
                wants = selectors.EVENT_WRITE if outcome is WANTS_WRITE else selectors.EVENT_READ
                self._selector.modify(stream, wants)
                if outcome is DONE:
                    self._is_open.add(stream)
                    self.opened.put(stream)
            elif data := stream.recv(16 * 1024):
                self._out[stream] = self._answer(stream, data)
                self._write(stream)
            else:
                self._end(stream, None)
        except BlockingIOError:
            raise
        except OSError as error:
            if isinstance(error, TlsError) and error.is_plain_http:
                stream.send_plain(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            self._end(stream, error)

    def _write(self, stream: TlsStream) -> None:
        self._selector.modify(stream, selectors.EVENT_WRITE)
        while self._out[stream]:
            self._out[stream] = self._out[stream][stream.send(self._out[stream]) :]
        del self._out[stream]
        self._selector.modify(stream, selectors.EVENT_READ)

    def _end(self, stream: TlsStream, error: OSError | None) -> None:
        self._selector.unregister(stream)
        self._out.pop(stream, None)
        stream.close()
        self.ended.put(error)

    def why(self) -> str:
        """Return why the next connection ended; "" if its client left in peace."""
        error = self.ended.get(timeout=PATIENCE)
        return str(error) if error is not None else ""

    def stop(self) -> None:
        self._rope.send(b"x")
        self._thread.join(PATIENCE)
        for key in list(self._selector.get_map().values()):
            if not isinstance(key.fileobj, int):
                key.fileobj.close()  # type: ignore[attr-defined]  # a socket or a stream
        self._selector.close()
        self._rope.close()


@pytest.fixture
def serve_tls() -> Iterator[Callable[..., Server]]:
    """Return a function that serves by a TLS configuration until the test ends; by default it echoes."""
    running: list[Server] = []

    def start(tls: TlsConfig, answer: Answer = lambda _stream, data: data) -> Server:
        running.append(Server(tls, answer))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def trusting(certificates: Any) -> Callable[..., ssl.SSLContext]:
    """Return a function that makes a client's context, which believes the tests' authority."""

    def make(pair: Any = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=certificates.ca)
        if pair is not None:
            context.load_cert_chain(pair.cert, pair.key)
        return context

    return make


@pytest.fixture
def dial(trusting: Callable[..., ssl.SSLContext]) -> Iterator[Callable[..., ssl.SSLSocket]]:
    """Return a function that connects to a server, by TLS, and closes what it opened."""
    with contextlib.ExitStack() as stack:

        def connect(server: Server, context: ssl.SSLContext | None = None, name: str = "localhost") -> ssl.SSLSocket:
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            return stack.enter_context((context or trusting()).wrap_socket(sock, server_hostname=name))

        yield connect


@pytest.fixture
def a_stranger(trusting: Callable[..., ssl.SSLContext], other_certificates: Any) -> ssl.SSLContext:
    """Return the context of a client with a certificate of a CA that is not trusted."""
    return trusting(other_certificates.make(title="robot"))
