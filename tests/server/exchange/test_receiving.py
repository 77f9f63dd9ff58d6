"""How much is received at a time, and what is kept of it: little, whatever a client sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.wire.feeding import LIMITS

from fanlight.server.connection.connection import CHUNKS_RECV_BYTES, Connection
from fanlight.wire.http1.http1_connection import Http1Connection

Pair = tuple[socket.socket, Connection]
POST = b"POST / HTTP/1.1\r\nhost: a\r\n"


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a client, and the connection that it has with us."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, Connection(theirs, None, Http1Connection(LIMITS), 0.0, lambda _: None)


def begin(pair: Pair, head: bytes) -> None:
    """Have the connection receive a head."""
    pair[1].wire.receive(head + b"\r\n")
    pair[1].wire.next_event()


def receive(pair: Pair) -> int:
    """Receive once, as the hub does, and read all of it; return how much came."""
    data = pair[1].receive_content()
    pair[1].wire.receive(data)
    while pair[1].wire.next_event() is not None:
        pass
    return len(data)


def test_content_is_received_in_big_pieces(pair: Pair) -> None:
    """Content of a known length comes as the system has it."""
    begin(pair, POST + b"content-length: 1000000\r\n")
    pair[0].sendall(b"a" * 100_000)
    assert receive(pair) == 100_000


def test_content_that_is_read_is_not_kept(pair: Pair) -> None:
    """When a client sends a lot and then waits, the wire holds nothing of it."""
    begin(pair, POST + b"content-length: 1000000\r\n")
    pair[0].sendall(b"a" * 100_000)
    receive(pair)
    assert not pair[1].wire.buffer


def test_a_big_chunk_is_received_in_big_pieces_and_not_kept(pair: Pair) -> None:
    """The same within a chunk."""
    begin(pair, POST + b"transfer-encoding: chunked\r\n")
    pair[0].sendall(b"f0000\r\n" + b"a" * 100_000)
    assert receive(pair) == CHUNKS_RECV_BYTES
    assert receive(pair) == 100_007 - CHUNKS_RECV_BYTES
    assert not pair[1].wire.buffer


def test_tiny_chunks_are_a_short_stay(pair: Pair) -> None:
    """Of chunks of a byte, which take long to read, few are received at a time, so that others have their turn."""
    begin(pair, POST + b"transfer-encoding: chunked\r\n")
    pair[0].sendall(b"1\r\na\r\n" * 10_000)
    assert [receive(pair) for _ in range(3)] == [CHUNKS_RECV_BYTES] * 3


def test_what_is_behind_content_waits_with_the_system(pair: Pair) -> None:
    """Requests behind content are not received with it by the hundred, to be held while the first is served."""
    begin(pair, POST + b"content-length: 10\r\n")
    pair[0].sendall(b"a" * 10 + b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 5000)
    assert receive(pair) == CHUNKS_RECV_BYTES
