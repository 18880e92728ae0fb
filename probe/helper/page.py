"""What a helper answers over HTTP: the same page for every Host and path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from probe.helper.identity import SIGNATURE_HEADER, signature_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_NONCE = re.compile(rb"^nameblind-nonce:[ \t]*([0-9a-f]{32})[ \t]*$", re.IGNORECASE | re.MULTILINE)


def answer(head: bytes, key: Ed25519PrivateKey) -> bytes:
    """Give the whole answer to a request; ``head`` has its lines, ended by line feeds."""
    nonce = _NONCE.search(head)
    body = b"This server answers every name alike. It exists to test networks.\n"
    lines = [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if nonce is not None:
        lines.append(SIGNATURE_HEADER.encode() + b": " + signature_of(nonce[1].lower(), key))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
