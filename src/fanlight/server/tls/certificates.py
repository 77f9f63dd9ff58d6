"""Certificates in files: what is in them, and whether they are any good.

In: the paths that an operator gave. Out: a context that has them loaded, the names a certificate is
for, the day it ends. Refuses, as InvalidSetting that names the file, what is not there, can't be read,
is no PEM, has a password or does not belong together. Knows nothing of sockets.
"""

from __future__ import annotations

import _ssl  # what `ssl` is made of: only it reads a certificate from a file
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from fanlight.errors import InvalidSetting
from fanlight.message.client_cert import ClientCert

_DER_BEGINS = b"\x30"


class _HasPassword(Exception):
    """A key can't be read without a password."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its key: two files, or the same one twice."""

    path: str
    key_path: str

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have a context serve it. Raises InvalidSetting."""
        _check_pem(self.path, "certificate", b"CERTIFICATE-----")
        _check_pem(self.key_path, "key", b"PRIVATE KEY-----")
        try:
            context.load_cert_chain(self.path, self.key_path, password=_refuse_password)
        except _HasPassword:
            raise InvalidSetting(
                f"the key {self.key_path} has a password, and nobody is there to type it;"
                f" take it off: openssl pkey -in {self.key_path} -out FILE"
            ) from None
        except (ssl.SSLError, OSError, ValueError) as error:
            raise InvalidSetting(self._why_not(error)) from None

    def _why_not(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or str(error)
        if "VALUES_MISMATCH" in reason or "TYPE_MISMATCH" in reason:
            return (
                f"the key {self.key_path} does not fit the certificate {self.path};"
                " the file's first certificate must be the one the key was made for, and then its chain"
            )
        if "KEY_TOO_SMALL" in reason or "MD_TOO_WEAK" in reason:
            return f"the certificate {self.path} is too weak ({_plain(reason)}); make one with ECDSA P-256 or RSA 2048"
        files = self.path if self.path == self.key_path else f"{self.path} and {self.key_path}"
        return f"{files} can't be used as certificate and key: {_plain(reason)}"

    def names(self) -> tuple[str, ...]:
        """Return the names the certificate is for, in lower case; a wildcard begins with `*.`."""
        names = _decoded(self.path).get("subjectAltName", ())
        return tuple(name.lower().removesuffix(".") for kind, name in names if kind == "DNS")

    def validity_warning(self, now: datetime) -> str:
        """Return what is wrong with the certificate's dates, "" if nothing."""
        decoded = _decoded(self.path)
        begins, ends = _time(decoded["notBefore"]), _time(decoded["notAfter"])
        if now > ends:
            return f"the certificate {self.path} has expired, on {ends:%Y-%m-%d}: clients will refuse it"
        if now < begins:
            return f"the certificate {self.path} is only good from {begins:%Y-%m-%d} on; is the clock right?"
        return ""


def expiry(path: str) -> datetime | None:
    """Return when the first certificate of a file ends, None where there is none to be read."""
    try:
        return _time(_decoded(path)["notAfter"])
    except InvalidSetting:
        return None


def load_client_ca(context: ssl.SSLContext, path: str) -> None:
    """Have a context believe clients' certificates that those of a file have signed. Raises InvalidSetting."""
    _check_pem(path, "client_ca", b"CERTIFICATE-----")
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        raise InvalidSetting(
            f"client_ca {path} can't be used: {_plain(getattr(error, 'reason', None) or str(error))}"
        ) from None


def client_cert_of(tls: ssl.SSLObject) -> ClientCert | None:
    """Return the certificate that a client has shown and that was verified, None if it showed none."""
    der, decoded = tls.getpeercert(binary_form=True), tls.getpeercert()
    if der is None or not decoded:
        return None
    return _client_cert(der, decoded)


def _client_cert(der: bytes, decoded: Mapping[str, Any]) -> ClientCert:
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
    """Return a distinguished name's parts; of one that comes more than once, the last: the most specific."""
    return {key: value for relative in name for key, value in relative}


def _decoded(path: str) -> Mapping[str, Any]:
    try:
        # There is no public way; tests/server/tls/test_certificates.py tells if it should ever go.
        decoded: Mapping[str, Any] = _ssl._test_decode_cert(path)  # type: ignore[attr-defined]  # noqa: SLF001 - not in typeshed
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise InvalidSetting(f"the certificate {path} can't be read: {_plain(reason)}") from None
    return decoded


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _check_pem(path: str, what: str, mark: bytes) -> None:
    """Refuse a file that can't be what it should be, and say which mistake it looks like."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"the {what} {path} can't be read: {getattr(error, 'strerror', error)}") from None
    if mark in data:
        return
    said = f"the {what} {path} has no {mark.decode().rstrip('-')} in it"
    if not data.strip():
        said = f"the {what} {path} is empty"
    elif b"-----BEGIN" in data:
        said += "; are --cert and --key the wrong way round?"
    elif data.startswith(_DER_BEGINS):
        said += f"; it looks like DER, and PEM is wanted: openssl {'x509' if mark[:1] == b'C' else 'pkey'}"
        said += f" -inform der -in {path} -out FILE"
    else:
        said += ", so it is no PEM file"
    raise InvalidSetting(said)


def _refuse_password() -> NoReturn:
    raise _HasPassword


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower() if reason.isupper() or "_" in reason else reason
