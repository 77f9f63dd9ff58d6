"""What is recorded of a WebSocket: its frames, in both directions, however they are cut."""

from __future__ import annotations

import socket

import pytest
from tests.devtools.inspector.recorded_site import recorded
from tests.sockets import read_all
from tests.speed import PATIENCE
from tests.wire.client_frames import BINARY, CLOSE, CONTINUATION, FIN, PING, RSV1, TEXT, deflated, frame
from tests.wire.test_websocket_frames import cuts

from fanlight import WebSocket
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.recorded_frames import FrameReader
from fanlight.devtools.inspector.recording_limits import MAX_FRAME_BYTES, MAX_FRAMES

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def echo(socket: WebSocket) -> None:
    async for message in socket:
        await socket.send(message)


def test_the_frames_of_a_websocket_are_recorded() -> None:
    """Which way, of which kind and size, and how they begin; their secrets are masked."""
    with recorded({"/": echo}) as site:
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as sock:
            sock.sendall(HANDSHAKE + frame(TEXT, b"first"))
            sock.sendall(frame(PING) + frame(TEXT, b'{"password": "hunter2"}') + frame(CLOSE, b"\x03\xe8bye"))
            read_all(sock)
        one = site.kept.one()
    assert (one.status, one.outcome) == (101, "done")
    shown = [(each.is_received, each.kind, each.size, each.start) for each in one.frames]
    assert [each for each in shown if each[0]] == [
        (True, "text", 5, "first"),
        (True, "ping", 0, ""),
        (True, "text", 23, '{"password": "hunter2"}'),
        (True, "close", 5, "1000 bye"),
    ]
    # A ping is returned at once, whatever the view has to do.
    assert sorted(each[1:] for each in shown if not each[0]) == [
        ("close", 2, "1000"),
        ("pong", 0, ""),
        ("text", 5, "first"),
        ("text", 23, '{"password": "hunter2"}'),
    ]
    assert sorted(each.at for each in one.frames) == [each.at for each in one.frames]
    assert "hunter2" not in str(masked(one).frames)


def test_the_number_of_frames_is_bounded() -> None:
    """Further ones are served, and not kept."""
    with recorded({"/": echo}) as site:
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as sock:
            sock.sendall(HANDSHAKE + frame(TEXT, b"x") * MAX_FRAMES + frame(CLOSE))
            received = read_all(sock)
        one = site.kept.one()
    assert received.count(b"\x81\x01x") == MAX_FRAMES
    assert len(one.frames) == MAX_FRAMES
    assert one.is_cut


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (frame(TEXT, b"Hello"), ("text", 5, "Hello")),
        (frame(TEXT, b"Hello", key=None), ("text", 5, "Hello")),
        (frame(TEXT, b"a", 0), ("text, to be continued", 1, "a")),
        (frame(CONTINUATION, b"b"), ("continuation", 1, "b")),
        (frame(BINARY, b"\x00\xff"), ("bytes", 2, "00 ff")),
        (frame(TEXT, deflated(b"Hello"), FIN | RSV1), ("text, compressed", 7, "Hello")),
        (frame(TEXT, b"x" * 300), ("text", 300, "x" * MAX_FRAME_BYTES)),
        (frame(11, b"x"), ("opcode 11", 1, "x")),
        (frame(CLOSE), ("close", 0, "")),
    ],
)
def test_a_frame_is_described_however_it_is_cut(data: bytes, expected: tuple[str, int, str]) -> None:
    """Of a long one only the beginning is kept, and the next one is found."""
    for pieces in cuts(data + data):
        seen = list[tuple[str, int, str]]()
        reader = FrameReader(lambda *each: seen.append(each))  # noqa: B023 - called within the turn
        for piece in pieces:
            reader.read(piece)
        assert seen == [expected, expected]
