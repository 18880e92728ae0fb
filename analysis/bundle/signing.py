"""An analyst's key (Ed25519), and the signature over a bundle's tag manifest, on which all its hashes hang."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

ALGORITHM: Final = "ed25519"
_RAW = serialization.Encoding.Raw
_FIELDS = {"algorithm", "public_key", "signature"}


def make_key(path: Path) -> str:
    """Write a new private key, mode 0600 from its first byte; give the public key. An existing file is kept."""
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise UserError(f"{path} exists already and is kept: name another file for the new key.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}; name another place for the key.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return public_of(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key; ``UserError`` where it is none, or where others may read it."""
    try:
        content, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise UserError(f"The key {path} cannot be read: {error.strerror}; check its path.") from error
    if mode & 0o077:
        raise UserError(f"The key {path} can be read by others: run `chmod 600 {path}`, or make a new key.")
    try:
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} is no Ed25519 private key in PEM without a passphrase: make one with --new-key.")
    return key


def public_of(key: Ed25519PrivateKey) -> str:
    """Give the public key as people compare it: 64 hexadecimal digits."""
    return key.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw).hex()


def sign(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """Give the signature file over ``content``."""
    fields = {"algorithm": ALGORITHM, "public_key": public_of(key), "signature": key.sign(content).hex()}
    return (json.dumps(fields, indent=1) + "\n").encode()


def signer_of(signature: bytes, content: bytes) -> str:
    """Give the public key that signed ``content``; ``UserError`` where the signature is not good."""
    try:
        fields = json.loads(signature)
        if set(fields) != _FIELDS or fields["algorithm"] != ALGORITHM:
            raise ValueError  # noqa: TRY301 - one sentence for every file that is not ours
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(fields["public_key"]))
        given = bytes.fromhex(fields["signature"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError("signature.json is no Ed25519 signature: get the bundle anew from its maker.") from None
    try:
        public.verify(given, content)
    except InvalidSignature:
        raise UserError(
            "The signature does not fit tagmanifest-sha256.txt: the bundle was changed after it was signed; "
            "get it anew from its maker."
        ) from None
    return str(fields["public_key"]).lower()
