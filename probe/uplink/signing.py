"""Signatures over what a probe and a collector tell each other (Ed25519, RFC 8032).

A request is signed over its method, its path, who sends it and the hash of its
body as sent. To play one again does no harm: facts are taken once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROBE_HEADER: Final = "Nameblind-Probe"
SIGNATURE_HEADER: Final = "Nameblind-Signature"

NOBODY: Final = "-"
"""Who has no identifier yet: it asks for one."""


class BadSignatureError(Exception):
    """What is signed is not what came, or somebody else signed it."""


def sign_request(key: Ed25519PrivateKey, method: str, path: str, probe_id: str, body: bytes) -> dict[str, str]:
    """Give the headers of a signed request."""
    signature = key.sign(_request(method, path, probe_id, body))
    return {PROBE_HEADER: probe_id, SIGNATURE_HEADER: base64.b64encode(signature).decode()}


def check_request(public_key: str, method: str, path: str, probe_id: str, body: bytes, signature: str) -> None:
    """Raise ``BadSignatureError`` unless the holder of a key signed just this request."""
    _check(public_key, _request(method, path, probe_id, body), signature)


def sign_schedule(key: Ed25519PrivateKey, version: int, text: str) -> str:
    """Give the signature of a version of a schedule."""
    return base64.b64encode(key.sign(_schedule(version, text))).decode()


def check_schedule(public_key: str, version: int, text: str, signature: str) -> None:
    """Raise ``BadSignatureError`` unless the collector signed just this version and text."""
    _check(public_key, _schedule(version, text), signature)


def public_text(key: Ed25519PrivateKey) -> str:
    """Spell a key's public half as it is sent and stored: base64 of its 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def is_public_key(text: str) -> bool:
    """Tell whether a text spells a public key, in the one way in which we do."""
    try:
        raw = base64.b64decode(text, validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, binascii.Error):
        return False
    return base64.b64encode(raw).decode() == text


def _check(public_key: str, signed: bytes, signature: str) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, ValueError, binascii.Error):
        raise BadSignatureError from None


def _request(method: str, path: str, probe_id: str, body: bytes) -> bytes:
    return "\n".join(("nameblind-v1", method, path, probe_id, hashlib.sha256(body).hexdigest())).encode()


def _schedule(version: int, text: str) -> bytes:
    return f"nameblind-schedule-v1\n{version}\n{hashlib.sha256(text.encode()).hexdigest()}".encode()
