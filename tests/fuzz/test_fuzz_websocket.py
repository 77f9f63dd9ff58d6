"""Fuzzing WebSocket frames: the same as wsproto makes of them, and the same however they are cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.wire.client_frames import DEFLATE, FIN, RSV1, RSV2, RSV3, deflated, events_of, frame
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from fanlight.wire.websocket.websocket_connection import Closed, Ping, Pong

EXAMPLES = settings().max_examples  # of the profile
MAX_BYTES = 1 << 20  # wsproto has no limit
PAYLOAD = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.integers(900, 5100).map(lambda code: code.to_bytes(2, "big")),
    st.integers(120, 130).map(lambda size: b"x" * size),
)


@st.composite
def valid_messages(draw: st.DrawFn) -> bytes:
    """Draw a message: whole or in fragments, text or bytes, compressed or not, with pings between."""
    is_text = draw(st.booleans())
    data = draw(st.text(max_size=30).map(str.encode) if is_text else st.binary(max_size=300))
    is_compressed = draw(st.booleans())
    if is_compressed:
        data = deflated(data)
    ends = [*sorted(draw(st.lists(st.integers(0, len(data)), max_size=4))), len(data)]
    frames, start = b"", 0
    for at, end in enumerate(ends):
        bits = (FIN if at == len(ends) - 1 else 0) | (RSV1 if is_compressed and not at else 0)
        opcode = 0 if at else 1 if is_text else 2
        frames += frame(opcode, data[start:end], bits, key=draw(st.binary(min_size=4, max_size=4)))
        start = end
        # Not within a compressed message, whose rest wsproto then takes for one that is not compressed.
        if (not is_compressed or at == len(ends) - 1) and draw(st.booleans()):
            frames += frame(draw(st.sampled_from((9, 10))), draw(st.binary(max_size=125)))
    return frames


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    """Draw a frame of any opcode and any bits."""
    bits = draw(st.sampled_from((FIN, FIN, FIN, 0, FIN | RSV2, RSV3)))
    key = draw(st.sampled_from((b"abcd", b"abcd", b"abcd", None)))
    payload, form = draw(PAYLOAD), draw(st.sampled_from((0, 0, 0, 2, 8)))
    return frame(draw(st.integers(0, 15)), payload, bits, key=key, form=form)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut data into pieces at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def events_of_wsproto(data: bytes) -> tuple[list[object], int | None]:
    """Return what wsproto makes of received bytes, as `events_of` does."""
    extension = PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
    extension.accept("permessage-deflate; client_no_context_takeover; server_no_context_takeover")
    wire = FrameProtocol(client=False, extensions=[extension])
    seen, parts = list[object](), list[str | bytes]()
    wire.receive_bytes(data)
    try:
        for each in wire.received_frames():
            payload: Any = each.payload
            if each.opcode is Opcode.PING:
                seen.append(Ping(bytes(payload)))
            elif each.opcode is Opcode.PONG:
                seen.append(Pong(bytes(payload)))
            elif each.opcode is Opcode.CLOSE:
                seen.append(Closed(int(payload[0]), payload[1] or ""))
            else:
                parts.append(payload if isinstance(payload, str) else bytes(payload))
                if each.message_finished:
                    seen.append(type(parts[0])().join(parts))  # type: ignore[arg-type]  # of one kind
                    parts.clear()
    except ParseFailed as error:
        return seen, int(error.code)
    return seen, None


@settings(max_examples=2 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(valid_messages(), max_size=4), st.lists(st.integers(0, 10_000), max_size=8))
def test_valid_messages_are_those_of_wsproto(messages: list[bytes], places: list[int]) -> None:
    """Text, bytes, fragments, pings and compression, wherever the bytes are cut."""
    data = b"".join(messages)
    expected = events_of_wsproto(data)
    assert expected[1] is None
    assert events_of(cut(data, places), DEFLATE, MAX_BYTES) == expected


@settings(max_examples=4 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(valid_messages(), odd_frames()), max_size=4), st.lists(st.integers(0, 10_000), max_size=4))
@example([frame(8, b"\x03\xe8\xff")], [])
@example([frame(1, b"a", 0), frame(1, b"b")], [])
def test_odd_frames_are_refused_as_by_wsproto(frames: list[bytes], places: list[int]) -> None:
    """What one refuses the other does, with the same code, and the messages before it are the same."""
    data = b"".join(frames)
    assert events_of(cut(data, places), DEFLATE, MAX_BYTES) == events_of_wsproto(data)


@settings(max_examples=4 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=8))
def test_any_bytes_are_the_same_however_they_are_cut(data: bytes, places: list[int]) -> None:
    """Messages or a refusal, and nothing else is ever raised."""
    assert events_of(cut(data, places), DEFLATE, 200) == events_of([data], DEFLATE, 200)
