"""A helper's identity: one Ed25519 key, what it signs, and how a probe tells its answers from anybody else's."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from probe.addresses import parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NONCE_HEADER = "nameblind-nonce"
SIGNATURE_HEADER = "nameblind-signature"
CLIENT_HEADER = "nameblind-client"
"""Of a request: the probe asks which address the helper sees. Of an answer: that address, and its signature."""

_CONTEXT = b"nameblind helper answer\x00"  # keeps a signature from meaning anything elsewhere
_CLIENT_CONTEXT = b"nameblind helper client\x00"


def signature_of(nonce: bytes, key: Ed25519PrivateKey) -> bytes:
    """Give what proves an answer to be the helper's own: its key's signature of the probe's nonce, in base64."""
    return base64.b64encode(key.sign(_CONTEXT + nonce))


def is_genuine(status: int, headers: Mapping[str, str], nonce: str, public_key: bytes) -> bool:
    """Tell whether an HTTP answer is the helper's own: its key signed our nonce.

    ``headers`` has names in lower case; ``nonce`` is what was sent, 32 hex digits;
    ``public_key`` is Ed25519, 32 bytes.
    """
    if status != 200:
        return False
    try:
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _CONTEXT + nonce.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def client_header(nonce: bytes, client: str, key: Ed25519PrivateKey) -> bytes:
    """Give the value that tells a probe its own address, so that nobody on the way can tell it another."""
    signature = base64.b64encode(key.sign(_CLIENT_CONTEXT + nonce + b"\x00" + client.encode()))
    return client.encode() + b" " + signature


def client_in(status: int, headers: Mapping[str, str], nonce: str, public_key: bytes) -> str | None:
    """Give the address that a helper says it sees; ``None`` where its key did not sign it for our nonce."""
    client, _, signed = headers.get(CLIENT_HEADER, "").partition(" ")
    if status != 200 or parse_address(client) is None:
        return None
    try:
        signature = base64.b64decode(signed, validate=True)
        message = _CLIENT_CONTEXT + nonce.encode() + b"\x00" + client.encode()
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, binascii.Error, ValueError):
        return None
    return client


def public_key_of(key: Ed25519PrivateKey) -> bytes:
    """Give the 32 bytes that a schedule names, in base64, as ``public_key``."""
    return key.public_key().public_bytes_raw()


def certificate_of(key: Ed25519PrivateKey) -> x509.Certificate:
    """Give a certificate that the key signs itself; a probe compares the key alone."""
    # Fixed dates: the certificate is compared by its key alone, and no clock is read here.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .sign(key, None)
    )


def server_context(key: Ed25519PrivateKey) -> ssl.SSLContext:
    """Give what TLS is served with: the same certificate whatever the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(prefix="nameblind-helper-", suffix=".pem") as pem:  # mode 0600
        pem.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        pem.write(certificate_of(key).public_bytes(Encoding.PEM))
        pem.flush()
        context.load_cert_chain(pem.name)
    return context
