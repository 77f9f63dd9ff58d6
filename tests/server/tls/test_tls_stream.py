"""A TLS stream in a socket's place: handshakes, data, and every way they can end."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

from fanlight.server.tls.handshake_outcome import DONE, WANTS_READ, WANTS_WRITE, TlsError
from fanlight.server.tls.tls import TlsConfig
from fanlight.server.tls.tls_stream import TlsStream

Client = tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]


@pytest.fixture
def tls(localhost: Any) -> TlsConfig:
    return TlsConfig(certificates=[(localhost.cert, localhost.key)])


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two connected sockets: the client's, and ours, which does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), PATIENCE)
        ours, _ = listener.accept()
    ours.setblocking(False)
    with client, ours:
        yield client, ours


def wait(stream: TlsStream | socket.socket, *, for_writing: bool = False) -> None:
    ready = select.select([] if for_writing else [stream], [stream] if for_writing else [], [], PATIENCE)
    assert any(ready), "nothing came"


def read(stream: TlsStream, size: int = 16 * 1024) -> bytes:
    """Return the next that can be read, as a hub would get it."""
    while True:
        wait(stream)
        with contextlib.suppress(BlockingIOError):
            return stream.recv(size)


def client_of(context: ssl.SSLContext, name: str | None = "localhost") -> Client:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(incoming, outgoing, server_hostname=name), incoming, outgoing


def shake(client: Client, sock: socket.socket, stream: TlsStream, *, pieces: int = 65536) -> list[bytes]:
    """Shake hands, in pieces of so many bytes; return what the client sent."""
    tls, incoming, outgoing = client
    sent, outcome = [], WANTS_READ
    while True:
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        data = outgoing.read()
        sent.append(data)
        for at in range(0, len(data), pieces):
            sock.sendall(data[at : at + pieces])
            wait(stream)
            outcome = stream.handshake()
        while outcome is WANTS_READ and select.select([stream], [], [], 0)[0]:
            outcome = stream.handshake()
        if outcome is DONE:
            return sent
        incoming.write(sock.recv(65536))


def opened(
    tls: TlsConfig, ends: tuple[socket.socket, socket.socket], context: ssl.SSLContext
) -> tuple[Client, TlsStream]:
    client, stream = client_of(context), tls.wrap(ends[1])
    shake(client, ends[0], stream)
    return client, stream


# --- the handshake --------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("pieces", [1, 5, 100, 65536])
def test_a_handshake_comes_in_any_pieces(tls: TlsConfig, ends: Any, trusting: Any, version: Any, pieces: int) -> None:
    """However few bytes come at once, the handshake is done when the last of them is there."""
    context = trusting()
    context.minimum_version = context.maximum_version = version
    stream = tls.wrap(ends[1])
    client = client_of(context)
    shake(client, ends[0], stream, pieces=pieces)
    assert stream._tls is not None
    assert stream._tls.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    assert any(name in str(stream._tls.cipher()) for name in ("GCM", "CHACHA20"))
    assert stream.client_cert is None


def test_a_request_right_behind_the_handshake_wakes_the_poller(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """What comes in one packet with the end of the handshake is left where the poller sees it."""
    (ssl_object, incoming, outgoing), stream = client_of(trusting()), tls.wrap(ends[1])
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl_object.do_handshake()
    ends[0].sendall(outgoing.read())
    wait(stream)
    assert stream.handshake() is WANTS_READ
    incoming.write(ends[0].recv(65536))
    ssl_object.do_handshake()
    ssl_object.write(b"GET / HTTP/1.1\r\n\r\n")
    ends[0].sendall(outgoing.read())
    wait(stream)
    assert stream.handshake() is DONE
    assert read(stream) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_first_message_in_many_records_is_read(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """A ClientHello that is cut into records of a few bytes, as RFC 8446 allows, is put together, its name too."""
    names: list[str | None] = []

    def choose(name: str | None) -> ssl.SSLContext:
        names.append(name)
        return tls._contexts.choose(name)

    (ssl_object, incoming, outgoing), stream = client_of(trusting()), TlsStream(ends[1], choose)
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl_object.do_handshake()
    message = outgoing.read()[5:]
    parts = [message[at : at + 50] for at in range(0, len(message), 50)]
    ends[0].sendall(b"".join(b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in parts))
    wait(stream)
    assert stream.handshake() is WANTS_READ
    assert names == ["localhost"]
    incoming.write(ends[0].recv(65536))
    ssl_object.do_handshake()
    ends[0].sendall(outgoing.read())
    wait(stream)
    assert stream.handshake() is DONE


def test_a_client_costs_nothing_before_its_first_message(tls: TlsConfig, ends: Any) -> None:
    """Nothing is allocated for a client until its first message is complete."""
    stream = tls.wrap(ends[1])
    assert stream.handshake() is WANTS_READ
    ends[0].sendall(b"\x16\x03\x01\x02\x00\x01")
    wait(stream)
    assert stream.handshake() is WANTS_READ
    assert stream._tls is None


def test_http_1_1_is_agreed_on(serve_tls: Any, tls: TlsConfig, dial: Any, trusting: Any) -> None:
    """Of the protocols that a client offers, http/1.1 is chosen; one that offers none is served all the same."""
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = serve_tls(tls)
    assert dial(server, context).selected_alpn_protocol() == "http/1.1"
    assert dial(server).selected_alpn_protocol() is None


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"DELETE /x HTTP/1.1\r\n\r\n", b"P"])
def test_plain_http_is_recognised_and_gets_a_response(serve_tls: Any, tls: TlsConfig, data: bytes) -> None:
    """A client of http at the https port can read an explanation in http."""
    server = serve_tls(tls)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(data)
        assert server.why() == "plain HTTP on an HTTPS port"
        assert sock.recv(100) == b"HTTP/1.1 400 Bad Request\r\n\r\n"
        assert sock.recv(100) == b""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80\x2e\x01\x00\x02", "not a TLS handshake"),
        (b"\x00" * 20, "not a TLS handshake"),
        (b"\x16\x03\x01\xff\xff\x01", "not a TLS handshake"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "not a TLS handshake"),
        (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", "TLS failed: unexpected message"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "TLS failed: length"),
        (b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(16380), "the ClientHello is too long"),
        (b"\x16\x03\x01\x00\x01\x01\x17\x03\x03\x00\x01\x00", "not a TLS handshake"),
    ],
)
def test_what_is_no_handshake_is_refused(serve_tls: Any, tls: TlsConfig, data: bytes, why: str) -> None:
    """Whatever else comes is refused for a reason that has no byte of it."""
    server = serve_tls(tls)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(data)
        assert server.why().startswith(why)


def test_a_disconnect_before_the_first_byte_is_not_logged(ends: Any, tls: TlsConfig) -> None:
    """A health check that only connects is not a failed handshake; a disconnect during the handshake is one."""
    stream = tls.wrap(ends[1])
    ends[0].shutdown(socket.SHUT_WR)
    wait(stream)
    with pytest.raises(ConnectionResetError):
        stream.handshake()


def test_a_disconnect_during_the_handshake_is_an_error(ends: Any, tls: TlsConfig) -> None:
    """A client that disconnects half-way through the handshake has failed it."""
    stream = tls.wrap(ends[1])
    ends[0].sendall(b"\x16\x03")
    ends[0].shutdown(socket.SHUT_WR)
    wait(stream)
    with pytest.raises(TlsError, match="the client disconnected during"):
        stream.handshake()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "the client supports no TLS version from 1.2 on"),
        (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "the client supports no TLS version from 1.2 on"),
        (["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "no cipher in common"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "no cipher in common"),
        (["-tls1_2", "-cipher", "NULL:@SECLEVEL=0"], "no cipher in common"),
    ],
)
def test_what_is_weak_is_refused(serve_tls: Any, tls: TlsConfig, options: list[str], why: str) -> None:
    """Old versions and ciphers that are not both ephemeral and authenticated are refused, by their reason."""
    server = serve_tls(tls)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *options]
    done = subprocess.run(command, check=False, capture_output=True, input=b"", timeout=PATIENCE)
    assert done.returncode != 0
    assert server.why() == why


def test_renegotiation_is_refused(serve_tls: Any, tls: TlsConfig) -> None:
    """A client of TLS 1.2 that wants to renegotiate gets an alert."""
    server = serve_tls(tls)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2"]
    done = subprocess.run(command, check=False, capture_output=True, input=b"R\n", timeout=PATIENCE)
    assert b"RENEGOTIATING" in done.stdout + done.stderr
    assert b"no renegotiation" in done.stderr


def test_a_client_that_rejects_our_certificate_is_reported(serve_tls: Any, tls: TlsConfig, dial: Any) -> None:
    """The error names the reason."""
    server = serve_tls(tls)
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(server, ssl.create_default_context())
    assert server.why() == "the client does not trust the issuer of the server's certificate"


# --- clients with certificates ----------------------------------------------------------------------


def asking(localhost: Any, certificates: Any, mode: Any) -> TlsConfig:
    return TlsConfig(certificates=[(localhost.cert, localhost.key)], client_ca=certificates.ca, client_cert=mode)


def test_a_verified_client_certificate_can_be_read(
    serve_tls: Any, localhost: Any, certificates: Any, dial: Any, trusting: Any
) -> None:
    """Subject, issuer and dates are in `client_cert`."""
    pair = certificates.make("robot.test", "192.0.2.7", title="robot")
    server = serve_tls(asking(localhost, certificates, "required"))
    dial(server, trusting(pair))
    shown = server.opened.get(timeout=PATIENCE).client_cert
    assert shown is not None
    assert shown.common_name == shown.subject["commonName"] == "robot"
    assert shown.issuer["commonName"] == "Test authority"
    assert shown.names == ("robot.test", "192.0.2.7")
    assert (shown.not_after - shown.not_before).days == 91
    assert shown.pem == Path(pair.cert).read_text(encoding="ascii")
    told = subprocess.run(
        ["openssl", "x509", "-in", pair.cert, "-noout", "-serial", "-fingerprint", "-sha256"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert f"serial={shown.serial}" in told.stdout
    assert shown.fingerprint in told.stdout.lower().replace(":", "")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_has_its_certificate(
    serve_tls: Any, localhost: Any, certificates: Any, trusting: Any, version: Any
) -> None:
    """A client that resumes with a session ticket keeps its certificate."""
    server = serve_tls(asking(localhost, certificates, "required"))
    context = trusting(certificates.make(title="robot"))
    context.minimum_version = context.maximum_version = version
    session = None
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock,
            context.wrap_socket(sock, server_hostname="localhost", session=session) as client,
        ):
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            session, is_resumed = client.session, client.session_reused
        shown = server.opened.get(timeout=PATIENCE).client_cert
        assert shown is not None
        assert shown.common_name == "robot"
    assert is_resumed


def test_a_certificate_may_be_left_out_if_it_is_optional(
    serve_tls: Any, localhost: Any, certificates: Any, dial: Any
) -> None:
    """Where client certificates are optional, a client without one is served, and has none."""
    server = serve_tls(asking(localhost, certificates, "optional"))
    client = dial(server)
    client.sendall(b"hello")
    assert client.recv(100) == b"hello"
    assert server.opened.get(timeout=PATIENCE).client_cert is None


def test_a_certificate_must_be_shown_if_it_is_required(
    serve_tls: Any, localhost: Any, certificates: Any, dial: Any
) -> None:
    """Where client certificates are required, a client without one is refused."""
    server = serve_tls(asking(localhost, certificates, "required"))
    with contextlib.suppress(OSError):  # TLS 1.3: the client thinks that it is done, and hears of it when it reads
        assert dial(server).recv(1) == b""
    assert server.why() == "the client sent no certificate (client_cert is 'required')"


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_a_client_certificate_of_an_unknown_ca_is_refused(
    serve_tls: Any, localhost: Any, certificates: Any, dial: Any, a_stranger: ssl.SSLContext, mode: str
) -> None:
    """It is refused even where no certificate is required."""
    server = serve_tls(asking(localhost, certificates, mode))
    with contextlib.suppress(OSError):
        assert dial(server, a_stranger).recv(1) == b""
    assert server.why().startswith("the client's certificate is not accepted: unable to get local issuer certificate")


def test_an_expired_certificate_is_refused(
    serve_tls: Any, localhost: Any, certificates: Any, dial: Any, trusting: Any
) -> None:
    """A client whose certificate has expired is refused, with that reason."""
    server = serve_tls(asking(localhost, certificates, "required"))
    with contextlib.suppress(OSError):
        assert dial(server, trusting(certificates.make(title="late", days=(-9, -1)))).recv(1) == b""
    assert server.why() == "the client's certificate is not accepted: certificate has expired"


# --- data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [1, 16 * 1024, 16 * 1024 + 1, 5_000_000])
def test_what_is_sent_arrives(
    serve_tls: Any, tls: TlsConfig, dial: Any, trusting: Any, version: Any, size: int
) -> None:
    """A response of any size arrives unchanged, at a client that reads while there is some to be read."""
    context = trusting()
    context.minimum_version = context.maximum_version = version
    answer = bytes(range(251)) * (size // 251 + 1)
    client = dial(serve_tls(tls, lambda _stream, _data: answer[:size]), context)
    client.sendall(b"?")
    got = b""
    while len(got) < size:
        got += client.recv(1 << 18)
    assert got == answer[:size]


def test_a_slow_reader_is_waited_for(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """When the system takes no more, `send` returns how much is gone; the rest is sent later, and nothing twice."""
    (client, incoming, _), stream = opened(tls, ends, trusting())
    data = bytes(range(251)) * 80_000
    sent, blocked, got = 0, 0, []
    while sent < len(data):
        try:
            sent += stream.send(memoryview(data)[sent : sent + 256 * 1024])
        except BlockingIOError:
            blocked += 1
            incoming.write(ends[0].recv(1 << 20))
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    got.append(client.read(1 << 20))
    stream.shutdown(socket.SHUT_WR)
    while raw := ends[0].recv(1 << 20):
        incoming.write(raw)
    while data_read := client.read(1 << 20):
        got.append(data_read)
    assert blocked > 1
    assert b"".join(got) == data


def test_all_received_records_are_read_at_once(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """All records that are there are read at once, as no poller would report the second."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    for number in range(300):
        client.write(b"%d " % number)
    ends[0].sendall(outgoing.read())
    assert read(stream, 64 * 1024) == b"".join(b"%d " % number for number in range(300))
    with pytest.raises(BlockingIOError):
        stream.recv(16 * 1024)


def test_half_a_record_blocks(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """Of an incomplete record nothing can be read yet, and BlockingIOError is raised as by a socket."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    client.write(b"hello")
    data = outgoing.read()
    for at in range(len(data) - 1):
        ends[0].sendall(data[at : at + 1])
        wait(stream)
        with pytest.raises(BlockingIOError):
            stream.recv(16 * 1024)
    ends[0].sendall(data[-1:])
    assert read(stream) == b"hello"


def test_an_upload_arrives_in_big_pieces(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """Many records in one receive come out in order, whatever is left of the last one."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    data = bytes(range(251)) * 2000
    client.write(data)
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    raw, got = outgoing.read(), b""
    while len(got) < len(data):
        with contextlib.suppress(BlockingIOError):
            raw = raw[ends[0].send(raw, socket.MSG_DONTWAIT) :] if raw else raw
        got += read(stream, 256 * 1024)
    assert got == data


def test_a_key_update_is_handled(serve_tls: Any, tls: TlsConfig) -> None:
    """A client of TLS 1.3 that requests new keys (RFC 8446 section 4.6.3) gets them, and goes on being served."""
    address = f"127.0.0.1:{serve_tls(tls).port}"
    command = ["openssl", "s_client", "-connect", address, "-tls1_3", "-quiet", "-no_ign_eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stderr is not None
        client.stdin.write(b"K\n")
        client.stdin.flush()
        while client.stderr.readline() != b"KEYUPDATE\n":
            pass
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"hello\n"
        client.stdin.close()


# --- the end --------------------------------------------------------------------------------------------


def test_close_notify_is_the_end(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """What came before it is read first."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    client.write(b"last words")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.unwrap()
    ends[0].sendall(outgoing.read())
    ends[0].shutdown(socket.SHUT_WR)
    assert read(stream) == b"last words"
    assert read(stream) == b""


def test_close_notify_alone_is_the_end(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """A client that sends close_notify has disconnected, even if its TCP connection stays open."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    with contextlib.suppress(ssl.SSLWantReadError):
        client.unwrap()
    ends[0].sendall(outgoing.read())
    assert read(stream) == b""


def test_a_disconnect_without_close_notify_is_accepted(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """The connection just ends: HTTP messages have their own length."""
    _, stream = opened(tls, ends, trusting())
    ends[0].shutdown(socket.SHUT_WR)
    assert read(stream) == b""


def test_what_stands_behind_a_goodbye_is_not_looked_at(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """Bytes after a close_notify, however many, are neither read as a message nor looked at again and again."""
    (client, _, outgoing), stream = opened(tls, ends, trusting())
    with contextlib.suppress(ssl.SSLWantReadError):
        client.unwrap()
    ends[0].sendall(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32) + b"GET / HTTP/1.1\r\n\r\n")
    assert read(stream) == b""


@pytest.mark.parametrize("how", ["shutdown", "close"])
def test_close_notify_is_sent(tls: TlsConfig, ends: Any, trusting: Any, how: str) -> None:
    """So the client can tell the end of a response from a cut."""
    (client, incoming, _), stream = opened(tls, ends, trusting())
    stream.send(b"last words")
    if how == "shutdown":
        stream.shutdown(socket.SHUT_WR)
    else:
        stream.close()
    while raw := ends[0].recv(65536):
        incoming.write(raw)
    assert client.read() == b"last words"
    assert client.read() == b""


def test_no_close_notify_after_an_incomplete_response(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """A response that is cut off looks cut off."""
    (client, incoming, _), stream = opened(tls, ends, trusting())
    with contextlib.suppress(BlockingIOError):
        while True:
            stream.send(bytes(1 << 20))
    stream.close()
    incoming.write(b"".join(iter(lambda: ends[0].recv(1 << 20), b"")))
    incoming.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        assert all(iter(lambda: client.read(1 << 20), b""))


def test_after_shutdown_what_comes_is_thrown_away(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """A client that goes on sending is listened to until it has left, whatever it sends."""
    _, stream = opened(tls, ends, trusting())
    stream.shutdown(socket.SHUT_WR)
    ends[0].sendall(b"no TLS at all")
    assert len(read(stream)) == 13
    ends[0].shutdown(socket.SHUT_WR)
    assert read(stream) == b""


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x17\x03\x03\x00\x20" + bytes(32)])
def test_a_broken_record_ends_the_connection(tls: TlsConfig, ends: Any, trusting: Any, data: bytes) -> None:
    """Bytes that were not encrypted with the keys end the connection like a reset."""
    _, stream = opened(tls, ends, trusting())
    ends[0].sendall(data)
    with pytest.raises(ConnectionResetError):
        read(stream)


def test_a_closed_stream_is_not_sent_on(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """A thread that was still sending when its connection was closed gets an error, and OpenSSL is not called."""
    _, stream = opened(tls, ends, trusting())
    stream.close()
    with pytest.raises(ConnectionAbortedError):
        stream.send(b"late")


class Full(socket.socket):
    """A socket whose send buffer is full."""

    def send(self, data: Any, flags: int = 0) -> int:
        raise BlockingIOError


def test_a_handshake_waits_for_writing_too(tls: TlsConfig, ends: Any, trusting: Any) -> None:
    """When the system takes no more during a handshake, the stream waits for writing."""
    client = client_of(trusting())
    with contextlib.suppress(ssl.SSLWantReadError):
        client[0].do_handshake()
    ends[0].sendall(client[2].read())
    with Full(fileno=ends[1].detach()) as full:
        wait(full)
        assert tls.wrap(full).handshake() is WANTS_WRITE
