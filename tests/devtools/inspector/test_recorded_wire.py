"""A recorded wire does what the wire does, for every raw message, and each byte that it reads is recorded once."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.feeding import LIMITS
from tests.wire.test_vectors import NEXT, VECTORS

from fanlight.devtools.inspector.exchange_maker import ExchangeMaker
from fanlight.devtools.inspector.recorded_connection import RecordedSocket, RecordedWire
from fanlight.devtools.inspector.recording import CUT_OFF, DONE, ConnectionFacts, Recording
from fanlight.devtools.inspector.sent_message import content_of, read_sent
from fanlight.errors import ProtocolError
from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import HEAD
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import Content, RequestHead


class FakeSocket(socket.socket):
    """A socket that takes so many bytes of each send, 0 for none."""

    def __init__(self, takes: Sequence[int] = ()) -> None:
        super().__init__()
        self.takes = list(takes)

    def send(self, data: object, _flags: int = 0) -> int:
        size = len(data)  # type: ignore[arg-type]  # bytes
        taken = min(self.takes.pop(0), size) if self.takes else size
        if not taken:
            raise BlockingIOError
        return taken


class FakeRecorder:
    """Keeps recordings."""

    def __init__(self) -> None:
        self.begun: list[Recording] = []
        self._numbers = count(1)

    def begin(self, began: float, connection: ConnectionFacts) -> Recording:
        """Make a recording."""
        recording = Recording(1, next(self._numbers), began, connection, lambda _: None)
        self.begun.append(recording)
        return recording

    begin_request = begin

    def finish(self, recording: Recording, outcome: str) -> None:
        """Note how it ended."""
        recording.end(outcome, recording.began + 1)


def recorded_connection(takes: Sequence[int] = ()) -> tuple[Connection, FakeRecorder]:
    """Return a connection with a fake socket, recorded."""
    connection = Connection(FakeSocket(takes), "127.0.0.1", Http1Connection(LIMITS), 0.0, lambda _: None)
    connection.enter(HEAD, 0.0)
    recorder = FakeRecorder()
    connection.record_through(connection.sock, RecordedWire(connection, recorder, ConnectionFacts(1)))
    return connection, recorder


def conversation(wire: Http1Connection, pieces: Sequence[bytes]) -> list[object]:
    """Return what a wire makes of some pieces, each request responded to: heads, contents, the error."""
    seen: list[object] = []
    try:
        for piece in pieces:
            wire.receive(piece)
            while (event := wire.next_event()) is not None:
                if isinstance(event, RequestHead):
                    seen.append((event.method, event.target, event.fields))
                if isinstance(event, Content):
                    seen.append(event.data)
                if wire.state == 3:  # the whole request has been read
                    seen.append(wire.send_response(200, (), b"ok", b""))
    except ProtocolError as error:
        seen.append((error.status, str(error), wire.refuse(error, b"")))
    return seen


FEEDS = {
    "whole": lambda data: [data],
    "byte by byte": lambda data: [data[at : at + 1] for at in range(len(data))],
    "with the next behind": lambda data: [data + NEXT],
    "in halves": lambda data: [data[: len(data) // 2], data[len(data) // 2 :]],
}
NAMES = sorted(each.stem for each in VECTORS.iterdir())


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_wire_reads_what_the_wire_reads(name: str, feed: str) -> None:
    """Events, responses and errors are the same; what was read is in the recordings, once and in order."""
    (file,) = VECTORS.glob(f"{name}.*") if "." not in name else [next(VECTORS.glob(f"{name}*"))]
    pieces = FEEDS[feed](file.read_bytes())
    plain = Http1Connection(LIMITS)
    expected = conversation(plain, pieces)
    connection, recorder = recorded_connection()
    assert conversation(connection.wire, pieces) == expected
    connection.end()
    received = b"".join(data for each in recorder.begun for _, data, _ in each.received)
    fed = b"".join(pieces)
    assert fed.startswith(received) or received.strip(b"\r\n") in fed
    heads = [each for each in expected if isinstance(each, tuple) and isinstance(each[0], str)]
    assert len([each for each in recorder.begun if each.head is not None]) == len(heads)


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_a_recorded_wire_survives_any_bytes(pieces: list[bytes]) -> None:
    """Whatever is sent, the recorded wire does what the plain one does."""
    pieces = [each for each in pieces if each]
    expected = conversation(Http1Connection(LIMITS), pieces)
    connection, recorder = recorded_connection()
    assert conversation(connection.wire, pieces) == expected
    connection.end()
    for each in recorder.begun:
        assert ExchangeMaker(1).make(each, each.began + 2).outcome != "open"


def test_partial_sends_have_what_was_offered_and_what_was_taken() -> None:
    """A client that is slow takes a part of what is offered, or nothing; the exchange ends with the last byte."""
    connection, recorder = recorded_connection([10, 0, 5])
    connection.wire.receive(NEXT)
    connection.wire.next_event()
    data = connection.wire.send_response(200, (), b"hello", b"")
    (recording,) = recorder.begun
    sock = connection.sock
    assert isinstance(sock, RecordedSocket)
    assert sock.send(data) == 10
    with pytest.raises(BlockingIOError):
        sock.send(memoryview(data)[10:])
    assert sock.send(memoryview(data)[10:]) == 5
    assert recording.outcome == "open"
    assert sock.send(memoryview(data)[15:]) == len(data) - 15
    assert recording.outcome == DONE
    size = len(data)
    assert [(sent, offered) for _, _, sent, offered in recording.sent] == [
        (10, size),
        (0, size - 10),
        (5, size - 10),
        (size - 15, size - 15),
    ]
    assert b"".join(kept for _, kept, *_ in recording.sent) == data
    connection.end()
    assert recording.outcome == DONE


def test_what_is_not_sent_whole_is_cut_off() -> None:
    """A connection that is closed with a part of the response unsent has cut it off."""
    connection, recorder = recorded_connection([10])
    connection.wire.receive(NEXT)
    connection.wire.next_event()
    connection.sock.send(connection.wire.send_response(200, (), b"hello", b""))
    connection.end()
    assert recorder.begun[0].outcome == CUT_OFF


@pytest.mark.parametrize(
    ("data", "status", "content"),
    [
        (b"", 0, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", 0, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nth", 200, b"hith"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi", 200, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nno gzip", 200, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n\r\n\xff\xff\xff", 200, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\n\r\nno zstd", 200, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: unknown\r\n\r\nhi", 200, b""),
        (b"\xff\x00" * 1000, 0, b""),
    ],
)
def test_what_was_sent_is_read_as_far_as_it_can_be(data: bytes, status: int, content: bytes) -> None:
    """A response that is cut, broken or encoded in an unknown way is read without an error."""
    message = read_sent(data)
    assert message.status == status
    assert content_of(message, data, 100)[: len(content) or None] == content
