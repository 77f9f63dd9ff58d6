"""Certificate and key files: load them, and read their names and dates.

In: the configured paths. Out: a context that uses them, the names of a certificate, the day it expires. Refuses, as
InvalidSetting that names the file, one that is missing, unreadable, not PEM or encrypted, and a key that does not
match. Knows nothing of sockets.
"""

from __future__ import annotations

import _ssl  # what `ssl` is made of: only it reads a certificate from a file
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from msgspec import Struct

from fanlight.errors import InvalidSetting
from fanlight.message.client_cert import ClientCert

_DER_BEGINS = b"\x30"


class _IsEncrypted(Exception):
    """A key is encrypted with a password."""


class Certificate(Struct, frozen=True):
    """A certificate chain and its key, in two files or one."""

    path: str
    key_path: str

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load it into a context. Raises InvalidSetting."""
        _check_pem(self.path, "certificate", b"CERTIFICATE-----")
        _check_pem(self.key_path, "key", b"PRIVATE KEY-----")
        try:
            context.load_cert_chain(self.path, self.key_path, password=_refuse_password)
        except _IsEncrypted:
            raise InvalidSetting(
                f"the key {self.key_path} is encrypted with a password, which the server can't ask for;"
                f" remove it: openssl pkey -in {self.key_path} -out FILE"
            ) from None
        except (ssl.SSLError, OSError, ValueError) as error:
            raise InvalidSetting(self._why_not(error)) from None

    def _why_not(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or str(error)
        if "VALUES_MISMATCH" in reason or "TYPE_MISMATCH" in reason:
            return (
                f"the key {self.key_path} does not match the certificate {self.path};"
                " the first certificate in the file must be that of the key, followed by its chain"
            )
        if "KEY_TOO_SMALL" in reason or "MD_TOO_WEAK" in reason:
            return f"the certificate {self.path} is too weak ({_plain(reason)}); use ECDSA P-256 or RSA 2048"
        files = self.path if self.path == self.key_path else f"{self.path} and {self.key_path}"
        return f"{files} can't be used as certificate and key: {_plain(reason)}"

    def names(self) -> tuple[str, ...]:
        """Return the DNS names of the certificate, in lower case; a wildcard begins with `*.`."""
        names = _decoded(self.path).get("subjectAltName", ())
        return tuple(name.lower().removesuffix(".") for kind, name in names if kind == "DNS")

    def validity_warning(self, now: datetime) -> str:
        """Return why the certificate is not valid at this time, "" if it is."""
        decoded = _decoded(self.path)
        begins, ends = _time(decoded["notBefore"]), _time(decoded["notAfter"])
        if now > ends:
            return f"the certificate {self.path} expired on {ends:%Y-%m-%d}: clients will reject it"
        if now < begins:
            return f"the certificate {self.path} is not valid before {begins:%Y-%m-%d}; is the clock right?"
        return ""


def expiry(path: str) -> datetime | None:
    """Return when the first certificate of a file expires, None if it can't be read."""
    try:
        return _time(_decoded(path)["notAfter"])
    except InvalidSetting:
        return None


def load_client_ca(context: ssl.SSLContext, path: str) -> None:
    """Have a context trust client certificates issued by the CAs of a file. Raises InvalidSetting."""
    _check_pem(path, "client_ca", b"CERTIFICATE-----")
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        raise InvalidSetting(
            f"client_ca {path} can't be used: {_plain(getattr(error, 'reason', None) or str(error))}"
        ) from None


def client_cert_of(tls: ssl.SSLObject) -> ClientCert | None:
    """Return the verified certificate of a client, None if it sent none."""
    der = tls.getpeercert(binary_form=True)
    decoded: Mapping[str, Any] | None = tls.getpeercert()
    if der is None or not decoded:
        return None
    return ClientCert(
        subject=_parts(decoded.get("subject", ())),
        issuer=_parts(decoded.get("issuer", ())),
        serial=decoded.get("serialNumber", ""),
        not_before=_time(decoded["notBefore"]),
        not_after=_time(decoded["notAfter"]),
        names=tuple(value for _kind, value in decoded.get("subjectAltName", ())),
        der=der,
    )


def _parts(name: tuple[tuple[tuple[str, str], ...], ...]) -> dict[str, str]:
    """Return the parts of a distinguished name; the last of repeated ones, which is the most specific."""
    return {key: value for relative in name for key, value in relative}


def _decoded(path: str) -> Mapping[str, Any]:
    try:
        # There is no public function for this; tests/server/tls/test_certificates.py fails if it is ever removed.
        decoded: Mapping[str, Any] = _ssl._test_decode_cert(path)  # type: ignore[attr-defined]  # noqa: SLF001 - not in typeshed
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise InvalidSetting(f"the certificate {path} can't be read: {_plain(reason)}") from None
    return decoded


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _check_pem(path: str, what: str, mark: bytes) -> None:
    """Refuse a file without the expected PEM block; the message names the likely mistake."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"the {what} {path} can't be read: {getattr(error, 'strerror', error)}") from None
    if mark in data:
        return
    message = f"the {what} {path} has no {mark.decode().rstrip('-')} in it"
    if not data.strip():
        message = f"the {what} {path} is empty"
    elif b"-----BEGIN" in data:
        message += "; are --cert and --key swapped?"
    elif data.startswith(_DER_BEGINS):
        message += f"; it looks like DER; convert it to PEM: openssl {'x509' if mark[:1] == b'C' else 'pkey'}"
        message += f" -inform der -in {path} -out FILE"
    else:
        message += ", so it is not a PEM file"
    raise InvalidSetting(message)


def _refuse_password() -> NoReturn:
    raise _IsEncrypted


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower() if reason.isupper() or "_" in reason else reason
