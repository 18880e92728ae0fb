"""HTTP/1.1 as far as the lab's servers need it: one request, one answer, close."""

from __future__ import annotations

import asyncio
import contextlib
import html
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from lab.dissect import RequestHead, request_head

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

_HEAD_LIMIT_BYTES = 16_384
_BODY_LIMIT_BYTES = 65_536
_EXCHANGE_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says."""

    status: int
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    location: str | None = None

    def encode(self) -> bytes:
        """Write it as it goes over the wire."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Server: lab",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Connection: close",
        ]
        if self.location is not None:
            lines.append(f"Location: {self.location}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def page(title: str, body: str) -> bytes:
    """Write a small HTML page."""
    return (
        f"<!doctype html><html><head><title>{html.escape(title)}</title></head>"
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(body)}</p></body></html>\n"
    ).encode()


async def listen(
    listening: socket.socket, tls: ssl.SSLContext | None, respond: Callable[[RequestHead, bytes], Answer]
) -> asyncio.Server:
    """Answer every request on a listening socket with ``respond(head, body)``."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What a peer does wrong, or a middlebox does to it, concerns nobody here.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_EXCHANGE_TIMEOUT_S):
                raw = await reader.readuntil(b"\r\n\r\n")
                head = request_head(raw)
                answer = Answer(400)
                if head is not None:
                    body = await reader.readexactly(min(_content_length(raw), _BODY_LIMIT_BYTES))
                    answer = respond(head, body)
                writer.write(answer.encode())
                await writer.drain()
        writer.close()

    return await asyncio.start_server(exchange, sock=listening, ssl=tls, limit=_HEAD_LIMIT_BYTES)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0
