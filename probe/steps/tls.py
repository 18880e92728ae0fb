"""One TLS handshake over an open connection.

The handshake accepts any certificate: what the peer showed is kept, whole, and
verified by us afterwards (:mod:`probe.trust`). A chain that does not verify is
a fact beside a handshake that succeeded; the caller decides to go no further.

Nothing in the environment has any effect: no key log is written and no file of
trusted roots is read. Two handshakes that differ only in a name of the same
length send the same number of bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.steps.failing import TooMuchError, failure_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream
    from probe.trust import Trust

_READ_BYTES = 16_384
_RECORD_HEADER_BYTES = 5
_CONTENT_TYPES = range(20, 25)  # change_cipher_spec to heartbeat
_MAJOR_VERSION = 3
_PIECE_GAP_S = 0.02  # the system may join what is written in one breath
_ENCODING_DER = 2  # of the private _ssl module
_CIPHERS = "HIGH:!aNULL:!PSK:!SRP:@SECLEVEL=0"
"""Weak keys and signatures are the peer's to show and ours to record, not a reason to break off."""


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
    first_flight: Callable[[bytes], tuple[bytes, ...]] | None = None
    """Takes the ClientHello's record and gives what is sent in its place, each piece in a segment of its own."""


async def handshake(endpoint: TlsEndpoint, net: Net, clock: Clock, limits: Limits) -> tuple[Observation, Stream | None]:
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
    try:
        stream = TlsStream(endpoint.stream, endpoint.server_name, endpoint.alpn, endpoint.first_flight)
    except (UnicodeError, ValueError, TypeError) as error:  # a name that no ClientHello can carry
        await endpoint.stream.close()
        return replace(
            seen,
            ended_mono_s=clock.monotonic(),
            failure=Failure.UNKNOWN,
            error_text=text_of(error, limits),
            is_peer_hello_received=False,
        ), None
    failure: Failure | None = None
    error_text: str | None = None
    try:
        await stream.shake_hands(began + limits.tls_timeout_s, limits.tls_handshake_bytes)
    except TooMuchError as error:
        failure, error_text = Failure.TLS_HANDSHAKE, text_of(error, limits)
    except (OSError, EOFError) as error:
        failure, error_text = failure_of(error), text_of(error, limits)
    ended = clock.monotonic()
    chain = stream.certificates()
    seen = replace(
        seen,
        ended_mono_s=ended,
        failure=failure,
        error_text=error_text,
        bytes_sent=endpoint.stream.bytes_sent - sent,
        bytes_received=endpoint.stream.bytes_received - received,
        certificates=chain[: limits.tls_certificates],
        is_peer_hello_received=stream.is_record_received,
    )
    if failure is None:
        seen = _examine(seen, stream, chain, endpoint, clock, limits)
    if seen.failure is not None:
        await stream.close()
        return seen, None
    return seen, stream


def _examine(
    seen: Observation,
    stream: TlsStream,
    chain: tuple[bytes, ...],
    endpoint: TlsEndpoint,
    clock: Clock,
    limits: Limits,
) -> Observation:
    """Add what the finished handshake agreed on, and what is wrong with its certificates."""
    is_genuine = None if endpoint.pinned_key is None else holds_key(chain, endpoint.pinned_key)
    name = endpoint.server_name or endpoint.address
    return replace(
        seen,
        tls_version=stream.version,
        tls_cipher=stream.cipher,
        alpn=stream.alpn,
        certificate_failure=certificate_failure_of(chain, name, endpoint.trust, clock.now(), limits),
        is_genuine=is_genuine,
        failure=Failure.NOT_GENUINE if is_genuine is False else None,
    )


def certificate_failure_of(
    chain: tuple[bytes, ...], name: str, trust: Trust | None, at: datetime, limits: Limits
) -> Failure | None:
    """Give what is wrong with a chain for ``name``; ``None`` if nothing is, or without ``trust``."""
    if len(chain) > limits.tls_certificates:
        return Failure.TLS_INVALID_CERTIFICATE
    return None if trust is None else trust.verify(chain, name, at)


def holds_key(chain: tuple[bytes, ...], key: bytes) -> bool:
    """Say whether the leaf's public key is this Ed25519 key; the handshake proved that the peer has it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from probe.trust import parse_certificate

    try:
        held = parse_certificate(chain[0]).public_key()
    except (IndexError, ValueError):
        return False
    return isinstance(held, Ed25519PublicKey) and held.public_bytes_raw() == key


def client_hello(name: str, alpn: tuple[str, ...] = ("http/1.1",)) -> bytes:
    """Give the first flight of a handshake as :func:`handshake` sends it. UnicodeError, ValueError, TypeError."""
    outgoing = ssl.MemoryBIO()
    session = _context(alpn).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def _context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unlike create_default_context, reads no environment
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TlsStream:
    """A TLS client session over another stream, which it owns."""

    def __init__(
        self,
        inner: Stream,
        server_name: str | None,
        alpn: tuple[str, ...],
        first_flight: Callable[[bytes], tuple[bytes, ...]] | None = None,
    ) -> None:
        """Prepare a session. UnicodeError, ValueError, TypeError: the name fits no ClientHello."""
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = _context(alpn).wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._first_flight = first_flight
        self._head = b""

    @property
    def bytes_sent(self) -> int:
        """Give the bytes sent on the TCP connection so far."""
        return self._inner.bytes_sent

    @property
    def bytes_received(self) -> int:
        """Give the bytes received on the TCP connection so far."""
        return self._inner.bytes_received

    @property
    def source_port(self) -> int | None:
        """Give our port."""
        return self._inner.source_port

    def watch(self, note: Callable[[int], None]) -> None:
        """Tell ``note`` from now on how many bytes each read brought on the TCP connection."""
        self._inner.watch(note)

    @property
    def is_record_received(self) -> bool:
        """Say whether the peer's first bytes are the header of a TLS record (RFC 8446, section 5.1)."""
        head = self._head
        return len(head) == _RECORD_HEADER_BYTES and head[0] in _CONTENT_TYPES and head[1] == _MAJOR_VERSION

    @property
    def version(self) -> str | None:
        """Give the protocol agreed on, as ``TLSv1.3``."""
        return self._session.version()

    @property
    def cipher(self) -> str | None:
        """Give the cipher suite agreed on."""
        cipher = self._session.cipher()
        return cipher[0] if cipher else None

    @property
    def alpn(self) -> str | None:
        """Give the application protocol agreed on."""
        return self._session.selected_alpn_protocol()

    def certificates(self) -> tuple[bytes, ...]:
        """Give the chain as the peer sent it, DER, the leaf first; empty where none has come yet."""
        if hasattr(self._session, "get_unverified_chain"):  # Python 3.13
            return tuple(self._session.get_unverified_chain())
        chain = self._session._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # noqa: SLF001 - before 3.13 the chain has no public way out
        return tuple(certificate.public_bytes(_ENCODING_DER) for certificate in chain)

    async def shake_hands(self, deadline: float, max_bytes: int) -> None:
        """Finish the handshake. TimeoutError, OSError, EOFError; TooMuchError beyond ``max_bytes`` received."""
        before = self._inner.bytes_received
        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(deadline)
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush(deadline)  # the alert that says why
                raise
            else:
                await self._flush(deadline)
                return
            if self._inner.bytes_received - before >= max_bytes:
                raise TooMuchError(f"handshake longer than {max_bytes} bytes")
            if not await self._feed(deadline):
                raise EOFError

    async def read(self, max_bytes: int, deadline: float) -> bytes:
        """Give the next bytes, at most ``max_bytes``; ``b""`` at the end. TimeoutError, OSError."""
        while True:
            try:
                return self._session.read(max_bytes)
            except ssl.SSLWantReadError:
                await self._flush(deadline)
            if not await self._feed(deadline):
                return b""  # an end without close_notify, which many servers leave out

    async def write(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``. TimeoutError, OSError."""
        self._session.write(data)  # the memory behind it grows, so it takes all
        await self._flush(deadline)

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        await self._inner.close()

    async def _feed(self, deadline: float) -> bool:
        """Hand the session what the peer sends next; false at the end."""
        data = await self._inner.read(_READ_BYTES, deadline)
        self._head += data[: _RECORD_HEADER_BYTES - len(self._head)]
        self._incoming.write(data)
        return bool(data)

    async def _flush(self, deadline: float) -> None:
        data = self._outgoing.read()
        if data and self._first_flight is not None:
            pieces, self._first_flight = self._first_flight(data), None
            for piece in pieces[:-1]:
                await self._inner.write(piece, deadline)
                await asyncio.sleep(_PIECE_GAP_S)
            data = pieces[-1]
        if data:
            await self._inner.write(data, deadline)
