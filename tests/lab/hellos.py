"""What real clients say first: OpenSSL's ClientHello, and a QUIC client's Initial packets."""

from __future__ import annotations

import ssl
from functools import cache

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection


@cache
def client_hello(name: str) -> bytes:
    """What this machine's OpenSSL sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError


def quic_initials(name: str) -> list[bytes]:
    """The datagrams with which aioquic opens a connection."""
    connection = QuicConnection(configuration=QuicConfiguration(server_name=name, alpn_protocols=["h3"]))
    connection.connect(("192.0.2.1", 443), now=0.0)
    return [datagram for datagram, _ in connection.datagrams_to_send(now=0.0)]
