"""One TLS handshake over an open connection.

The handshake accepts any certificate: what the peer showed is kept, whole, and
verified by us afterwards (:mod:`probe.trust`). A chain that does not verify is
a fact beside a handshake that succeeded; the caller decides to go no further.

Nothing in the environment has any effect: no key log is written and no file of
trusted roots is read. Two handshakes that differ only in a name of the same
length send the same number of bytes.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.steps.failing import TooMuchError, failure_of, text_of

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream
    from probe.trust import Trust

_READ_BYTES = 16_384
_RECORD_HEADER_BYTES = 5
_CONTENT_TYPES = range(20, 25)  # change_cipher_spec to heartbeat
_MAJOR_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsEndpoint:
    """A connection, and what to say on it."""

    stream: Stream
    address: str
    port: int
    server_name: str | None
    """Sent as SNI and verified; without one no SNI is sent and the address is verified."""
    trust: Trust | None
    """``None`` leaves the chain unverified."""
    pinned_key: bytes | None = None
    """Ed25519, 32 bytes: the leaf must hold this key."""
    alpn: tuple[str, ...] = ("http/1.1",)


async def handshake(
    endpoint: TlsEndpoint, net: Net, clock: Clock, limits: Limits
) -> tuple[Observation, Stream | None]:
    """Shake hands, within ``limits.tls_timeout_s``.

    Gives a stream that speaks through TLS, also where ``certificate_failure``
    is set. Where the handshake fails, ``endpoint.stream`` is closed.
    """
    del net  # the connection is open; every step has the same signature
    began = clock.monotonic()
    sent, received = endpoint.stream.bytes_sent, endpoint.stream.bytes_received
    seen = Observation(
        operation=Operation.TLS,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        name=endpoint.server_name,
        address=endpoint.address,
        port=endpoint.port,
        source_port=endpoint.stream.source_port,
    )
    failure: Failure | None = None
    error_text: str | None = None
    stream = TlsStream(endpoint.stream, limits.tls_handshake_bytes)
    try:
        stream.prepare(endpoint.server_name, endpoint.alpn)
        await stream.shake_hands(began + limits.tls_timeout_s)
    except TooMuchError as error:
        failure, error_text = Failure.TLS_HANDSHAKE, text_of(error, limits)
    except (OSError, EOFError, UnicodeError, ValueError) as error:
        failure, error_text = failure_of(error), text_of(error, limits)
    seen = replace(
        seen,
        ended_mono_s=clock.monotonic(),
        bytes_sent=endpoint.stream.bytes_sent - sent,
        bytes_received=endpoint.stream.bytes_received - received,
        is_peer_hello_received=stream.is_tls_received,
    )
    ...
