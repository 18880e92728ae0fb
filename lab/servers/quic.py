"""HTTP/3 origins: what :mod:`lab.servers.http` answers, over QUIC.

One certificate has all names of an address, as on a content delivery network: the
SNI chooses nothing here, the request's authority does. To be imported where a
topology has an HTTP/3 site, since its library is large.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from lab.dissect import RequestHead, host_of
from lab.servers.http import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    import socket

    from aioquic.h3.events import Headers
    from aioquic.quic.connection import NetworkAddress
    from aioquic.quic.events import QuicEvent

    from lab.servers.http import Client, FindClient, Respond

_IDLE_S = 20.0


async def listen(
    listening: socket.socket, pem: bytes, respond: Respond, find_client: FindClient
) -> asyncio.BaseTransport:
    """Answer every HTTP/3 request on a bound UDP socket with ``respond(head, body, client)``.

    ``pem`` has the key and the chain of a certificate for all names of the address.
    """
    leaf, *chain = load_pem_x509_certificates(pem)
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=H3_ALPN,
        idle_timeout=_IDLE_S,
        certificate=leaf,
        certificate_chain=chain,
        private_key=load_pem_private_key(pem, None),
    )
    connected = partial(_Connection, respond=respond, find_client=find_client)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: QuicServer(configuration=configuration, create_protocol=connected), sock=listening
    )
    return transport


class _Connection(QuicConnectionProtocol):
    """One client's connection; each of its streams is a request."""

    def __init__(self, *of_library: Any, respond: Respond, find_client: FindClient, **also: Any) -> None:
        super().__init__(*of_library, **also)
        self._respond = respond
        self._find_client = find_client
        self._client: Client | None = None
        self._http: H3Connection | None = None
        self._requests: dict[int, tuple[RequestHead, bytearray]] = {}

    def datagram_received(self, data: bytes | str, addr: NetworkAddress) -> None:
        """Note who asks, at the first datagram."""
        if self._client is None:
            self._client = self._find_client(addr[0])
        super().datagram_received(data, addr)

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer each request that is complete."""
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        for happened in self._http.handle_event(event) if self._http is not None else ():
            if isinstance(happened, HeadersReceived):
                self._requests.setdefault(happened.stream_id, (_head(happened.headers), bytearray()))  # or trailers
            elif isinstance(happened, DataReceived):
                body = self._requests[happened.stream_id][1]
                body += happened.data[: BODY_LIMIT_BYTES - len(body)]
            else:
                continue
            if happened.stream_ended:
                self._answer(happened.stream_id, *self._requests.pop(happened.stream_id))

    def _answer(self, stream: int, head: RequestHead, body: bytearray) -> None:
        assert self._client is not None
        assert self._http is not None
        answer = self._respond(head, bytes(body), self._client)
        fields = [(":status", str(answer.status)), *answer.fields()]
        self._http.send_headers(stream, [(name.lower().encode(), value.encode()) for name, value in fields])
        self._http.send_data(stream, answer.body, end_stream=True)


def _head(headers: Headers) -> RequestHead:
    found = {name: value.decode("latin-1") for name, value in headers if name.startswith(b":")}
    return RequestHead(found[b":method"], found.get(b":path", ""), host_of(found[b":authority"]))
