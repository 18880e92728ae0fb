"""HTTP/1.1 as far as the lab's servers need it: one request, one answer, close."""

from __future__ import annotations

import asyncio
import contextlib
import html
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from lab.dissect import RequestHead, request_head

if TYPE_CHECKING:
    import socket
    import ssl

    from lab.packet import Address

_HEAD_LIMIT_BYTES = 16_384
BODY_LIMIT_BYTES = 65_536
_REQUEST_TIMEOUT_S = 20.0
_ANSWER_TIMEOUT_S = 240.0  # as long as a slot may last: a throttled transfer must not be cut by its server


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as far as a server can tell."""

    address: Address
    country: str | None
    network: str | None
    """Its country, and its network's name in the topology, by its source address; ``None`` for an unknown one."""
    draw: float
    """Uniform in [0, 1), drawn for each connection: what is done to a share of connections reads it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    location: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Further ones."""

    def fields(self) -> list[tuple[str, str]]:
        """Give every header, as in each version of HTTP."""
        return [
            ("Server", "lab"),
            ("Content-Type", self.content_type),
            ("Content-Length", f"{len(self.body)}"),
            *([("Location", self.location)] if self.location is not None else []),
            *self.headers,
        ]

    def encode(self, *, is_head_alone: bool = False) -> bytes:
        """Write it as it goes over the wire in HTTP/1.1; to HEAD without its body (RFC 9110, section 9.3.2)."""
        fields = [*self.fields(), ("Connection", "close")]
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", *(f"{name}: {value}" for name, value in fields)]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if is_head_alone else self.body)


Respond: TypeAlias = Callable[[RequestHead, bytes, Client], Answer]
"""What answers a request: its head, its body, and who asks."""

FindClient: TypeAlias = Callable[[str], Client]
"""What tells who asks, by the source address."""


def page(title: str, body: str, *, size_bytes: int = 0) -> bytes:
    """Write a small HTML page, filled up to ``size_bytes`` with a comment."""
    start = (
        f"<!doctype html><html><head><title>{html.escape(title)}</title></head>"
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(body)}</p>"
    ).encode()
    end = b"</body></html>\n"
    missing = size_bytes - len(start) - len(end) - len(b"<!---->")
    return start + (b"<!--" + b"." * missing + b"-->" if missing > 0 else b"") + end


async def listen(
    listening: socket.socket, tls: ssl.SSLContext | None, respond: Respond, find_client: FindClient
) -> asyncio.Server:
    """Answer every request on a listening socket with ``respond(head, body, client)``."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What a peer does wrong, or a middlebox does to it, concerns nobody here.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                raw = await reader.readuntil(b"\r\n\r\n")
                head = request_head(raw)
                body = await reader.readexactly(min(_content_length(raw), BODY_LIMIT_BYTES))
            client = find_client(writer.get_extra_info("peername")[0])
            answer = Answer(400) if head is None else respond(head, body, client)
            writer.write(answer.encode(is_head_alone=head is not None and head.method == "HEAD"))
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await writer.drain()
        writer.close()

    return await asyncio.start_server(exchange, sock=listening, ssl=tls, limit=_HEAD_LIMIT_BYTES)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"  # such as Cloudflare's 520 to 530


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0
