"""One QUIC handshake (RFC 9000, RFC 9001), version 1, over a UDP socket of its own.

As with TLS over TCP any certificate is accepted, kept, and verified by us
afterwards. The name stands in the Initial packets, whose keys follow from what
they show themselves: whoever carries them can read it.

aioquic speaks the protocol; it is imported at the first handshake, because a
probe mostly sleeps, and it is optional (``pip install nameblind[quic]``). It
moves no byte itself: datagrams go through the network seam.

After a handshake the connection is closed at once, and nothing is asked.
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.net import AddressNotDialledError
from probe.steps.failing import TooMuchError, failure_of, text_of

if TYPE_CHECKING:
    from aioquic.quic.connection import QuicConnection

    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import DatagramChannel, Net
    from probe.trust import Trust

_LONG_HEADER = 0x80
_LONG_KINDS = ("initial", "0-rtt", "handshake", "retry")
_CONNECTION_REFUSED = 0x02  # RFC 9000, section 20.1
_CRYPTO_ERRORS = range(0x100, 0x200)  # a TLS alert in its last byte
_IDLE_MARGIN_S = 5.0  # our own deadline must end the handshake, and not the library's

_SILENT = logging.getLogger(f"{__name__}.library")
_SILENT.setLevel(logging.CRITICAL + 1)


class _ClosedError(Exception):
    """The connection was closed in the handshake, by the peer or for what the peer sent."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with error 0x{code:x}")
        self.code = code


class _LibraryError(Exception):
    """The library choked on what the peer sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuicEndpoint:
    """Where to, and with which name."""

    address: str
    port: int
    server_name: str | None
    """Sent as SNI and verified; without one no SNI is sent and the address is verified."""
    trust: Trust | None
    """``None`` leaves the chain unverified."""
    pinned_key: bytes | None = None
    """Ed25519, 32 bytes: the leaf must hold this key."""
    alpn: tuple[str, ...] = ("h3",)


@cache
def is_available() -> bool:
    """Tell whether the library is installed, without importing it."""
    return importlib.util.find_spec("aioquic") is not None


async def handshake(endpoint: QuicEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Shake hands, within ``limits.quic_timeout_s`` and ``limits.tls_handshake_bytes``, and close.

    ``is_peer_hello_received`` says whether any packet with our connection ID came back.
    """
    began = clock.monotonic()
    seen = Observation(
        operation=Operation.QUIC,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        name=endpoint.server_name,
        address=endpoint.address,
        port=endpoint.port,
        is_peer_hello_received=False,
    )
    try:
        channel = net.open_datagrams(endpoint.address, endpoint.port)
    except (OSError, AddressNotDialledError) as error:
        return replace(
            seen, ended_mono_s=clock.monotonic(), failure=failure_of(error), error_text=text_of(error, limits)
        )
    session = _Session(endpoint, channel, clock, limits)
    failure: Failure | None = None
    error_text: str | None = None
    try:
        await session.shake_hands(began + limits.quic_timeout_s)
    except (OSError, TooMuchError, _ClosedError, _LibraryError) as error:
        failure, error_text = _failure_of(error, session), _text_of(error, limits)
    finally:
        ended = clock.monotonic()
        session.close()
    chain = session.certificates()
    seen = replace(
        seen,
        ended_mono_s=ended,
        failure=failure,
        error_text=error_text,
        source_port=channel.source_port,
        bytes_sent=channel.bytes_sent,
        bytes_received=channel.bytes_received,
        certificates=chain[: limits.tls_certificates],
        is_peer_hello_received=bool(session.packet_kinds),
        packet_kinds=tuple(session.packet_kinds),
    )
    return seen if failure is not None else _examine(seen, session, chain, endpoint, clock, limits)


def _failure_of(error: Exception, session: _Session) -> Failure:
    if isinstance(error, _ClosedError):
        if session.packet_kinds == ["version-negotiation"]:
            return Failure.QUIC_VERSION
        if error.code in _CRYPTO_ERRORS:
            return Failure.TLS_HANDSHAKE
        return Failure.CONNECTION_REFUSED if error.code == _CONNECTION_REFUSED else Failure.CONNECTION_ABORTED
    if isinstance(error, _LibraryError) and not session.packet_kinds:
        return Failure.UNKNOWN  # nothing came that it could have choked on: the name fits no ClientHello
    if isinstance(error, TooMuchError | _LibraryError):
        return Failure.TLS_HANDSHAKE
    return failure_of(error)


def _text_of(error: Exception, limits: Limits) -> str:
    return str(error) if isinstance(error, _ClosedError) else text_of(error, limits)


def _examine(
    seen: Observation,
    session: _Session,
    chain: tuple[bytes, ...],
    endpoint: QuicEndpoint,
    clock: Clock,
    limits: Limits,
) -> Observation:
    """Add what the finished handshake agreed on, and what is wrong with its certificates."""
    from probe.steps.tls import certificate_failure_of, holds_key

    is_genuine = None if endpoint.pinned_key is None else holds_key(chain, endpoint.pinned_key)
    name = endpoint.server_name or endpoint.address
    return replace(
        seen,
        tls_version="TLSv1.3",  # RFC 9001: no other
        tls_cipher=session.cipher,
        alpn=session.alpn,
        certificate_failure=certificate_failure_of(chain, name, endpoint.trust, clock.now(), limits),
        is_genuine=is_genuine,
        failure=Failure.NOT_GENUINE if is_genuine is False else None,
    )


class _Session:
    """One connection of the library, driven over one channel."""

    def __init__(self, endpoint: QuicEndpoint, channel: DatagramChannel, clock: Clock, limits: Limits) -> None:
        import ssl

        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.connection import QuicConnection
        from aioquic.quic.packet import QuicProtocolVersion

        self._peer = (endpoint.address, endpoint.port)
        self._channel = channel
        self._clock = clock
        self._limits = limits
        self._quic: QuicConnection = QuicConnection(
            configuration=QuicConfiguration(
                alpn_protocols=list(endpoint.alpn),
                server_name=endpoint.server_name,
                verify_mode=ssl.CERT_NONE,
                idle_timeout=limits.quic_timeout_s + _IDLE_MARGIN_S,
                supported_versions=[QuicProtocolVersion.VERSION_1],
            )
        )
        self._quic._logger = _SILENT  # type: ignore[assignment]  # noqa: SLF001 - it would log what the peer says
        self._own_id = self._quic.host_cid
        self.packet_kinds: list[str] = []
        self.alpn: str | None = None

    @property
    def cipher(self) -> str | None:
        """Give the cipher suite agreed on, by its name in TLS."""
        schedule = self._quic.tls.key_schedule
        return None if schedule is None else f"TLS_{schedule.cipher_suite.name}"

    def certificates(self) -> tuple[bytes, ...]:
        """Give the chain as the peer sent it, DER, the leaf first; empty where none has come yet."""
        from cryptography.hazmat.primitives.serialization import Encoding

        tls = getattr(self._quic, "tls", None)  # set once the library has sent its first flight
        leaf = getattr(tls, "_peer_certificate", None)  # the library hands the chain to nobody
        if leaf is None:
            return ()
        return tuple(each.public_bytes(Encoding.DER) for each in (leaf, *tls._peer_certificate_chain))  # type: ignore[union-attr]  # noqa: SLF001 - see above

    async def shake_hands(self, deadline: float) -> None:
        """Finish the handshake. TimeoutError, OSError, TooMuchError, _ClosedError, _LibraryError."""
        try:
            self._quic.connect(self._peer, now=self._clock.monotonic())
        except UnicodeError as error:  # a name that no ClientHello can carry
            raise _LibraryError from error
        while not self._is_finished():
            self._send()
            await self._wait(deadline)
            if self._channel.bytes_received > self._limits.tls_handshake_bytes:
                raise TooMuchError(f"handshake longer than {self._limits.tls_handshake_bytes} bytes")
        self._send()

    def close(self) -> None:
        """Tell the peer that nothing more will come, and close the socket."""
        try:
            if self._channel.bytes_sent:
                self._quic.close()
                self._send()
        except OSError:
            pass  # it was a courtesy
        finally:
            self._channel.close()

    def _is_finished(self) -> bool:
        from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted

        while (event := self._quic.next_event()) is not None:
            if isinstance(event, ConnectionTerminated):
                raise _ClosedError(event.error_code)
            if isinstance(event, HandshakeCompleted):
                self.alpn = event.alpn_protocol
                return True
        return False

    def _send(self) -> None:
        for datagram, _ in self._quic.datagrams_to_send(now=self._clock.monotonic()):
            self._channel.send(datagram)

    async def _wait(self, deadline: float) -> None:
        """Take the next datagram, or do what the library wants done by now."""
        timer = self._quic.get_timer()
        try:
            datagram = await self._channel.receive(deadline if timer is None else min(timer, deadline))
        except TimeoutError:
            now = self._clock.monotonic()
            if now >= deadline:
                raise
            self._quic.handle_timer(now)
            return
        kind = _kind_of(datagram, self._own_id)
        if kind is not None and kind not in self.packet_kinds:
            self.packet_kinds.append(kind)
        try:
            self._quic.receive_datagram(datagram, self._peer, now=self._clock.monotonic())
        except Exception as error:  # a parser of hostile bytes that is not ours: what escapes it is the peer's doing
            raise _LibraryError from error


def _kind_of(datagram: bytes, own_id: bytes) -> str | None:
    """Give the kind of a datagram's first packet (RFC 9000, section 17); ``None`` where it is for nobody here."""
    if not datagram or not datagram[0] & _LONG_HEADER:
        return "short" if datagram[1 : 1 + len(own_id)] == own_id else None
    version, id_length = datagram[1:5], datagram[5:6]
    if not id_length or datagram[6 : 6 + id_length[0]] != own_id:
        return None
    return "version-negotiation" if version == bytes(4) else _LONG_KINDS[datagram[0] >> 4 & 3]
