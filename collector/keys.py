"""A collector's own secrets, in its state folder: the key that it signs with, and the key of the prefixes' hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from probe.errors import UserError
from probe.private_file import secret_at

if TYPE_CHECKING:
    from pathlib import Path

_BYTES: Final = 32
_OF_IPV4, _OF_IPV6 = 24, 48
"""Lengths of the prefixes that one person can easily have many addresses of."""


@dataclass(frozen=True)
class Keys:
    """Both of them."""

    signing: Ed25519PrivateKey
    prefixes: bytes

    def prefix_of(self, address: str) -> str:
        """Give the keyed hash of the prefix of an address; who has no address stands alone together."""
        try:
            parsed = ip_address(address)
        except ValueError:
            spelt = "none"
        else:
            mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
            length = _OF_IPV6 if isinstance(parsed, IPv6Address) and mapped is None else _OF_IPV4
            spelt = str(ip_network((mapped or parsed, length), strict=False))
        return hmac.new(self.prefixes, spelt.encode(), hashlib.sha256).hexdigest()[:32]


def load(folder: Path) -> Keys:
    """Read both keys, making those that are not there yet. ``UserError`` where the folder does not let us."""
    try:
        signing = secret_at(folder / "signing.key", _new_signing_key)
        prefixes = secret_at(folder / "prefixes.key", lambda: os.urandom(_BYTES))
    except OSError as error:
        raise UserError(
            f"{folder}: the collector's keys cannot be kept ({error.strerror}); name another --state"
        ) from None
    if len(signing) != _BYTES or len(prefixes) != _BYTES:
        raise UserError(f"{folder} holds a key that this program did not write; restore it, or name another --state")
    return Keys(Ed25519PrivateKey.from_private_bytes(signing), prefixes)


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
