"""Other ways to send the same ClientHello: over two segments, over two records, or with an extension more.

Each function takes the record that TLS would send (RFC 8446, section 5.1) and
gives the pieces to send in its place. A record that is no ClientHello goes out
as it is.
"""

from __future__ import annotations

import secrets

_RECORD_HEADER_BYTES = 5
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_ENCRYPTED_CLIENT_HELLO = 0xFE0D  # RFC 9849
_ENCAPSULATED_KEY_BYTES = 32  # of X25519
_PAYLOAD_BYTES = 160  # about what a browser's has


def in_two_segments(record: bytes, name: str) -> tuple[bytes, ...]:
    """Cut the record in the middle of ``name``, for two TCP segments."""
    cut = _middle_of(record, name)
    return (record[:cut], record[cut:])


def in_two_records(record: bytes, name: str) -> tuple[bytes, ...]:
    """Cut the handshake message in the middle of ``name``, for two TLS records in one segment."""
    cut = _middle_of(record, name)
    head = record[:3]
    first, second = record[_RECORD_HEADER_BYTES:cut], record[cut:]
    return (head + len(first).to_bytes(2) + first + head + len(second).to_bytes(2) + second,)


def with_grease_ech(record: bytes) -> tuple[bytes, ...]:
    """Add an Encrypted ClientHello extension that hides nothing, as browsers do for hosts that offer none.

    The peer's answer tells whether such a ClientHello comes through. The handshake cannot be finished, because our
    side does not know of the extension.
    """
    if len(record) < 9 or record[0] != _HANDSHAKE or record[5] != _CLIENT_HELLO:
        return (record,)
    body = record[9:]
    at = 2 + 32  # version, random
    at += 1 + body[at]  # session
    at += 2 + int.from_bytes(body[at : at + 2])  # cipher suites
    at += 1 + body[at]  # compression
    extensions = body[at + 2 :] + _grease_ech()
    body = body[:at] + len(extensions).to_bytes(2) + extensions
    message = bytes([_CLIENT_HELLO]) + len(body).to_bytes(3) + body
    return (record[:3] + len(message).to_bytes(2) + message,)


def _grease_ech() -> bytes:
    """Give the extension with random contents (RFC 9849, section 6.2)."""
    suite = bytes.fromhex("00010001")  # HKDF-SHA256 and AES-128-GCM
    key, payload = secrets.token_bytes(_ENCAPSULATED_KEY_BYTES), secrets.token_bytes(_PAYLOAD_BYTES)
    body = b"\0" + suite + secrets.token_bytes(1)  # the outer kind; any configuration's number
    body += len(key).to_bytes(2) + key + len(payload).to_bytes(2) + payload
    return _ENCRYPTED_CLIENT_HELLO.to_bytes(2) + len(body).to_bytes(2) + body


def _middle_of(record: bytes, name: str) -> int:
    """Give where the middle of ``name`` stands, or of the record where the name is not in it."""
    written = name.encode("ascii", "replace")
    at = record.find(written)
    return at + len(written) // 2 if at > _RECORD_HEADER_BYTES else len(record) // 2
