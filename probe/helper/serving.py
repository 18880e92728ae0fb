"""The helper's server: sockets in, one answer for every name out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe.errors import UserError
from probe.helper.identity import server_context
from probe.helper.page import answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_HEAD_LIMIT_BYTES = 8192
_EXCHANGE_TIMEOUT_S = 10.0
_CONNECTIONS = 512  # at once; a probe uses a handful, and a flood must not exhaust the machine
_BACKLOG = 128


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


async def serve(sockets: Sockets, key: Ed25519PrivateKey) -> None:
    """Answer until cancelled; ``key`` is the helper's identity."""
    free = asyncio.Semaphore(_CONNECTIONS)

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A peer that hangs up, sends nothing or sends too much gets no answer, and is nobody's error.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with free, asyncio.timeout(_EXCHANGE_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head.replace(b"\r\n", b"\n"), key))
                await writer.drain()
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        for listening, tls in ((sockets.http, None), (sockets.https, server_context(key))):
            for each in listening:
                server = await asyncio.start_server(
                    exchange, sock=each, ssl=tls, limit=_HEAD_LIMIT_BYTES, backlog=_BACKLOG
                )
                await stack.enter_async_context(server)
        await asyncio.get_running_loop().create_future()
