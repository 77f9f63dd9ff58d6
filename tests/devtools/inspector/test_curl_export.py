"""The command that an exchange is saved as: run in a shell, it sends the same request again."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.devtools.inspector import samples
from tests.devtools.inspector.test_marks import exchange_of
from tests.speed import PATIENCE
from tests.wire.feeding import LIMITS
from tests.wire.test_vectors import EXPECTED, vector

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.pages.curl_export import to_curl
from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

Message = tuple[str, str, list[tuple[str, str]], bytes]
ACCEPTED = [name for name, expected in EXPECTED.items() if isinstance(expected, str) and expected != "incomplete"]


class Listener:
    """A server that keeps the bytes of one request, and responds when it is complete or refused."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.data = b""

    def take(self) -> None:
        client, _ = self._socket.accept()
        client.settimeout(PATIENCE)
        wire, received, is_complete = Http1Connection(LIMITS), b"", False
        with client:
            while not is_complete and (data := client.recv(65536)):
                received += data
                wire.receive(data)
                try:
                    while (event := wire.next_event()) is not None:
                        if isinstance(event, RequestHead) and event.expects_continue:
                            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                        if isinstance(event, EndOfMessage) or (
                            isinstance(event, RequestHead) and event.content_length == 0
                        ):
                            is_complete = True
                            break
                except ProtocolError:
                    break
            client.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            self.data = received

    def run(self, command: str) -> bytes:
        """Return the bytes that a command sends."""
        thread = threading.Thread(target=self.take)
        thread.start()
        subprocess.run(
            ["sh", "-c", command], capture_output=True, timeout=PATIENCE, check=False, env={"PATH": "/usr/bin:/bin"}
        )
        thread.join()
        return self.data

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    opened = Listener()
    yield opened
    opened.close()


def meaning(data: bytes) -> Message:
    """Return what a message means: method, target, fields but those of its framing, content."""
    wire = Http1Connection(LIMITS)
    wire.receive(data)
    head, content = wire.next_event(), b""
    assert isinstance(head, RequestHead), data
    while isinstance(event := wire.next_event(), Content):
        content += event.data
    fields = sorted((name, value) for name, value in head.fields if name not in ("content-length", "transfer-encoding"))
    return head.method, head.target, fields, content


def exchange(data: bytes) -> Exchange:
    version = "HTTP/1.0" if b" HTTP/1.0\r" in data else "HTTP/1.1"
    return samples.exchange(1, samples.pieces((0.0, data)), [], refusal=exchange_of(data).refusal, version=version)


@pytest.mark.parametrize("name", ACCEPTED)
def test_curl_sends_what_was_received(listener: Listener, name: str) -> None:
    """Every raw message that the wire accepts is sent again with the same method, target, fields and content."""
    data = vector(name)
    method, target, fields, content = meaning(listener.run(to_curl(exchange(data), listener.origin)))
    if b"\nhost:" not in data.lower():  # curl always sends it
        fields = [field for field in fields if field[0] != "host"]
    assert (method, target, fields, content) == meaning(data)


_TEXT = st.text(st.characters(codec="latin-1", min_codepoint=0x21, exclude_characters="\x7f"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples)
@given(
    target=st.text(st.characters(codec="ascii", min_codepoint=0x21, exclude_characters="#\x7f"), max_size=20),
    value=_TEXT,
    content=st.binary(max_size=40),
    is_chunked=st.booleans(),
)
def test_every_byte_is_quoted(listener: Listener, target: str, value: str, content: bytes, is_chunked: bool) -> None:
    """Quotes, dollars, percent signs, line ends, zeros: whatever a request has in it arrives as it was."""
    framing = f"Content-Length: {len(content)}\r\n\r\n".encode() + content
    if is_chunked:
        chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
        framing = b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    data = f"POST /{target} HTTP/1.1\r\nHost: a\r\nX-Value: {value}\r\n".encode("latin-1") + framing
    assert meaning(listener.run(to_curl(exchange(data), listener.origin))) == meaning(data)


@pytest.mark.parametrize(
    "name", ["no-colon", "null-in-value", "bare-lf-everywhere", "tls-client-hello", "chunk-size-with-plus"]
)
def test_what_no_client_sends_is_sent_byte_by_byte(listener: Listener, name: str) -> None:
    """A refused message is sent by printf and nc, with every byte."""
    data = vector(name)
    command = to_curl(exchange(data), listener.origin)
    assert "curl" not in command
    assert listener.run(command) == data


@pytest.mark.parametrize("make", [*samples.REALISTIC, samples.hostile])
def test_a_command_is_printable(make: object) -> None:
    """A command has no character that a terminal could take for something else."""
    command = to_curl(make(), "http://localhost:8000")  # type: ignore[operator]
    assert command.replace("\n", "").isascii()
    assert command.replace("\n", "").isprintable()


def test_a_common_request_is_a_short_command() -> None:
    """A plain request is a command that a person can read."""
    data = b"GET /posts?page=2 HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n"
    assert to_curl(exchange(data), "http://localhost:8000") == (
        "curl --include \\\n  'http://localhost:8000/posts?page=2' \\\n"
        "  --header 'User-Agent: curl' \\\n  --header 'Accept: */*'"
    )
