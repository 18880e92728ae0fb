"""The nouns of the probe: what is measured, and what one step saw.

Every noun is a frozen dataclass. An :class:`Observation` is flat, one field a
column of the store, because analysts read columns, not trees; a field that
does not belong to the step's layer is ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from probe.failures import Failure


class Operation(StrEnum):
    """The network operation that a step performs."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    HOP = "hop"  # a packet whose hop limit was meant to run out on the way
    QUIC = "quic"  # a QUIC handshake (RFC 9000)


class DnsTransport(StrEnum):
    """How a DNS question was asked."""

    SYSTEM = "system"  # the operating system's own resolution, as every program here sees it
    UDP = "udp"
    TCP = "tcp"
    DOT = "dot"  # RFC 7858
    DOH = "doh"  # RFC 8484

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read the question or write the answer; a handshake for each is the price."""
        return self in {DnsTransport.DOT, DnsTransport.DOH}


class NameKind(StrEnum):
    """Where on the wire the name of a pair stands."""

    SNI = "sni"
    HOST = "host"
    PATH = "path"
    QNAME = "qname"
    QUIC = "quic"  # the server name in a QUIC Initial


class Arm(StrEnum):
    """The two halves of a pair."""

    TARGET = "target"
    CONTROL = "control"


class Peer(StrEnum):
    """Whom a pair is sent to."""

    TARGET = "target"  # the target's own address, whose server may read names
    HELPER = "helper"  # a server of ours, which answers every name alike


class TargetKind(StrEnum):
    """What a target is for."""

    TARGET = "target"
    CONTROL_HOME = "control-home"
    CONTROL_ABROAD = "control-abroad"
    PORTAL_CHECK = "portal-check"  # plain HTTP whose answer is known in advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One URL of a service, under a name that stays when addresses change."""

    name: str
    service: str
    url: str
    kind: TargetKind
    video: str | None = None
    """The video's id, where the target is one video of a platform."""
    expect_status: int | None = None
    """The status that a portal check must return."""
    role: str | None = None
    """What its service needs it for: ``site``, ``short-links``, ``images``, ``video`` or ``api``."""
    need: str | None = None
    """``all`` where its service cannot do without the role, ``any`` where the role is one of several that will do."""
    note: str = ""
    """Where the target comes from, and how certain that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAnswer:
    """One datagram (or message) that came back for one DNS question."""

    delay_s: float
    """From the question sent to the answer received."""
    rcode: str | None
    """Upper case (``NOERROR``, ``NXDOMAIN``); ``None`` where the bytes are no DNS message."""
    addresses: tuple[str, ...]
    """A and AAAA records, in the order received."""
    cnames: tuple[str, ...]
    is_valid: bool
    """Parses, and has an id of ours and our question."""
    raw: bytes
    sending: int | None = None
    """Which sending of the question it answers, from 1; ``None`` where it answers none."""
    networks: tuple[str | None, ...] = ()
    """Autonomous system of each address, where whoever measured it looked; of a whoami the addresses are not kept."""
    identity: str | None = None
    """What the server that answered calls itself, with every run of letters as ``a`` and of digits as ``9``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one step saw."""

    operation: Operation
    started_at: datetime
    """Wall clock, UTC."""
    started_mono_s: float
    ended_mono_s: float
    failure: Failure | None = None
    error_text: str | None = None
    """What the system said, cut to a limit; for people, never parsed."""

    name: str | None = None
    """The name that was sent: the DNS question, the SNI, the Host."""
    address: str | None = None
    """The peer's address; of DNS, the resolver's."""
    port: int | None = None
    source_port: int | None = None
    bytes_sent: int = 0
    bytes_received: int = 0

    # DNS
    resolver: str | None = None
    """The resolver's name in the schedule."""
    transport: DnsTransport | None = None
    query_type: str | None = None
    answers: tuple[DnsAnswer, ...] = ()
    """Every answer that arrived, in order; the first valid one is what a stub resolver would use."""

    # TLS
    tls_version: str | None = None
    tls_cipher: str | None = None
    alpn: str | None = None
    certificates: tuple[bytes, ...] = ()
    """The whole chain as sent, DER, the leaf first; kept also when verification fails."""
    certificate_failure: Failure | None = None
    """What our verification found wrong. The handshake itself may still have succeeded."""
    is_peer_hello_received: bool | None = None
    """Whether any TLS record of the peer's arrived, an alert included."""

    # QUIC
    packet_kinds: tuple[str, ...] = ()
    """Kinds of the peer's packets, each once, in the order seen: ``initial``, ``retry``, ``version-negotiation``…"""

    # HTTP
    url: str | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """From the allow-list only, names in lower case, in the order received."""
    location: str | None = None
    body: bytes = b""
    """Decoded, up to the limit. The store keeps its hash and length."""
    body_length_bytes: int | None = None
    is_body_truncated: bool | None = None
    title: str | None = None
    is_genuine: bool | None = None
    """Of a helper's answer: whether the helper's key signed it."""

    # HOP
    hop_limit: int | None = None
    """The hop limit (TTL) that the packet was sent with; ``address`` is who answered."""
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_errors: int | None = None
    """How many ICMP errors came for a packet with a small hop limit; of TCP the system does not say whose."""

    # Transfers
    first_byte_s: float | None = None
    """From the request sent to the first byte of the answer."""
    progress: tuple[tuple[float, int], ...] = ()
    """How a transfer went: (seconds since the request, bytes received by then), rising, at most 64."""

    # What a page says of itself
    body_sketch: str | None = None
    """A short sketch of the page's words, from which the likeness of two pages can be told without keeping them."""
    fingerprint: str | None = None
    """The name of the known block page that the body matched."""
    playability: str | None = None
    """Of a video: what its player says, such as ``OK`` or ``UNPLAYABLE``."""
    playability_reason: str | None = None
    countries: tuple[str, ...] | None = None
    """Of a video: where its platform says that it is available."""

    @property
    def duration_s(self) -> float:
        """Give the step's length on the monotonic clock, in seconds."""
        return self.ended_mono_s - self.started_mono_s
