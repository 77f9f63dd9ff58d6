"""The TLS configuration of a server: its certificates, chosen by SNI, and its protocol settings.

In: paths of certificates and keys, and of the CA for client certificates. Out: `wrap`, which makes a client's socket a
TLS stream. Refuses, as InvalidSetting, files that can't be used; when files change later and can't be used, that is
logged and the old certificates stay in use. Knows nothing of HTTP and of listeners.

TLS 1.3, and TLS 1.2 with ephemeral, authenticated ciphers: what every client of the last ten years supports (RFC 9325).
No compression, no renegotiation.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from fanlight.errors import InvalidSetting
from fanlight.server.tls.certificates import Certificate, load_client_ca
from fanlight.server.tls.tls_stream import TlsStream

# RFC 9325 section 4.2, and ChaCha20 for clients without AES in hardware; those of TLS 1.3 are all good.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
# OpenSSL encrypts session tickets with keys that live as long as a context: a stolen one would decrypt all TLS 1.2
# sessions of that time. So a context is used for no longer than a day.
FRESH_SECONDS = 24 * 60 * 60.0

ClientCertMode = Literal["off", "optional", "required"]
_VERIFY = {"off": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_FileStates = tuple[tuple[int, ...], ...]

log = logging.getLogger("fanlight.server")


class _Contexts(Struct, frozen=True):
    """The contexts loaded at one time, by server name."""

    first: ssl.SSLContext
    exact: dict[str, ssl.SSLContext]
    wild: dict[str, ssl.SSLContext]  # by what follows `*.`

    def choose(self, name: str | None) -> ssl.SSLContext:
        """Return the context for a server name; the first one is the default."""
        if name is None:
            return self.first
        return self.exact.get(name) or self.wild.get(name.partition(".")[2]) or self.first


class TlsConfig:
    """The TLS configuration that the connections of one process share."""

    def __init__(
        self,
        *,
        certificates: Sequence[tuple[str, str]] = (),
        is_dev: bool = False,
        hosts: Sequence[str] = (),
        client_ca: str = "",
        client_cert: ClientCertMode = "off",
    ) -> None:
        """Load certificates and keys, or with `is_dev` create one for this machine and the addresses in `hosts`."""
        self._pairs, self._is_dev, self._hosts = tuple(certificates), is_dev, tuple(hosts)
        self._client_ca, self._client_cert = client_ca, client_cert
        if not certificates and not is_dev:
            raise InvalidSetting("TLS needs a certificate; add --cert and --key, or --tls dev")
        self._locate_files()
        self._signature = self._file_states()
        self._contexts = self._load()
        self._loaded_at = time.monotonic()
        self._failed: _FileStates | None = None  # what could not be loaded at the last check
        self._given_up: _FileStates | None = None  # what could not be loaded twice, and was logged

    def wrap(self, sock: socket.socket) -> TlsStream:
        """Return a TLS stream over a connected socket; nothing is sent yet."""
        return TlsStream(sock, self._contexts.choose)

    def refresh(self) -> bool:
        """Reload the files if they have changed; return whether new connections get new certificates.

        Cheap enough for every few seconds. Files that can't be used are logged only if they are the same at the next
        check: renewing a certificate writes more than one file.
        """
        signature = self._file_states()
        is_stale = time.monotonic() - self._loaded_at > FRESH_SECONDS
        if signature == self._given_up or (signature == self._signature and not is_stale):
            return False
        try:
            if is_stale:
                self._locate_files()
                signature = self._file_states()
            self._contexts = self._load()
        except InvalidSetting as error:
            if self._failed == signature:
                self._given_up = signature
                log.error("the certificates are not reloaded: %s", error)  # noqa: TRY400 - the reason is in the message
            self._failed = signature
            return False
        self._loaded_at, self._signature = time.monotonic(), signature
        self._failed = self._given_up = None
        if not is_stale:
            log.info("the certificates were reloaded")
        return True

    def _file_states(self) -> _FileStates:
        return tuple(_file_state(path) for path in self._files)

    def _locate_files(self) -> None:
        """List the files to watch; a missing or expiring development certificate is created."""
        if self._is_dev:
            from fanlight.server.tls.dev_certificate import dev_certificate  # noqa: PLC0415 - for `--tls dev` only

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
        if warning := certificate.validity_warning(datetime.now(UTC)):
            log.warning("%s", warning)
        if self._client_ca:
            load_client_ca(context, self._client_ca)
            context.verify_mode = _VERIFY[self._client_cert]
        return context


def _file_state(path: str) -> tuple[int, ...]:
    """Return what changes when a file is written, replaced or made readable; () for a missing one."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
