"""A TLS connection with the non-blocking socket interface (`recv`, `send`, `shutdown`, `close`).

In: a non-blocking socket, and a function that returns the context for a server name. Out: the decrypted bytes of the
client, and ours encrypted; the methods behave as those of a socket, BlockingIOError included. A failed handshake raises
a `TlsError` with the reason. Knows nothing of HTTP, of listeners and of files.

OpenSSL never touches the socket: received bytes are put into one of its buffers, and what it wants to send is taken
from another. So a whole exchange is one receive and one send, nothing that was received is hidden from the poller, and
reading never waits for writing.

During the handshake no byte is received beyond the current record: the request behind it stays in the kernel, and wakes
the poller. Nothing is allocated for a client before its first message is complete: one that only connects costs a
socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from fanlight.message.client_cert import ClientCert
from fanlight.server.tls.certificates import client_cert_of
from fanlight.server.tls.client_hello import is_complete, server_name, wants_finite_field
from fanlight.server.tls.handshake_outcome import DONE, WANTS_READ, WANTS_WRITE, Outcome, TlsError

RECORD_BYTES = 16 * 1024  # the maximum plain text of one record (RFC 8446 section 5.1)
_HEAD_BYTES = 5  # of a record: type, version, length
_MAX_RECORD_BYTES = RECORD_BYTES + 2048  # encryption adds less
_MAX_HELLO_BYTES = RECORD_BYTES  # a real one has about two thousand, with post-quantum key shares
_MAX_UNSENT_BYTES = 64 * 1024  # of replies to a client that requests new keys again and again
_NOTHING = memoryview(b"")
_HANDSHAKE = 22  # the type of a client's first record
_HANDSHAKE_FAILURE = b"\x15\x03\x03\0\x02\x02\x28"  # the alert that OpenSSL sends when no key exchange is in common

Choose = Callable[[str | None], ssl.SSLContext]


class TlsStream:
    """A TLS connection; like a socket, it is used by one thread at a time."""

    __slots__ = (
        "_accepted_unreported",
        "_choose",
        "_hello",
        "_incoming",
        "_is_closed",
        "_is_lingering",
        "_is_open",
        "_is_sending",
        "_message",
        "_outgoing",
        "_part",
        "_pending",
        "_read",
        "_sock",
        "_tls",
        "_unsent",
        "_write",
        "client_cert",
        "family",
    )

    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    def __init__(self, sock: socket.socket, choose: Choose) -> None:
        """Take over a socket; `choose` returns the context for a server name."""
        self._sock, self._choose, self.family = sock, choose, sock.family
        self._tls: ssl.SSLObject | None = None
        self._part = b""  # of the current record
        self._hello = self._message = b""  # the records of the ClientHello, and their content
        self._is_open = self._is_sending = self._is_lingering = self._is_closed = False
        self._unsent = _NOTHING  # encrypted, and not taken by the system yet
        self._accepted_unreported = 0  # bytes of plain text in it, which `send` has not reported as sent
        self.client_cert: ClientCert | None = None  # the verified certificate of the client

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    @property
    def description(self) -> str:
        """The version and the cipher in use, "" before the handshake."""
        cipher = None if self._tls is None else self._tls.cipher()
        return "" if self._tls is None or cipher is None else f"{self._tls.version()}, {cipher[0]}"

    def getsockopt(self, level: int, option: int) -> int:
        """Return an option of the socket."""
        return self._sock.getsockopt(level, option)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the socket."""
        self._sock.setsockopt(level, option, value)

    def detach(self) -> int:
        """Release the socket without telling the client, and return its descriptor."""
        return self._sock.detach()

    # --- the handshake ----------------------------------------------------------------------------

    def handshake(self) -> Outcome:
        """Continue the handshake; return what it waits for. Raises OSError, mostly TlsError, if it fails."""
        while not self._is_open:
            if not self._flush():
                return WANTS_WRITE
            record = self._next_record()
            if record is None:
                return WANTS_READ
            if self._tls is None:
                self._on_client_hello(record)
            else:
                self._incoming.write(record)
            if self._tls is not None and not self._advance(self._tls) and self._outgoing.pending:
                # The client must have our reply before it sends more.
                return WANTS_READ if self._flush() else WANTS_WRITE
        return DONE if self._flush() else WANTS_WRITE

    def send_plain(self, data: bytes) -> None:
        """Send unencrypted bytes to a client that does not use TLS, and end the connection; best effort."""
        with contextlib.suppress(OSError):
            self._sock.recv(4 * RECORD_BYTES)  # unread, it would turn our close into a reset
        with contextlib.suppress(OSError):
            self._sock.send(data)
            self._sock.shutdown(socket.SHUT_WR)

    def _next_record(self) -> bytes | None:
        """Receive the current record and no more; None if it is incomplete."""
        part = self._part
        while (missing := self._missing(part)) > 0:
            try:
                data = self._sock.recv(missing)
            except BlockingIOError:
                self._part = part
                return None
            if not data:
                if part or self._hello or self._tls is not None:
                    raise TlsError("the client disconnected during the handshake")
                raise ConnectionResetError("the client sent nothing; it may be a health check")
            part += data
            if self._tls is None and part[0] != _HANDSHAKE:
                if part[:1].isupper():  # the start of an HTTP request
                    raise TlsError("plain HTTP on an HTTPS port", is_plain_http=True)
                raise TlsError("not a TLS handshake")
        self._part = b""
        return part

    def _missing(self, part: bytes) -> int:
        if len(part) < _HEAD_BYTES:
            return _HEAD_BYTES - len(part)
        length = int.from_bytes(part[3:_HEAD_BYTES])
        if length > _MAX_RECORD_BYTES:
            raise TlsError("not a TLS handshake")
        return _HEAD_BYTES + length - len(part)

    def _on_client_hello(self, record: bytes) -> None:
        """Take a record of the ClientHello; when it is complete, choose the context and begin."""
        self._hello += record
        self._message += record[_HEAD_BYTES:]
        if not is_complete(self._message):
            if len(self._hello) > _MAX_HELLO_BYTES:
                raise TlsError("the ClientHello is too long")
            return
        if wants_finite_field(self._message):
            with contextlib.suppress(OSError):
                self._sock.send(_HANDSHAKE_FAILURE)
            raise TlsError("the client's key exchange uses a finite field (ffdhe); only elliptic curves are supported")
        context = self._choose(server_name(self._message))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(self._hello)
        self._hello = self._message = b""
        self._tls = tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        # PERF: benchmarks/tls.py: the inner object does the same in two microseconds less for each request.
        inner: Any = getattr(tls, "_sslobj", tls)
        self._read, self._write, self._pending = inner.read, inner.write, inner.pending

    def _advance(self, tls: ssl.SSLObject) -> bool:
        """Have OpenSSL go on with what has been received; return whether the handshake is complete."""
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self._flush()  # the alert for the client
            raise TlsError(_reason_of(error)) from None
        else:
            self._is_open = True
            if tls.context.verify_mode is not ssl.CERT_NONE:
                self.client_cert = client_cert_of(tls)
        return self._is_open

    # --- what a socket does ----------------------------------------------------------------------------

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return the plain text of up to about `size` bytes received; b"" when the client has disconnected.

        A disconnect without close_notify is accepted, as HTTP messages have their length. With MSG_PEEK nothing is
        removed or decrypted: it only shows whether there is anything, and any thread may use it.
        """
        data = self._sock.recv(size, flags)
        if self._is_lingering or not data or flags:
            return data  # it is discarded anyway
        if len(data) <= RECORD_BYTES:
            text = self._unwrap(data)
        else:  # in slices, as OpenSSL's buffer never shrinks
            view = memoryview(data)
            slices = (view[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))
            text = b"".join([self._unwrap(each) or b"" for each in slices])
        # OpenSSL replies by itself to a key update or a renegotiation.
        if self._outgoing.pending and not self._flush() and len(self._unsent) > _MAX_UNSENT_BYTES:
            raise ConnectionResetError("the client keeps requesting new keys without reading")
        if text:
            return text
        if text is None:
            return b""
        raise BlockingIOError("not a whole record yet")

    def _unwrap(self, data: bytes | memoryview) -> bytes | None:
        """Return the plain text of all records that are complete; None after close_notify."""
        incoming, read, pending = self._incoming, self._read, self._pending
        incoming.write(data)
        text = b""
        # PERF: benchmarks/tls.py: room for a whole record costs as much as to read a small request
        size = len(data)
        try:
            while incoming.pending or pending():
                piece = read(size)
                if not piece:  # anything behind close_notify is ignored
                    return text or None
                text += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self._flush()
            raise ConnectionResetError(_reason_of(error)) from None
        return text

    def send(self, data: bytes | memoryview) -> int:
        """Send as much as the system takes, and return how much of `data` that was.

        After less than all, or BlockingIOError, the next call must begin with the same bytes: up to a record of them is
        encrypted already, and reported as sent only when it is.
        """
        self._is_sending = True
        try:
            if self._is_closed:
                raise ConnectionAbortedError("closed by another thread")
            done = self._send_all(data)
        finally:
            self._is_sending = False
        if not done and data:
            raise BlockingIOError("the client accepts no more data")
        return done

    def _send_all(self, data: bytes | memoryview) -> int:
        if (self._unsent or self._outgoing.pending) and not self._flush():
            return 0
        done, self._accepted_unreported = self._accepted_unreported, 0
        size = len(data)
        if size <= RECORD_BYTES and not done:
            return self._send_record(data)
        view = memoryview(data)
        while done < size:
            sent = self._send_record(view[done : done + RECORD_BYTES])
            if not sent:
                break
            done += sent
        return done

    def _send_record(self, data: bytes | memoryview) -> int:
        """Encrypt and send; 0 if the system did not take all of it, and then its size is reported by a later call."""
        try:
            size: int = self._write(data)
        except ssl.SSLError as error:
            raise ConnectionResetError(_reason_of(error)) from None
        wrapped = self._outgoing.read()
        try:
            sent = self._sock.send(wrapped)
        except BlockingIOError:
            sent = 0
        if sent == len(wrapped):
            return size
        self._unsent, self._accepted_unreported = memoryview(wrapped)[sent:], size
        return 0

    def _flush(self) -> bool:
        """Send what is encrypted; False if the system does not take all of it."""
        if self._tls is None:
            return True
        if self._outgoing.pending:
            self._unsent = memoryview(bytes(self._unsent) + self._outgoing.read())
        if self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except BlockingIOError:
                return False
            # An empty view of bytes would keep them, for as long as the connection is idle.
            self._unsent = self._unsent[sent:] if sent < len(self._unsent) else _NOTHING
        return not self._unsent

    def shutdown(self, how: int) -> None:
        """Send close_notify and a TCP FIN; from now on `recv` returns raw bytes, to be discarded."""
        self._send_close_notify()
        self._is_lingering = True
        self._sock.shutdown(how)

    def close(self) -> None:
        """Send close_notify, if that can be done at once, and close the socket; from any thread."""
        self._is_closed = True
        # Two threads must not use OpenSSL at once. A sender sets `_is_sending` and then checks `_is_closed`; here it is
        # the other way round, so that one of the two sees the other.
        if not self._is_lingering and not self._is_sending:
            self._send_close_notify()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # a forked child may have a copy
        self._sock.close()

    def _send_close_notify(self) -> None:
        if self._tls is None or not self._is_open:
            return
        with contextlib.suppress(OSError):
            if not self._flush():
                return  # without close_notify the client can detect that data is missing
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()


_REASONS = (
    ("UNSUPPORTED_PROTOCOL", "the client supports no TLS version from 1.2 on"),
    ("VERSION_TOO_LOW", "the client supports no TLS version from 1.2 on"),
    ("ALERT_PROTOCOL_VERSION", "the client requires another TLS version"),
    ("NO_SHARED_CIPHER", "no cipher in common"),
    ("NO_SUITABLE_", "no key exchange or signature algorithm in common"),
    ("NO_SHARED_", "no key exchange or signature algorithm in common"),
    ("DID_NOT_RETURN_A_CERTIFICATE", "the client sent no certificate (client_cert is 'required')"),
    ("ALERT_UNKNOWN_CA", "the client does not trust the issuer of the server's certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "the client reports that the server's certificate has expired"),
    ("ALERT_BAD_CERTIFICATE", "the client does not accept the server's certificate"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the client does not accept the server's certificate"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "the client does not accept the server's certificate"),
)


def _reason_of(error: ssl.SSLError) -> str:
    """Return the reason for a log; it contains no data of the client's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate is not accepted: {error.verify_message}"
    reason = error.reason or "TLS protocol violation"
    known = next((text for mark, text in _REASONS if mark in reason), None)
    return known or f"TLS failed: {reason.replace('_', ' ').lower()}"
