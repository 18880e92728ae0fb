"""The lab's own certificate authority: a root, two intermediates, and a leaf for each site, like the web's.

ECDSA P-256 throughout. The chains are as long as real ones (a leaf with the
room that signed certificate timestamps take), so that they fill more than one
packet: damage that reads packet sizes must meet packets of realistic size.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMESTAMPS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")  # RFC 6962
_BEFORE = timedelta(days=90)
_AFTER = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class _Issued:
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate


class Authority:
    """A certificate authority whose certificates are valid from 90 days before ``at`` until a year after now."""

    def __init__(self, at: datetime, name: str = "Lab") -> None:
        self._from = at - _BEFORE
        self._until = max(at, datetime.now(UTC)) + _AFTER
        self._name = name
        self._root = self._issue(f"{name} Root R1", None, 2)
        self._above = self._issue(f"{name} CA X1", self._root, 1)
        self._issuing = self._issue(f"{name} Server CA 1", self._above, 0)

    @property
    def root(self) -> bytes:
        """Give the root certificate, DER: what a schedule of the lab trusts."""
        return self._root.certificate.public_bytes(Encoding.DER)

    def leaf(self, names: Sequence[str]) -> bytes:
        """Issue a server's certificate for ``names``; gives its key and its chain without the root, PEM."""
        leaf = self._issue(names[0], self._issuing, None, names)
        chain = (leaf.certificate, self._issuing.certificate, self._above.certificate)
        key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)

    def _issue(
        self,
        common_name: str,
        issuer: _Issued | None,
        path_length: int | None,
        names: Sequence[str] = (),
    ) -> _Issued:
        """Issue one certificate: a CA's where ``path_length`` is given, else a server's for ``names``."""
        key = generate_private_key(SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self._name),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
            ]
        )
        issuer_key = issuer.key if issuer else key
        is_authority = path_length is not None
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=path_length), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .add_extension(_key_usage(is_authority=is_authority), critical=True)
        )
        if names:
            builder = (
                builder.add_extension(
                    x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
                )
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
                .add_extension(x509.UnrecognizedExtension(_TIMESTAMPS, _signed_timestamps(self._from)), critical=False)
            )
        return _Issued(key, builder.sign(issuer_key, SHA256()))


class Chains:
    """The chains of all servers: each is issued at the first handshake that needs it, and kept."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._issued: dict[tuple[str, ...], bytes] = {}
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    def pem(self, names: tuple[str, ...]) -> bytes:
        """Give the key and the chain of the certificate for ``names``, PEM."""
        if names not in self._issued:
            self._issued[names] = self._authority.leaf(names)
        return self._issued[names]

    def context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """Give the server side of TLS with the certificate for ``names``."""
        if names not in self._contexts:
            self._contexts[names] = context_of(self.pem(names))
        return self._contexts[names]

    def front(self, served: Sequence[tuple[str, ...]]) -> ssl.SSLContext:
        """Give the server side of TLS at an address: the certificate that has the SNI's name, else the first.

        ``served`` has the names of each certificate.
        """

        def choose(connection: ssl.SSLSocket | ssl.SSLObject, server_name: str | None, _: object) -> None:
            connection.context = self.context(next((names for names in served if server_name in names), served[0]))

        context = _context()  # without a certificate: one is chosen at every handshake
        context.set_servername_callback(choose)
        return context


def context_of(pem: bytes) -> ssl.SSLContext:
    """Make the server side of TLS with a key and its chain, PEM."""
    context = _context()
    with tempfile.NamedTemporaryFile(prefix="nameblind-lab-", suffix=".pem") as file:  # mode 0600
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _signed_timestamps(at: datetime) -> bytes:
    """Write three timestamps of logs that do not exist: in form as RFC 6962, section 3.3, their signatures noise."""
    stamp = int(at.timestamp() * 1000).to_bytes(8, "big")
    ecdsa_sha256, signature = b"\x04\x03", os.urandom(71)
    signed = (b"\x00" + os.urandom(32) + stamp + bytes(2) + ecdsa_sha256 + _sized(signature) for _ in range(3))
    stamps = _sized(b"".join(map(_sized, signed)))
    return b"\x04\x82" + _sized(stamps)  # a DER octet string


def _sized(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
