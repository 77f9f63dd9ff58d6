"""The first message of TLS: the name in it, whatever it looks like."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.edge.hello import is_whole, name_asked


@given(st.binary(max_size=600))
def test_any_bytes_have_a_name_or_none(data: bytes) -> None:
    """Reading the name that a client asks for never fails, whatever it sends."""
    for bytes_ in (data, b"\x01" + len(data).to_bytes(3) + data):
        is_whole(bytes_)
        name = name_asked(bytes_)
        assert name is None or (name.isascii() and name == name.lower())


def vector(width: int, *parts: bytes) -> bytes:
    """Return bytes behind their length, as TLS writes them."""
    data = b"".join(parts)
    return len(data).to_bytes(width) + data


EXTENSIONS = st.lists(st.tuples(st.integers(1, 0xFFFF), st.binary(max_size=40)), max_size=8)


@given(
    st.from_regex(r"[A-Za-z0-9*_-]([A-Za-z0-9._-]{0,60}[A-Za-z0-9])?\.?", fullmatch=True),
    st.binary(max_size=32),
    EXTENSIONS,
    EXTENSIONS,
)
def test_a_name_is_found_wherever_it_stands(name: str, session: bytes, before: Any, after: Any) -> None:
    """Whatever extensions come before it and behind it, the name is found, in lower case and without its last dot."""
    asked = (0, vector(2, b"\0", vector(2, name.encode())))
    extensions = [kind.to_bytes(2) + vector(2, data) for kind, data in (*before, asked, *after)]
    head = b"\x03\x03" + bytes(32) + vector(1, session) + vector(2, b"\x13\x01") + vector(1, b"\0")
    assert name_asked(b"\x01" + vector(3, head, vector(2, *extensions))) == name.lower().removesuffix(".")


def test_a_real_first_message_is_read() -> None:
    """The name that OpenSSL asks for is found, and every shorter part of the message has none."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="Some.Example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    message = outgoing.read()[5:]
    assert name_asked(message) == "some.example"
    assert not any(name_asked(message[:at]) for at in range(len(message)))
