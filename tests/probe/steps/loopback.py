"""Small real servers on loopback, and certificates for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.limits import Limits
from probe.net import SystemNet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOME = "127.0.0.1"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
QUICK = Limits(
    dns_timeout_s=0.6,
    dns_late_window_s=0.2,
    tcp_timeout_s=0.5,
    tls_timeout_s=0.5,
    http_timeout_s=0.5,
)

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def loopback_net() -> SystemNet:
    return SystemNet(may_dial=lambda address: address.is_loopback)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler,
    host: str = HOME,
    context: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve TCP (TLS with a context) on ``port``, or on a free one."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(answer, host, port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def serving_udp(
    answers: Callable[[bytes], list[tuple[float, bytes]]], host: str = HOME, port: int = 0
) -> AsyncIterator[int]:
    """Serve UDP: each request is answered by datagrams, each after its delay in seconds."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((host, port))
        server.setblocking(False)

        def receive() -> None:
            data, peer = server.recvfrom(65_535)
            for delay_s, answer in answers(data):
                loop.call_later(delay_s, server.sendto, answer, peer)

        loop.add_reader(server, receive)
        try:
            yield server.getsockname()[1]
        finally:
            loop.remove_reader(server)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def issue(
    common_name: str,
    issuer: Issued | None = None,
    *,
    names: tuple[str, ...] = (),
    is_authority: bool = False,
    not_before: datetime = NOW - DAY,
    not_after: datetime = NOW + 30 * DAY,
    key: PrivateKey | None = None,
) -> Issued:
    """Make a certificate as the web's rules want it; without an issuer, self-signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if is_authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False
        )
    algorithm = None if isinstance(signer, Ed25519PrivateKey) else hashes.SHA256()
    return Issued(builder.sign(signer, algorithm), key)


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def server_context(leaf: Issued, *others: Issued, ciphers: str | None = None) -> ssl.SSLContext:
    """Make a server's context that sends ``leaf`` and ``others``."""
    pem = b"".join(issued.certificate.public_bytes(Encoding.PEM) for issued in (leaf, *others))
    pem += leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers is not None:
        context.set_ciphers(ciphers)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pem)
        context.load_cert_chain(file.name)
    return context
