"""Send the bytes of a request to a server, and read its response.

In: a `RawRequest` and the URL of the server. Out: a `Replayed`: the response, how long it took, and how it ended. A
response that does not end (a stream of events) is read for some seconds. Raises CannotReplay if there is no connection
or no response. The server is always on this machine, so its certificate is not checked.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from urllib.parse import urlsplit

from msgspec import Struct

from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest
from fanlight.devtools.inspector.replay.response_reader import BadResponse, ReadResponse, ResponseReader

CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 30.0  # for a view that works
STREAM_SECONDS = 3.0  # without an end, from the head of the response on
MAX_CONTENT_BYTES = 1024 * 1024


class Replayed(Struct, frozen=True):
    """A response to a request that was sent again."""

    response: ReadResponse
    seconds: float


def send(request: RawRequest, url: str) -> Replayed:
    """Return the response of the server at a URL. Raises CannotReplay."""
    began = time.perf_counter()
    reader = ResponseReader(request.method, MAX_CONTENT_BYTES)
    try:
        with _connection(url) as sock:
            _send_all(sock, request.data)
            ended = _receive(sock, reader)
        return Replayed(reader.response(ended), time.perf_counter() - began)
    except BadResponse as error:
        raise CannotReplay(str(error)) from None
    except OSError as error:
        raise CannotReplay(f"{url} can't be reached: {error}") from None


def _send_all(sock: socket.socket, data: bytes) -> None:
    # A server that refuses a message may close before it has read all of it; its response is there all the same.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(data)


def _receive(sock: socket.socket, reader: ResponseReader) -> str:
    """Read until the response is done; return why it is not complete, "" if it is."""
    if ended := _receive_until(sock, reader, FIRST_BYTE_SECONDS, is_first=True):
        return ended
    return _receive_until(sock, reader, STREAM_SECONDS, is_first=False)


def _receive_until(sock: socket.socket, reader: ResponseReader, seconds: float, *, is_first: bool) -> str:
    """Read until the head has come (`is_first`) or the response is done, at most for some seconds."""
    deadline = time.monotonic() + seconds
    while not reader.is_done and not (is_first and reader.has_begun):
        left = deadline - time.monotonic()
        if left <= 0:
            return "it did not come in time" if is_first else f"it was still going on after {seconds:g} s"
        sock.settimeout(left)
        try:
            data = sock.recv(65536)
        except TimeoutError:
            continue
        except ConnectionResetError:
            return "the connection was reset"
        if not data:
            return "" if reader.end() else "the connection was closed"
        reader.feed(data)
    return ""


def _connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotReplay(f"{url!r} is no URL of a server; write http://localhost:8000")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sock = socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS)
    if parts.scheme == "http":
        return sock
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(sock, server_hostname=parts.hostname)
    except BaseException:
        sock.close()
        raise
