"""What a helper answers over QUIC: a handshake with its own key, for every name.

Nothing is served after the handshake. aioquic is imported here, and this module
where a helper has a socket for QUIC.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration

from probe.helper.datagrams import AnsweringSocket
from probe.helper.identity import certificate_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_IDLE_S = 10.0
_CONNECTION_IDS = 4096  # known at once, a few for each connection; a flood must not exhaust the machine
_MAX_DATA_BYTES = 4096  # that a client may send after its handshake: nothing of it is read


class _Server(QuicServer):
    """The library's server, with a bound on what it remembers."""

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        """Take a datagram; while too many connections are known, none is opened."""
        if len(self._protocols) < _CONNECTION_IDS:
            super().datagram_received(data, addr)


@contextlib.contextmanager
def answering(sockets: Sequence[socket.socket], key: Ed25519PrivateKey) -> Iterator[None]:
    """Shake hands with whoever comes to these bound UDP sockets, for as long as the context lasts."""
    logger = logging.getLogger("quic")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # it would log who asks
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=["h3"],
        certificate=certificate_of(key),
        private_key=key,
        idle_timeout=_IDLE_S,
        max_data=_MAX_DATA_BYTES,
        max_stream_data=_MAX_DATA_BYTES,
    )
    transports = []
    for each in sockets:
        server = _Server(configuration=configuration)
        transport = AnsweringSocket(each, server.datagram_received)
        server.connection_made(transport)
        transports.append(transport)
    try:
        yield
    finally:
        logger.setLevel(level)
        for transport in transports:
            transport.close()
