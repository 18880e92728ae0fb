"""The SNI of a QUIC client: its Initial packets decrypted and the ClientHello in them put together.

Initial packets are encrypted with keys that follow from the client's first
connection ID alone (RFC 9001, section 5.2; for version 2 RFC 9369), so whoever
sees them can read them. Pure functions of datagrams, which give ``None`` for
whatever they cannot read (yet) and never raise. Nothing after the ClientHello is
read: its keys are not to be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from lab.dissect import Reader, server_name_of_hello

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class _Version:
    initial_type: int
    """The two bits of a long header that say Initial."""
    retry_type: int
    salt: bytes
    label: bytes


_VERSIONS: Final = {
    0x00000001: _Version(0b00, 0b11, bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic"),
    0x6B3343CF: _Version(0b01, 0b00, bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2"),
}
_LONG_AND_FIXED: Final = 0b1100_0000
_CONNECTION_ID_LIMIT_BYTES: Final = 20  # RFC 9000, section 17.2
_SAMPLE_AFTER_BYTES: Final = 4  # the sample is taken as if the packet number were as long as it may be
_SAMPLE_BYTES: Final = 16

_PADDING: Final = 0x00
_PING: Final = 0x01
_ACK: Final = 0x02
_ACK_ECN: Final = 0x03
_CRYPTO: Final = 0x06

_DATAGRAM_LIMIT: Final = 16  # a ClientHello with post-quantum keys takes two or three, and losses repeat them
_PACKET_LIMIT: Final = 8  # in one datagram; there are four kinds to coalesce
_FRAME_LIMIT: Final = 256  # in one packet, a run of padding being one; browsers send some dozens


@dataclass(frozen=True, slots=True)
class _Initial:
    """One Initial packet as it stands in a datagram."""

    version: _Version
    destination: bytes
    header: bytes
    """Up to the packet number."""
    protected: bytes
    """From the packet number on."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """What protects the Initial packets of one client (RFC 9001, sections 5.1 and 5.4)."""

    payload: AESGCM
    iv: bytes
    header: Cipher[modes.ECB]

    @classmethod
    def derived(cls, version: _Version, connection_id: bytes) -> _Keys:
        secret = _expanded(HKDF.extract(SHA256(), version.salt, connection_id), b"client in", 32)
        return cls(
            AESGCM(_expanded(secret, version.label + b" key", 16)),
            _expanded(secret, version.label + b" iv", 12),
            Cipher(algorithms.AES(_expanded(secret, version.label + b" hp", 16)), modes.ECB()),  # noqa: S305 - RFC 9001, section 5.4.3
        )

    def opened(self, packet: _Initial) -> bytes | None:
        """Give the frames of a packet; ``None`` if other keys protect it."""
        protected = packet.protected
        sample = protected[_SAMPLE_AFTER_BYTES : _SAMPLE_AFTER_BYTES + _SAMPLE_BYTES]
        if len(sample) < _SAMPLE_BYTES:
            return None
        mask = self.header.encryptor().update(sample)
        first = packet.header[0] ^ (mask[0] & 0x0F)
        length = (first & 0x03) + 1
        # A client's first few packets have numbers that are never shortened.
        number = bytes(a ^ b for a, b in zip(protected[:length], mask[1:], strict=False))
        nonce = int.from_bytes(self.iv, "big") ^ int.from_bytes(number, "big")
        header = bytes([first]) + packet.header[1:] + number
        try:
            return self.payload.decrypt(nonce.to_bytes(12, "big"), protected[length:], header)
        except InvalidTag:
            return None


def is_initial(datagram: bytes) -> bool:
    """Tell whether a datagram has an Initial packet of QUIC version 1 or 2.

    Nothing is decrypted, so a server's Initial is not told from a client's.
    """
    return next(_initials(datagram), None) is not None


def server_name_in(datagrams: Sequence[bytes]) -> str | None:
    """Give the SNI that a client's first UDP payloads carry, in lower case.

    The payloads are of one client, in the order in which they were seen; 16 are
    read. ``None`` while the ClientHello is incomplete, and where it has no SNI or
    there is none.
    """
    return _read(tuple(datagrams[:_DATAGRAM_LIMIT]))


@lru_cache(maxsize=64)  # every packet of a flow asks again, at every box
def _read(datagrams: tuple[bytes, ...]) -> str | None:
    keys: dict[tuple[bytes, bytes], _Keys] = {}
    pieces: list[tuple[int, bytes]] = []
    for datagram in datagrams:
        for packet in _initials(datagram):
            pieces += _crypto_pieces(_frames(packet, keys))
        if (name := server_name_of_hello(_joined(pieces))) is not None:
            return name
    return None


def _expanded(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label without context (RFC 8446, section 7.1)."""
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\x00"
    return HKDFExpand(SHA256(), length, info).derive(secret)


def _initials(datagram: bytes) -> Iterator[_Initial]:
    """Give the Initial packets of a datagram, stepping over what is coalesced with them (RFC 9000, section 12.2)."""
    for _ in range(_PACKET_LIMIT):
        reader = Reader(datagram)
        try:
            first = reader.number(1)
            version = _VERSIONS.get(reader.number(4))
            if first & _LONG_AND_FIXED != _LONG_AND_FIXED or version is None:
                return
            destination = reader.vector(1).rest()
            source = reader.vector(1).rest()
            kind = first >> 4 & 0b11
            if kind == version.retry_type or max(len(destination), len(source)) > _CONNECTION_ID_LIMIT_BYTES:
                return
            if kind == version.initial_type:
                reader.take(_variable(reader))  # token
            length = _variable(reader)
            header = datagram[: reader.position]
            protected = reader.take(length)
        except IndexError:
            return
        if kind == version.initial_type:
            yield _Initial(version, destination, header, protected)
        datagram = reader.rest()


def _frames(packet: _Initial, keys: dict[tuple[bytes, bytes], _Keys]) -> bytes:
    """Decrypt a packet with its own keys or the earlier ones of ``keys``, to which its own are added.

    A client goes on with the keys of its first connection ID when the server gives
    it another one, and takes new keys after a Retry or with another version.
    """
    own = (packet.version.salt, packet.destination)
    if own not in keys:
        keys[own] = _Keys.derived(packet.version, packet.destination)
    opened = (of.opened(packet) for of in keys.values())
    return next((frames for frames in opened if frames is not None), b"")


def _crypto_pieces(frames: bytes) -> list[tuple[int, bytes]]:
    """Give offset and data of the CRYPTO frames, up to the first frame that cannot be read."""
    pieces: list[tuple[int, bytes]] = []
    reader = Reader(frames)
    try:
        for _ in range(_FRAME_LIMIT):
            kind = _variable(reader)
            if kind == _CRYPTO:
                pieces.append((_variable(reader), reader.take(_variable(reader))))
            elif kind == _PADDING:
                reader = Reader(reader.rest().lstrip(b"\x00"))
            elif kind in {_ACK, _ACK_ECN}:
                _variable(reader)  # largest
                _variable(reader)  # delay
                for _number in range(1 + 2 * _variable(reader) + 3 * (kind == _ACK_ECN)):  # ranges, counts
                    _variable(reader)
            elif kind != _PING:
                break
    except IndexError:
        pass
    return pieces


def _joined(pieces: list[tuple[int, bytes]]) -> bytes:
    """Join pieces from offset 0 to the first gap; of what overlaps the first seen counts."""
    joined = bytearray()
    for offset, data in sorted(pieces, key=itemgetter(0)):
        if offset > len(joined):
            break
        joined += data[len(joined) - offset :]
    return bytes(joined)


def _variable(reader: Reader) -> int:
    """Take an integer of variable length (RFC 9000, section 16)."""
    first = reader.number(1)
    more = (1 << (first >> 6)) - 1
    return (first & 0x3F) << 8 * more | reader.number(more)
