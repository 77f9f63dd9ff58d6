"""The certificate of a client, from the TLS handshake.

In: a verified certificate. Out: its parts. A certificate that is not accepted ends the handshake, so no request has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCert:
    """A client certificate that was verified by the configured CA certificates."""

    subject: Mapping[str, str]  # by OpenSSL's names: commonName, organizationName, emailAddress, ...
    issuer: Mapping[str, str]
    serial: str  # hexadecimal, as OpenSSL writes it; unique only together with the issuer
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]  # subject alternative names: DNS names, addresses, e-mail addresses, URIs
    der: bytes = field(repr=False)

    @property
    def common_name(self) -> str:
        """The common name of the subject, "" if there is none."""
        return self.subject.get("commonName", "")

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in lower-case hexadecimal."""
        import hashlib  # noqa: PLC0415 - loads OpenSSL

        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """The certificate as text (PEM)."""
        import ssl  # noqa: PLC0415 - as above

        return ssl.DER_cert_to_PEM_cert(self.der)
