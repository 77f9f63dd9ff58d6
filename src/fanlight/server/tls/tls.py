"""The certificates of a server, and how TLS is spoken with them.

In: paths, and whom clients must be signed by. Out: `wrap`, which makes a client's socket one that
speaks TLS, with the certificate for the name it asks for. Refuses, as InvalidSetting, files that are
no good; later, when they were good once, says so and goes on with the old ones. What a client did
wrong is a `TlsError`. Knows nothing of HTTP and of listeners.

TLS 1.2 with ciphers that are ephemeral and authenticated, and TLS 1.3: what every client of the last
ten years knows (RFC 9325). No compression, no renegotiation.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fanlight.errors import InvalidSetting
from fanlight.server.tls.certificates import Certificate, expiry, load_client_ca
from fanlight.server.tls.dev_certificate import dev_certificate
from fanlight.server.tls.tls_stream import DONE, WANTS_READ, WANTS_WRITE, Outcome, TlsError, TlsStream

# RFC 9325 section 4.2, and ChaCha20 for clients without AES in hardware; those of TLS 1.3 are all good.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# OpenSSL wraps its session tickets with keys that live as long as a context: who stole one could read
# what TLS 1.2 said all the while. So a context lives no longer than a day.
FRESH_SECONDS = 24 * 60 * 60.0

ClientCertMode = Literal["off", "optional", "required"]
_VERIFY = {"off": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_FileState = tuple[tuple[int, ...], ...]

log = logging.getLogger("fanlight.server")


@dataclass(frozen=True, slots=True)
class _Contexts:
    """What was loaded at one time, by the names it is for."""

    first: ssl.SSLContext
    exact: dict[str, ssl.SSLContext]
    wild: dict[str, ssl.SSLContext]  # by what follows `*.`

    def choose(self, name: str | None) -> ssl.SSLContext:
        """Return what serves a name; the first serves whoever asks for none, or for one that nobody has."""
        if name is None:
            return self.first
        return self.exact.get(name) or self.wild.get(name.partition(".")[2]) or self.first


class Tls:
    """How a server speaks TLS; the connections of one process share it."""

    def __init__(
        self,
        *,
        certificates: Sequence[tuple[str, str]] = (),
        is_dev: bool = False,
        hosts: Sequence[str] = (),
        client_ca: str = "",
        client_cert: ClientCertMode = "off",
    ) -> None:
        """Load pairs of certificate and key, or make one for this machine and the addresses in `hosts`."""
        self._pairs, self._is_dev, self._hosts = tuple(certificates), is_dev, tuple(hosts)
        self._client_ca, self._client_cert = client_ca, client_cert
        if not certificates and not is_dev:
            raise InvalidSetting("there is no certificate; add --cert and --key, or --tls dev")
        self._locate_files()
        self._signature = self._file_state()
        self._contexts = self._load()
        self._loaded_at = time.monotonic()
        self._failed: _FileState | None = None  # what could not be loaded a moment ago, when we looked last
        self._given_up: _FileState | None = None  # what could not be loaded, and is told

    def wrap(self, sock: socket.socket) -> TlsStream:
        """Return a connected socket as one that speaks TLS; nothing is said yet."""
        return TlsStream(sock, self._choose)

    def refresh(self) -> bool:
        """Load the files anew if they have changed; True if new connections get something new.

        Cheap enough for every few seconds. Files that are no good are told of when they still are the
        next time: who renews a certificate writes more than one file.
        """
        signature = self._file_state()
        is_stale = time.monotonic() - self._loaded_at > FRESH_SECONDS
        if signature == self._given_up or (signature == self._signature and not is_stale):
            return False
        try:
            if is_stale:
                self._locate_files()
                signature = self._file_state()
            self._contexts = self._load()
        except InvalidSetting as error:
            if self._failed == signature:
                self._given_up = signature
                log.error("the certificates stay as they are: %s", error)  # noqa: TRY400 - the reason says it all
            self._failed = signature
            return False
        self._loaded_at, self._signature = time.monotonic(), signature
        self._failed = self._given_up = None
        if not is_stale:
            log.info("the certificates were loaded anew")
        return True

    def _choose(self, name: str | None) -> ssl.SSLContext:
        return self._contexts.choose(name)

    def _file_state(self) -> _FileState:
        """Return what tells whether a file has changed; one that is not there has nothing."""
        return tuple(_file_state(path) for path in self._files)

    def _locate_files(self) -> None:
        """Say which files it is about; the one for development is made if it is not there, or nears its end."""
        if self._is_dev:
            self._pairs = (dev_certificate(self._hosts),)
        self._files = tuple(dict.fromkeys(path for pair in self._pairs for path in pair))
        if self._client_ca:
            self._files += (self._client_ca,)

    def _load(self) -> _Contexts:
        certificates = [Certificate(*pair) for pair in self._pairs]
        contexts = [self._context(each) for each in certificates]
        exact: dict[str, ssl.SSLContext] = {}
        wild: dict[str, ssl.SSLContext] = {}
        for certificate, context in zip(certificates, contexts, strict=True):
            for name in certificate.names():
                table, key = (wild, name[2:]) if name.startswith("*.") else (exact, name)
                table.setdefault(key, context)
        return _Contexts(contexts[0], exact, wild)

    def _context(self, certificate: Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.options |= ssl.OP_SINGLE_ECDH_USE
        context.set_alpn_protocols(["http/1.1"])
        certificate.load_into(context)
        if (complaint := certificate.validity_warning(datetime.now(UTC))) != "":
            log.warning("%s", complaint)
        if self._client_ca:
            load_client_ca(context, self._client_ca)
            context.verify_mode = _VERIFY[self._client_cert]
        return context


def _file_state(path: str) -> tuple[int, ...]:
    """Return what differs when a file was written, replaced, or made readable for us."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


__all__ = [
    "DONE",
    "WANTS_READ",
    "WANTS_WRITE",
    "ClientCertMode",
    "Outcome",
    "Tls",
    "TlsError",
    "TlsStream",
    "expiry",
]
