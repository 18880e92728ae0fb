"""An interception authority: forges leaves that differ from the genuine ones in issuer and key alone.

As the boxes of Kazakhstan's "Qaznet Trust Network" did in 2019 (Raman et al.,
IMC 2020), it copies what people look at. One key serves all forged leaves. Its
root is in nobody's store, and nothing here checks whether what it copies is
itself genuine.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.servers.certificates import context_of

if TYPE_CHECKING:
    import ssl
    from datetime import datetime

NAME: Final = "Steppe Trust Network"
"""Of the authority; it is the lab's own invention."""

_CONTEXTS: Final = 256
"""Forged leaves kept ready; after as many, all are forged anew."""

_VALIDITY: Final = timedelta(days=3650)

_SIGNS_CERTIFICATES: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Forger:
    """One authority, whose root is valid for ten years on either side of ``at``."""

    def __init__(self, at: datetime) -> None:
        self._key = generate_private_key(SECP256R1())
        self._leaf_key = generate_private_key(SECP256R1())
        name = x509.Name(
            [x509.NameAttribute(NameOID.COUNTRY_NAME, "KZ"), x509.NameAttribute(NameOID.COMMON_NAME, NAME)]
        )
        self._root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - _VALIDITY)
            .not_valid_after(at + _VALIDITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
        )
        self._contexts: dict[bytes, ssl.SSLContext] = {}

    @property
    def root(self) -> bytes:
        """Give the root certificate, DER."""
        return self._root.public_bytes(Encoding.DER)

    def context(self, genuine: bytes) -> ssl.SSLContext:
        """Make the server side of TLS in the place of a leaf (DER). Raises ValueError where that is no certificate."""
        if genuine not in self._contexts:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            forged = self._forge(x509.load_der_x509_certificate(genuine))
            key = self._leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            chain = forged.public_bytes(Encoding.PEM) + self._root.public_bytes(Encoding.PEM)
            self._contexts[genuine] = context_of(key + chain)
        return self._contexts[genuine]

    def _forge(self, genuine: x509.Certificate) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(genuine.subject)
            .issuer_name(self._root.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(genuine.serial_number)
            .not_valid_before(genuine.not_valid_before_utc)
            .not_valid_after(genuine.not_valid_after_utc)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for extension in genuine.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self._key, SHA256())
