"""What a helper answers over DNS: the same to every name, signed, and to nobody who did not bring its length.

An answer is the question with one record of an address that nobody has, and at
its end the helper's signature of all that and of the probe's nonce. So a forged
answer, a changed one and a repeated one are each told from the helper's own.

A server that answers questions in datagrams can be abused: somebody asks in a
victim's name, and the victim gets the answer. So a question must carry an
option as long as the signature (RFC 6891, a code for local use), and the answer
is at most 28 bytes longer than its question; whatever else comes is dropped
unanswered, and so is what comes faster than :data:`ANSWERS_PER_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from probe.helper.datagrams import AnsweringSocket

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from probe.helper.datagrams import Asked

OPTION: Final = 65_001
"""The code of the EDNS option that carries the nonce there and the signature back."""
NONCE_BYTES: Final = 16
SIGNATURE_BYTES: Final = 64
ANSWERS_PER_S: Final = 500
"""Over all who ask: a probe's round takes some dozens, and a flood must not exhaust the machine."""

_CONTEXT = b"nameblind helper dns\x00"  # keeps a signature from meaning anything elsewhere
_HEAD = struct.Struct("!6H")  # id, flags, and the counts of the four sections
_OPT = struct.Struct("!BHHIHHH")  # root, type, size, flags, length; then the option's code and length
_OPT_BYTES = _OPT.size + SIGNATURE_BYTES
_OPT_TYPE, _DATAGRAM_BYTES = 41, 1232
_TAIL = (4 + SIGNATURE_BYTES, OPTION, SIGNATURE_BYTES)
_MOST_BYTES = 12 + 255 + 4 + _OPT_BYTES  # the longest name that there is
_QR, _AA, _OPCODE, _RD = 0x8000, 0x0400, 0x7800, 0x0100
_IN = 1
_RECORDS = {
    1: bytes((192, 0, 2, 1)),  # for documentation, RFC 5737 and RFC 3849: no probe dials them
    28: bytes.fromhex("20010db8000000000000000000000001"),
}


def padded(nonce: bytes) -> bytes:
    """Give the option's content in a question: the nonce, and as many bytes as the signature will take."""
    return nonce.ljust(SIGNATURE_BYTES, b"\0")


def answer(message: bytes, key: Ed25519PrivateKey) -> bytes | None:
    """Give the whole answer to one datagram; ``None`` for what is no question that brought its length."""
    if not _HEAD.size + 5 + _OPT_BYTES <= len(message) <= _MOST_BYTES:
        return None
    identifier, flags, *counts = _HEAD.unpack_from(message)
    section, tail = message[_HEAD.size : -_OPT_BYTES], message[-_OPT_BYTES:]
    root, kind, _, _, *lengths = _OPT.unpack_from(tail)
    if flags & (_QR | _OPCODE) or counts != [1, 0, 0, 1] or (root, kind, *lengths) != (0, _OPT_TYPE, *_TAIL):
        return None
    query_type = _type_asked(section)
    if query_type is None:
        return None
    record = _RECORDS.get(query_type)
    records = b""
    if record is not None:
        records = struct.pack("!HHHIH", 0xC00C, query_type, _IN, 0, len(record)) + record
    head = _HEAD.pack(identifier, _QR | _AA | flags & _RD, 1, int(record is not None), 0, 1)
    unsigned = head + section + records + _OPT.pack(0, _OPT_TYPE, _DATAGRAM_BYTES, 0, *_TAIL)
    return unsigned + key.sign(_CONTEXT + tail[_OPT.size :] + unsigned)


def is_own(message: bytes, nonce: bytes, public_key: bytes) -> bool:
    """Tell whether a DNS answer is the helper's own: its key signed it, and our nonce."""
    unsigned, signature = message[:-SIGNATURE_BYTES], message[-SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _CONTEXT + padded(nonce) + unsigned)
    except (InvalidSignature, ValueError):
        return False
    return True


@contextlib.contextmanager
def answering(sockets: Sequence[socket.socket], key: Ed25519PrivateKey) -> Iterator[None]:
    """Answer whoever asks at these bound UDP sockets, for as long as the context lasts."""
    bucket = _Bucket(ANSWERS_PER_S)
    transports: list[AnsweringSocket] = []

    def serve(each: socket.socket) -> None:
        def received(message: bytes, asked: Asked) -> None:
            if bucket.is_spent():
                return
            reply = answer(message, key)
            if reply is not None:
                transport.sendto(reply, asked)

        transport = AnsweringSocket(each, received)
        transports.append(transport)

    try:
        for each in sockets:
            serve(each)
        yield
    finally:
        for transport in transports:
            transport.close()


class _Bucket:
    """Fills with ``rate`` drops a second, up to one second's."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._drops = float(rate)
        self._filled_at = asyncio.get_running_loop().time()

    def is_spent(self) -> bool:
        """Take a drop; tell whether there was none."""
        now = asyncio.get_running_loop().time()
        self._drops = min(self._drops + (now - self._filled_at) * self._rate, self._rate)
        self._filled_at = now
        if self._drops < 1:
            return True
        self._drops -= 1
        return False


def _type_asked(section: bytes) -> int | None:
    """Give the type that a question section asks for; ``None`` where it is not one whole name, type and class."""
    at = 0
    while at < len(section) and section[at]:
        if section[at] > 63:  # a pointer, or worse
            return None
        at += 1 + section[at]
    if len(section) != at + 5 or at > 254:
        return None
    return int.from_bytes(section[at + 1 : at + 3])
