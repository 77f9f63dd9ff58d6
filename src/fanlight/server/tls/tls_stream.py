"""One client's TLS, standing where its socket would stand.

In: a non-blocking socket, and who knows the certificate for a name. Out: the client's bytes without
their wrapping, and ours with it: `recv`, `send`, `shutdown` and `close` keep the promises of a socket's
own, BlockingIOError among them. Refuses, in the handshake, whoever can't be spoken with: a `TlsError`
that says why. Knows nothing of HTTP, of listeners and of files.

OpenSSL never touches the socket: what arrives is put into one buffer of its own and what it wants sent
is fetched from another. So a whole exchange is one receive and one send, nothing that has arrived stays
where no poller sees it, and reading never waits for writing.

In the handshake not a byte more is received than the record that is on its way: the request behind it
stays with the system, and wakes the poller. The client gets something made for it when its first
message is whole: one that only connects costs a socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from enum import Enum
from typing import Any

from fanlight.message.client_cert import ClientCert
from fanlight.server.tls.certificates import client_cert_of
from fanlight.server.tls.client_hello import is_complete, server_name, wants_finite_field

RECORD_BYTES = 16 * 1024  # of plain text, at most, in one record (RFC 8446 section 5.1)
_HEAD_BYTES = 5  # of a record: its kind, a version, its length
_MOST_RECORD_BYTES = RECORD_BYTES + 2048  # what wrapping adds is less
_MOST_HELLO_BYTES = RECORD_BYTES  # a real one has two thousand, with keys that stand up to quantum computers
_MOST_UNSENT_BYTES = 64 * 1024  # of answers to a client that asks for new keys and reads none of them
_HANDSHAKE = 22  # the kind of record that a client begins with
_HANDSHAKE_FAILURE = b"\x15\x03\x03\0\x02\x02\x28"  # what OpenSSL would say of keys that we don't use

Choose = Callable[[str | None], ssl.SSLContext]


class Outcome(Enum):
    """How far a handshake has come."""

    DONE = "done"
    WANTS_READ = "wants read"
    WANTS_WRITE = "wants write"


DONE, WANTS_READ, WANTS_WRITE = Outcome


class TlsError(ConnectionError):
    """A handshake came to nothing; the message says why, of the client, in a few words."""

    def __init__(self, reason: str, *, is_plain_http: bool = False) -> None:
        """Keep the reason, and whether the client only forgot the s of https."""
        super().__init__(reason)
        self.is_plain_http = is_plain_http


class TlsStream:
    """A connected socket that speaks TLS; it belongs to one thread at a time, as a socket does."""

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
        "server_name",
    )

    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO

    def __init__(self, sock: socket.socket, choose: Choose) -> None:
        """Take over a socket; `choose` says by which context a client is served that asks for a name."""
        self._sock, self._choose, self.family = sock, choose, sock.family
        self.server_name: str | None = None  # what the client asked for, in lower case
        self._tls: ssl.SSLObject | None = None
        self._part = b""  # of the record that is on its way
        self._hello = self._message = b""  # the records of the first message, and what they carry
        self._is_open = self._is_sending = self._is_lingering = self._is_closed = False
        self._unsent = memoryview(b"")  # wrapped, and not taken by the system
        self._accepted_unreported = 0  # bytes of plain text that are in there: `send` has not called them sent
        self.client_cert: ClientCert | None = None  # what the client has shown, and was verified

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def getsockopt(self, level: int, option: int) -> int:
        """Return an option of the socket."""
        return self._sock.getsockopt(level, option)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the socket."""
        self._sock.setsockopt(level, option, value)

    def detach(self) -> int:
        """Give up the socket without a word to its client, and return its descriptor."""
        return self._sock.detach()

    # --- the handshake ----------------------------------------------------------------------------

    def handshake(self) -> Outcome:
        """Go on with the handshake, and say what it waits for; OSError, mostly TlsError, if there is no going on."""
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
            if self._tls is not None:
                self._advance(self._tls)
        return DONE if self._flush() else WANTS_WRITE

    def send_plain(self, data: bytes) -> None:
        """Send as it is, for the last time, to one who never began to speak TLS; that it arrives is not sure."""
        with contextlib.suppress(OSError):
            self._sock.recv(4 * RECORD_BYTES)  # what it sent: unread, it would make our leaving a reset
        with contextlib.suppress(OSError):
            self._sock.send(data)
            self._sock.shutdown(socket.SHUT_WR)

    def _next_record(self) -> bytes | None:
        """Receive what is on its way and no more; None if that is not all there."""
        part = self._part
        while (missing := self._missing(part)) > 0:
            try:
                data = self._sock.recv(missing)
            except BlockingIOError:
                self._part = part
                return None
            if not data:
                raise self._disconnect_error(part)
            part += data
            if self._tls is None and part[0] != _HANDSHAKE:
                raise _no_tls(part)
        self._part = b""
        return part

    def _disconnect_error(self, part: bytes) -> OSError:
        """Return the error for a client that has left; one that never began is no news: such are health checks."""
        has_begun = part or self._hello or self._tls is not None
        return TlsError("it left in the middle of the handshake") if has_begun else ConnectionResetError("it left")

    def _missing(self, part: bytes) -> int:
        if len(part) < _HEAD_BYTES:
            return _HEAD_BYTES - len(part)
        length = int.from_bytes(part[3:_HEAD_BYTES])
        if length > _MOST_RECORD_BYTES:
            raise TlsError("it does not speak TLS")
        return _HEAD_BYTES + length - len(part)

    def _on_client_hello(self, record: bytes) -> None:
        """Take a record of the first message; when that is whole, choose how to answer and begin."""
        self._hello += record
        self._message += record[_HEAD_BYTES:]
        if not is_complete(self._message):
            if len(self._hello) > _MOST_HELLO_BYTES:
                raise TlsError("its first message is too long")
            return
        if wants_finite_field(self._message):
            with contextlib.suppress(OSError):
                self._sock.send(_HANDSHAKE_FAILURE)
            raise TlsError("it wants keys of a finite field (ffdhe), and we use curves only")
        self.server_name = server_name(self._message)
        self._begin(self._choose(self.server_name))
        self._incoming.write(self._hello)
        self._hello = self._message = b""

    def _begin(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        # PERF: benchmarks/tls.py: the wrapped object does the same in two microseconds less for each request.
        inner: Any = getattr(tls, "_sslobj", tls)
        self._read, self._write, self._pending = inner.read, inner.write, inner.pending

    def _advance(self, tls: ssl.SSLObject) -> None:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self._flush()  # the alert that tells the client
            raise TlsError(_reason_of(error)) from None
        else:
            self._is_open = True
            if tls.context.verify_mode is not ssl.CERT_NONE:
                self.client_cert = client_cert_of(tls)

    # --- what a socket does ----------------------------------------------------------------------------

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return all that can be read of about so many bytes received; b"" when the client has left.

        It may leave without a word, by TLS: messages of HTTP say themselves how long they are. With MSG_PEEK
        nothing is taken, or unwrapped: it only shows whether there is anything, and any thread may look.
        """
        data = self._sock.recv(size, flags)
        if self._is_lingering or not data or flags:
            return data  # of what is thrown away, only its size is looked at
        if len(data) <= RECORD_BYTES:
            text = self._unwrap(data)
        else:  # in slices, as the buffer of OpenSSL's never shrinks
            view = memoryview(data)
            slices = (view[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))
            text = b"".join([self._unwrap(each) or b"" for each in slices])
        if self._outgoing.pending:
            self._flush_own_records()
        if text:
            return text
        if text is None:
            return b""
        raise BlockingIOError("not a whole record yet")

    def _unwrap(self, data: bytes | memoryview) -> bytes | None:
        """Return the plain text of all records that are whole now; None if the client says that it was all."""
        incoming, read, pending = self._incoming, self._read, self._pending
        incoming.write(data)
        text = b""
        try:
            while incoming.pending or pending():
                piece = read(RECORD_BYTES)
                if not piece:  # whatever stands behind a goodbye stays there
                    return text or None
                text += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with contextlib.suppress(OSError):
                self._flush()
            raise ConnectionResetError(_reason_of(error)) from None
        return text

    def _flush_own_records(self) -> None:
        """Send what OpenSSL answers of its own: to new keys, or to the wish to begin anew."""
        if not self._flush() and len(self._unsent) > _MOST_UNSENT_BYTES:
            raise ConnectionResetError("it asks for new keys again and again, and reads no answer")

    def send(self, data: bytes | memoryview) -> int:
        """Send as much as the system takes, and return how much of `data` that was.

        After less than all, or BlockingIOError, the next call must begin with the same bytes: up to a
        record of them is wrapped already, and only called sent when it is.
        """
        self._is_sending = True
        try:
            if self._is_closed:
                raise ConnectionAbortedError("it was closed by another thread")
            done = self._send_all(data)
        finally:
            self._is_sending = False
        if not done and data:
            raise BlockingIOError("the client takes no more")
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
        """Wrap and send; 0 if the system did not take all of it, which is then owed."""
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
        """Send what is wrapped; False if the system does not take all of it."""
        if self._tls is None:
            return True
        if self._outgoing.pending:
            self._unsent = memoryview(bytes(self._unsent) + self._outgoing.read())
        if self._unsent:
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except BlockingIOError:
                return False
        return not self._unsent

    def shutdown(self, how: int) -> None:
        """Say that we send no more, by TLS and by TCP; from now on `recv` gives raw bytes, to be thrown away."""
        self._send_close_notify()
        self._is_lingering = True
        self._sock.shutdown(how)

    def close(self) -> None:
        """Say goodbye, if that can be done at once, and close the socket; any thread may."""
        self._is_closed = True
        # OpenSSL must not be asked by two threads at once, and a sender looks at `_is_closed` after it has said
        # that it sends: one of the two sees the other.
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
                return  # the client does not get all that it was promised, and without our word it can tell
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()

    # --- what is known of the client ------------------------------------------------------------------

    @property
    def version(self) -> str:
        """TLSv1.3 or TLSv1.2; "" before the handshake."""
        return (self._tls.version() if self._tls is not None else None) or ""

    @property
    def cipher(self) -> str:
        """OpenSSL's name of the cipher; "" before the handshake."""
        cipher = self._tls.cipher() if self._tls is not None else None
        return cipher[0] if cipher is not None else ""


def _no_tls(data: bytes) -> TlsError:
    """Return the error for a client whose first byte begins no TLS: a letter begins a request."""
    if data[:1].isupper():
        return TlsError("it speaks plain http, and this port speaks https", is_plain_http=True)
    return TlsError("it does not speak TLS")


_REASONS = (
    ("UNSUPPORTED_PROTOCOL", "it knows no version of TLS from 1.2 on"),
    ("VERSION_TOO_LOW", "it knows no version of TLS from 1.2 on"),
    ("ALERT_PROTOCOL_VERSION", "it wants another version of TLS"),
    ("NO_SHARED_CIPHER", "it knows no cipher that we use"),
    ("NO_SUITABLE_", "it knows no algorithm for keys or signatures that we use"),
    ("NO_SHARED_", "it knows no algorithm for keys or signatures that we use"),
    ("DID_NOT_RETURN_A_CERTIFICATE", "it shows no certificate, and must (client_cert is 'required')"),
    ("ALERT_UNKNOWN_CA", "it does not know who signed our certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "it says that our certificate has expired"),
    ("ALERT_BAD_CERTIFICATE", "it does not accept our certificate"),
    ("ALERT_CERTIFICATE_UNKNOWN", "it does not accept our certificate"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "it does not accept our certificate"),
)


def _reason_of(error: ssl.SSLError) -> str:
    """Return what went wrong, in words for a log: no byte of the client's is in them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    reason = error.reason or "it broke the rules of TLS"
    told = next((words for mark, words in _REASONS if mark in reason), None)
    return told or f"TLS failed: {reason.replace('_', ' ').lower()}"
