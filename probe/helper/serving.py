"""The helper's server: sockets in, one answer for every name out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.errors import UserError
from probe.helper import dns
from probe.helper.content import wanted_bytes
from probe.helper.identity import server_context
from probe.helper.page import answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_HEAD_LIMIT_BYTES = 8192
_EXCHANGE_TIMEOUT_S = 10.0
_CONNECTIONS = 512  # at once; a probe uses a handful, and a flood must not exhaust the machine
_BACKLOG = 128
_TRANSFER_TIMEOUT_S = 30.0  # far beyond what a probe waits for
_TRANSFERS = 16  # at once: each may hold a megabyte, and fill the line
_CHUNK_BYTES = 4096  # one TLS record each, so that a slow transfer arrives piece by piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """What a helper answers on: sockets that are bound already, and listening where that is a word."""

    http: Sequence[socket.socket] = ()
    https: Sequence[socket.socket] = ()
    dns: Sequence[socket.socket] = ()
    """UDP."""
    quic: Sequence[socket.socket] = ()
    """UDP."""


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


def bind(address: str, port: int) -> socket.socket:
    """Give a bound UDP socket; IPv4 and IPv6 apart, so that both can have the port."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise UserError(
            f"cannot listen on {address} UDP port {port} ({error.strerror}); choose another address or port, or run it "
            "where ports under 1024 are permitted"
        ) from None
    return made


async def _transfer(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """Write an answer piece by piece, no faster than the peer takes it."""
    writer.transport.set_write_buffer_limits(high=_CHUNK_BYTES)
    for piece in (head, *(body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES))):
        writer.write(piece)
        await writer.drain()


async def serve(sockets: Sockets, key: Ed25519PrivateKey) -> None:
    """Answer until cancelled; ``key`` is the helper's identity."""
    free = asyncio.Semaphore(_CONNECTIONS)
    free_transfers = asyncio.Semaphore(_TRANSFERS)

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A peer that hangs up, sends nothing or sends too much gets no answer, and is nobody's error.
        is_said = False
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with free, asyncio.timeout(_EXCHANGE_TIMEOUT_S) as limit:
                head = (await reader.readuntil(b"\r\n\r\n")).replace(b"\r\n", b"\n")
                client = str(writer.get_extra_info("peername")[0])
                if wanted_bytes(head) is None:
                    writer.write(b"".join(answer(head, key, client)))
                    await writer.drain()
                else:
                    async with free_transfers:
                        limit.reschedule(asyncio.get_running_loop().time() + _TRANSFER_TIMEOUT_S)
                        await _transfer(writer, *answer(head, key, client))
                is_said = True
        if is_said:
            writer.close()
        else:
            writer.transport.abort()  # a close would wait for a peer that reads nothing

    async with contextlib.AsyncExitStack() as stack:
        for listening, tls in ((sockets.http, None), (sockets.https, server_context(key))):
            for each in listening:
                server = await asyncio.start_server(
                    exchange, sock=each, ssl=tls, limit=_HEAD_LIMIT_BYTES, backlog=_BACKLOG
                )
                await stack.enter_async_context(server)
        stack.enter_context(dns.answering(sockets.dns, key))
        if sockets.quic:
            from probe.helper import quic  # its library is large and optional

            stack.enter_context(quic.answering(sockets.quic, key))
        await asyncio.get_running_loop().create_future()
