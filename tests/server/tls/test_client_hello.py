"""The first message of TLS: the name in it, whatever it looks like."""

from __future__ import annotations

import ssl
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.speed import PATIENCE

from fanlight.server.tls.client_hello import is_complete, server_name, wants_finite_field
from fanlight.server.tls.tls import TlsConfig

FFDHE8192, X25519, GREASE = b"\x01\x04", b"\0\x1d", b"\x0a\x0a"


@given(st.binary(max_size=600))
def test_any_bytes_have_a_name_or_none(data: bytes) -> None:
    """Parsing the server name never fails, whatever the client sends."""
    for bytes_ in (data, b"\x01" + len(data).to_bytes(3) + data):
        is_complete(bytes_)
        wants_finite_field(bytes_)
        name = server_name(bytes_)
        assert name is None or (name.isascii() and name == name.lower())


def vector(width: int, *parts: bytes) -> bytes:
    """Return bytes behind their length, as TLS writes them."""
    data = b"".join(parts)
    return len(data).to_bytes(width) + data


def message(session: bytes, *extensions: tuple[int, bytes]) -> bytes:
    """Return a first message with these extensions: the kind and the content of each."""
    head = b"\x03\x03" + bytes(32) + vector(1, session) + vector(2, b"\x13\x01") + vector(1, b"\0")
    return b"\x01" + vector(3, head, vector(2, *(kind.to_bytes(2) + vector(2, data) for kind, data in extensions)))


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
    assert server_name(message(session, *before, asked, *after)) == name.lower().removesuffix(".")


def test_a_real_first_message_is_read() -> None:
    """The server name that OpenSSL sends is found, and every shorter part of the message has none."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="Some.Example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    message = outgoing.read()[5:]
    assert server_name(message) == "some.example"
    assert not any(server_name(message[:at]) for at in range(len(message)))


# --- keys that cost a server too much ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "shares", "is_so"),
    [
        ([X25519], [X25519], False),
        ([X25519, FFDHE8192], [X25519], False),
        ([FFDHE8192, X25519], [], False),
        ([GREASE, X25519], [GREASE, X25519], False),
        ([X25519, FFDHE8192], [X25519, FFDHE8192], True),
        ([X25519, FFDHE8192], [FFDHE8192], True),
        ([FFDHE8192], [], True),
        ([GREASE, FFDHE8192], [GREASE], True),
        ([], [FFDHE8192], True),
        ([], [], False),
    ],
)
def test_what_leads_to_a_finite_field_is_seen(groups: list[bytes], shares: list[bytes], *, is_so: bool) -> None:
    """A key for one does, and to know nothing else; to know them besides a curve does not."""
    known = (10, vector(2, *groups))
    made = (51, vector(2, *(each + vector(2, b"key") for each in shares)))
    assert wants_finite_field(message(b"", known, made)) is is_so
    assert wants_finite_field(message(b"", made, known)) is is_so


def s_client(port: int, groups: str) -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-groups", groups]
    return subprocess.run(command, check=False, capture_output=True, input=b"", timeout=PATIENCE)


@pytest.mark.parametrize("groups", ["ffdhe2048", "ffdhe8192", "ffdhe8192:X25519"])
def test_keys_of_a_finite_field_are_refused(serve_tls: Any, localhost: Any, groups: str) -> None:
    """They cost the server thousands of times what they cost the client; it gets an alert, and the reason is logged."""
    server = serve_tls(TlsConfig(certificates=[(localhost.cert, localhost.key)]))
    done = s_client(server.port, groups)
    assert b"alert handshake failure" in done.stderr
    assert server.why() == "the client's key exchange uses a finite field (ffdhe); only elliptic curves are supported"


@pytest.mark.parametrize("groups", ["X25519:ffdhe8192", "P-256:ffdhe2048", "P-384", "P-521", "X448"])
def test_a_client_with_a_curve_is_served(serve_tls: Any, localhost: Any, groups: str) -> None:
    """Whatever else it knows, a client that makes its key on a curve shakes hands."""
    server = serve_tls(TlsConfig(certificates=[(localhost.cert, localhost.key)]))
    done = s_client(server.port, groups)
    assert done.returncode == 0
    assert b"Server Temp Key: " in done.stdout
    assert b"DH, 8192 bits" not in done.stdout
