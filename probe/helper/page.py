"""What a helper answers over HTTP: the same page for every Host and path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from probe.helper.content import content, wanted_bytes
from probe.helper.identity import CLIENT_HEADER, SIGNATURE_HEADER, client_header, signature_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_NONCE = re.compile(rb"^nameblind-nonce:[ \t]*([0-9a-f]{32})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ASKS_FOR_CLIENT = re.compile(rb"^nameblind-client:", re.IGNORECASE | re.MULTILINE)


def answer(head: bytes, key: Ed25519PrivateKey, client: str | None = None) -> tuple[bytes, bytes]:
    """Give head and body of the answer to a request; ``head`` has its lines, ended by line feeds.

    With a nonce, a request may ask for a body of so many bytes in the place of the page.

    ``client`` is the address that asks: who asks for it is told it, and it is kept nowhere.
    """
    nonce = _NONCE.search(head)
    body = b"This server answers every name alike. It exists to test networks.\n"
    wanted = wanted_bytes(head)
    if nonce is not None and wanted is not None:
        body = content(nonce[1].lower(), wanted)
    lines = [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if nonce is not None:
        lines.append(SIGNATURE_HEADER.encode() + b": " + signature_of(nonce[1].lower(), key))
    if nonce is not None and client is not None and _ASKS_FOR_CLIENT.search(head):
        lines.append(CLIENT_HEADER.encode() + b": " + client_header(nonce[1].lower(), client, key))
    return b"\r\n".join(lines) + b"\r\n\r\n", body
