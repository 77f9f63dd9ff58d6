"""A certificate authority for the machine of one developer. Needs the package `cryptography`.

In: names and addresses, and the time. Out: PEM. Refuses, as ValueError, bytes that are not such a CA. Knows nothing of
files, nor where the names come from.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Name = str | Address

_AUTHORITY_DAYS = 3650
_LEEWAY = timedelta(hours=1)  # for a clock that is set back a little


class Authority:
    """A CA certificate, constrained to some names and networks, and its key."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate, self._key = certificate, key
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        self._permitted = [each.value for each in constraints.permitted_subtrees or ()]

    @classmethod
    def make(cls, title: str, names: Sequence[str], networks: Sequence[Network], now: datetime) -> Authority:
        """Create a CA for these names, the names below them, and these networks only."""
        key = ec.generate_private_key(ec.SECP256R1())
        permitted = [*(x509.DNSName(name) for name in names), *(x509.IPAddress(network) for network in networks)]
        builder = (
            _builder(_named(title), _named(title), key.public_key(), now, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(is_authority=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, pem: bytes) -> Authority:
        """Read a CA that was stored with its key. Raises ValueError."""
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("its key is of another type")  # noqa: TRY004 - it is about a file
        try:
            return cls(x509.load_pem_x509_certificate(pem), key)
        except x509.ExtensionNotFound:
            raise ValueError("it is not constrained to any names") from None

    def public_pem(self) -> bytes:
        """Return the certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def secret_pem(self) -> bytes:
        """Return the certificate and its key."""
        return _pem_of(self._key) + self.public_pem()

    def permits(self, name: Name) -> bool:
        """Return whether it may issue certificates for a name or an address."""
        for each in self._permitted:
            if isinstance(each, str):
                if isinstance(name, str) and (name == each or name.endswith(f".{each}")):
                    return True
            elif not isinstance(name, str) and name in each:
                return True
        return False

    def issue(self, names: Sequence[Name], now: datetime, days: int) -> bytes:
        """Return a new key, a certificate for these names that is valid for `days`, and its chain."""
        key = ec.generate_private_key(ec.SECP256R1())
        general = [x509.DNSName(name) if isinstance(name, str) else x509.IPAddress(name) for name in names]
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(_named("Fanlight development"), self.certificate.subject, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(is_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(general), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        )  # fmt: skip
        certificate = builder.sign(self._key, hashes.SHA256())
        return _pem_of(key) + certificate.public_bytes(serialization.Encoding.PEM) + self.public_pem()

    def is_good(self, pem: bytes, names: Collection[Name], until: datetime) -> bool:
        """Return whether a certificate was issued by this CA, for exactly these names, and is valid until then."""
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            certificate.verify_directly_issued_by(self.certificate)
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        return {each.value for each in found} == set(names) and certificate.not_valid_after_utc > until


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LEEWAY)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _named(title: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Fanlight"), x509.NameAttribute(NameOID.COMMON_NAME, title)]
    )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
