"""The proxy that intercepts: it answers in the name of every server, and asks that server itself.

Boxes divert packets to its host (:mod:`lab.divert`), which takes any destination
(:mod:`lab.tun`), so that an accepted socket's own address is the one that the
client meant. It connects onward to that from its host's own address.

* Port 80, for ``transparent-proxy``: a request is read, and sent on as
  :mod:`lab.servers.relayed_http` writes it.
* Port 443, for ``https-interception``: the ClientHello is read. Under the names of
  the box (all, where it has none), TLS ends here, with a leaf that :mod:`lab.servers.forging` makes after
  the genuine one, and what was decrypted goes on in another TLS connection. All
  else is spliced byte by byte.

Whatever fails onward is passed on as a close. QUIC is not intercepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from lab.dissect import is_name_under, request_head, server_name
from lab.middleboxes.https_interception import HttpsInterception
from lab.middleboxes.transparent_proxy import TransparentProxy
from lab.namespace import entered
from lab.servers.http import BODY_LIMIT_BYTES, Answer
from lab.servers.relayed_http import field_of, is_plain_page, relayed_head, with_notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from lab.servers.forging import Forger
    from lab.station import Placement

CONNECTIONS: Final = 256
"""Served at a time; a further one is closed at once."""

HELLO_BYTES: Final = 16_384
PAGE_BYTES: Final = 1_048_576
"""Of a page that gets a notice; a larger one is closed before its end."""

_READ_BYTES: Final = 65_536
_OPENING_S: Final = 10.0  # for the client's first message, and for the way onward
_CONVERSATION_S: Final = 240.0  # as long as a slot may last

End: TypeAlias = tuple[str, int]
Dial: TypeAlias = Callable[[End], Awaitable[socket.socket]]
"""What connects onward to an address and port. Raises OSError."""


class _Streams(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Proxy:
    """One proxy host's. What it does follows from the boxes that divert to it."""

    def __init__(self, name: str, dial: Dial, forger: Forger) -> None:
        """``name`` is the host's, as boxes call it."""
        self._name = name
        self._dial = dial
        self._forger = forger
        self._open = 0
        self._boxes: tuple[TransparentProxy, ...] = ()
        self._readers: tuple[HttpsInterception, ...] = ()
        self._onward_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._onward_tls.check_hostname = False  # it forges whatever the server shows
        self._onward_tls.verify_mode = ssl.CERT_NONE
        self._onward_tls.set_alpn_protocols(["http/1.1"])

    def apply(self, placements: Iterable[Placement]) -> None:
        """Do from now on what those of the boxes say that divert here."""
        boxes = [placement.box for placement in placements]
        self._boxes = tuple(box for box in boxes if isinstance(box, TransparentProxy) and box.proxy == self._name)
        self._readers = tuple(box for box in boxes if isinstance(box, HttpsInterception) and box.proxy == self._name)

    async def plain(self, client: _Streams, meant: End) -> None:
        """Serve one connection to port 80 of the server that was ``meant``."""
        async with asyncio.timeout(_OPENING_S):
            head = await client.reader.readuntil(b"\r\n\r\n")
            request, relayed = request_head(head), relayed_head(head, self._name)
            length_bytes = int(field_of(head, "Content-Length") or "0")
            if request is None or relayed is None or not 0 <= length_bytes <= BODY_LIMIT_BYTES:
                client.writer.write(Answer(400).encode())
                return
            body = await client.reader.readexactly(length_bytes)
            server = await self._onward(meant)
        with contextlib.closing(server.writer):
            server.writer.write(relayed + body)
            answer = await server.reader.readuntil(b"\r\n\r\n")
            notice = self._notice_for(request.host or "") if is_plain_page(answer) else None
            if notice is None:
                client.writer.write(relayed_head(answer, self._name) or answer)
                await _copy(server.reader, client.writer)
                return
            page = with_notice(await _at_most(server.reader, PAGE_BYTES), notice)
            client.writer.write((relayed_head(answer, self._name, body_bytes=len(page)) or answer) + page)

    def _notice_for(self, host: str) -> str | None:
        return next(
            (box.notice for box in self._boxes if box.notice and (not box.names or is_name_under(host, box.names))),
            None,
        )

    def _is_intercepted(self, name: str) -> bool:
        return any(not box.names or is_name_under(name, box.names) for box in self._readers)

    async def secure(self, client: _Streams, meant: End) -> None:
        """Serve one connection to port 443 of the server that was ``meant``."""
        async with asyncio.timeout(_OPENING_S):
            hello = await _client_hello(client.reader)
            name = server_name(hello)
            is_read = name is not None and self._is_intercepted(name)
            server = await self._onward(meant, name if is_read else None)
        with contextlib.closing(server.writer):
            if is_read:
                await self._read_along(client, hello, server)
            else:
                server.writer.write(hello)
                await _splice(client, server)

    async def _read_along(self, client: _Streams, hello: bytes, server: _Streams) -> None:
        """End the client's TLS here: its bytes go through a pair of sockets, at whose other end TLS is spoken."""
        genuine = server.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        context = self._forger.context(genuine)
        outer_end, inner_end = socket.socketpair()
        outer = await _streams_of(outer_end)
        outer.writer.write(hello)

        async def speak_tls() -> None:
            with contextlib.suppress(OSError):  # the client refuses the leaf
                inner = await _accept_tls(inner_end, context)
                with contextlib.closing(inner.writer):
                    await _splice(inner, server)

        with contextlib.closing(outer.writer):
            await asyncio.gather(_splice(client, outer), speak_tls())

    async def _onward(self, meant: End, tls_name: str | None = None) -> _Streams:
        connected = await self._dial(meant)
        try:
            return await _streams_of(connected, self._onward_tls if tls_name else None, tls_name)
        except BaseException:
            connected.close()
            raise

    async def listen(
        self, listening: socket.socket, converse: Callable[[_Streams, End], Awaitable[None]]
    ) -> asyncio.Server:
        """Serve what arrives at a listening socket with :meth:`plain` or :meth:`secure`."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._open >= CONNECTIONS:
                writer.close()
                return
            self._open += 1
            try:
                # What either side does wrong, or a middlebox does to it, ends this connection and concerns nobody else.
                with contextlib.suppress(
                    OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
                ):
                    async with asyncio.timeout(_CONVERSATION_S):
                        host, port = writer.get_extra_info("sockname")[:2]
                        await converse(_Streams(reader, writer), (host, port))
            finally:
                self._open -= 1
                writer.close()

        return await asyncio.start_server(handle, sock=listening)


async def serve_proxy(
    proxy: Proxy, plain: Sequence[socket.socket], secure: Sequence[socket.socket]
) -> list[asyncio.Server]:
    """Serve on listening sockets for ports 80 and 443; on a proxy's host they must be able to speak for any address."""
    return [
        *[await proxy.listen(listening, proxy.plain) for listening in plain],
        *[await proxy.listen(listening, proxy.secure) for listening in secure],
    ]


def dial_from(namespace: str, own: Collection[str]) -> Dial:
    """Make what connects onward from inside the namespace at a path, but never to its host's ``own`` addresses."""

    async def dial(end: End) -> socket.socket:
        if end[0] in own:
            raise ConnectionRefusedError("the proxy was meant itself")
        with entered(namespace):
            made = socket.socket(socket.AF_INET6 if ":" in end[0] else socket.AF_INET)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, end)
        except BaseException:
            made.close()
            raise
        return made

    return dial


async def _streams_of(
    connected: socket.socket, tls: ssl.SSLContext | None = None, tls_name: str | None = None
) -> _Streams:
    return _Streams(*await asyncio.open_connection(sock=connected, ssl=tls, server_hostname=tls_name))


async def _accept_tls(accepted: socket.socket, tls: ssl.SSLContext) -> _Streams:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
    return _Streams(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def _client_hello(reader: asyncio.StreamReader) -> bytes:
    """Read until a TLS ClientHello is there, or until it is clear that none comes."""
    received = b""
    while len(received) < HELLO_BYTES:
        piece = await reader.read(HELLO_BYTES - len(received))
        received += piece
        is_hello = received[:1] == b"\x16"
        is_whole = len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[6:9], "big")
        if not piece or not is_hello or is_whole or server_name(received) is not None:
            break
    return received


async def _at_most(reader: asyncio.StreamReader, limit_bytes: int) -> bytes:
    received = b""
    while len(received) < limit_bytes and (piece := await reader.read(limit_bytes - len(received))):
        received += piece
    return received


async def _splice(one: _Streams, other: _Streams) -> None:
    """Carry bytes both ways until both have ended."""
    await asyncio.gather(_copy(one.reader, other.writer), _copy(other.reader, one.writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way, and then the end of the stream; a failure of either side closes the other."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(_READ_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()
