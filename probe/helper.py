"""A server of ours that answers every name alike.

A target's own server may read names, and refuse those that it does not know;
so a pair against it can differ for an honest reason. A helper cannot: it gives
the same certificate to every SNI and the same page to every Host and path. If
the target's name dies on the way to a helper and its scramble lives, then
something in between reads names.

Its identity is one Ed25519 key, which the schedule names:

* its certificate is self-signed by that key, and a probe compares the leaf's key;
* over plain HTTP a probe sends ``Nameblind-Nonce``, and the answer carries
  ``Nameblind-Signature``: the key's signature of the nonce, in base64. A page
  that somebody else wrote cannot carry it.

It keeps no log and stores nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import socket
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NONCE_HEADER = "nameblind-nonce"
SIGNATURE_HEADER = "nameblind-signature"

_CONTEXT = b"nameblind helper answer\x00"  # keeps a signature from meaning anything elsewhere
_NONCE = re.compile(rb"^nameblind-nonce:[ \t]*([0-9a-f]{32})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_HEAD_LIMIT_BYTES = 8192
_EXCHANGE_TIMEOUT_S = 10.0
_CONNECTIONS = 512  # at once; a probe uses a handful, and a flood must not exhaust the machine
_BACKLOG = 128


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


def public_key_of(key: Ed25519PrivateKey) -> bytes:
    """Give the 32 bytes that a schedule names, in base64, as ``public_key``."""
    return key.public_key().public_bytes_raw()


def _certificate(key: Ed25519PrivateKey) -> x509.Certificate:
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


def _server_context(key: Ed25519PrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.NamedTemporaryFile(prefix="nameblind-helper-", suffix=".pem") as pem:  # mode 0600
        pem.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        pem.write(_certificate(key).public_bytes(Encoding.PEM))
        pem.flush()
        context.load_cert_chain(pem.name)
    return context


def _answer(head: bytes, key: Ed25519PrivateKey) -> bytes:
    nonce = _NONCE.search(head)
    body = b"This server answers every name alike. It exists to test networks.\n"
    lines = [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if nonce is not None:
        signature = key.sign(_CONTEXT + nonce[1].lower())
        lines.append(SIGNATURE_HEADER.encode() + b": " + base64.b64encode(signature))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def listen(address: str, port: int) -> socket.socket:
    """Give a listening socket; IPv4 and IPv6 apart, so that both can have the port."""
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UserError(
            f"cannot listen on {address} port {port} ({error.strerror}); choose another address or port, or run it "
            "where ports under 1024 are permitted"
        ) from None


async def serve(http: Sequence[socket.socket], https: Sequence[socket.socket], key: Ed25519PrivateKey) -> None:
    """Answer on listening sockets until cancelled.

    ``http`` speaks plain HTTP, ``https`` TLS; ``key`` is the helper's identity.
    """
    free = asyncio.Semaphore(_CONNECTIONS)

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A peer that hangs up, sends nothing or sends too much gets no answer, and is nobody's error.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with free, asyncio.timeout(_EXCHANGE_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head.replace(b"\r\n", b"\n"), key))
                await writer.drain()
        writer.close()

    context = _server_context(key)
    async with contextlib.AsyncExitStack() as stack:
        for sockets, tls in ((http, None), (https, context)):
            for listening in sockets:
                server = await asyncio.start_server(
                    exchange, sock=listening, ssl=tls, limit=_HEAD_LIMIT_BYTES, backlog=_BACKLOG
                )
                await stack.enter_async_context(server)
        await asyncio.get_running_loop().create_future()
