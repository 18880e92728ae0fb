"""What a schedule says, once it has been read and found right. :mod:`probe.schedule.loader` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from probe.fingerprints import NO_FINGERPRINTS
from probe.limits import Limits
from probe.model import DnsTransport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
    from pathlib import Path

    from probe.fingerprints import Fingerprints
    from probe.model import Target, TargetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageSpec:
    """Who measures, as far as it may be known."""

    name: str | None = None
    """The vantage's identifier; without one, a random one is made and kept in the database."""
    country: str
    region: str | None = None
    network: str | None = None
    bearer: str = "unknown"
    role: str = "probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """One resolver that every name is asked of."""

    name: str
    transport: DnsTransport
    address: str | None = None
    """Of UDP, TCP, DoT and DoH; empty for the system's own, which the system knows."""
    port: int | None = None
    server_name: str | None = None
    """Of DoT and DoH: the name that its certificate must carry."""
    path: str = "/dns-query"

    @property
    def is_system(self) -> bool:
        """Tell whether it is the system's own resolution, which every program here uses."""
        return self.transport is DnsTransport.SYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """A server of ours that answers every name alike."""

    name: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    """Its addresses; one is drawn for each pair, so that a penalty on one does not end the test."""
    public_key: bytes
    """Ed25519, 32 bytes: what its answers are signed with."""
    https_port: int = 443
    http_port: int = 80
    quic_port: int | None = None
    """UDP; ``None`` where it does not speak QUIC."""
    dns_port: int | None = None
    """UDP; ``None`` where it does not answer DNS."""

    def addresses(self) -> list[IPv4Address | IPv6Address]:
        """Give its addresses, at most 256 of each network."""
        return [network[i] for network in self.networks for i in range(min(network.num_addresses, 256))]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """How many name-swap pairs a cycle may spend."""

    routine: int = 1
    """Of each target that is drawn and each kind of name, at the helper; without a helper, none."""
    drawn: int = 8
    """Targets and controls that are drawn for them in each cycle: a standing sample, at a bounded cost."""
    follow_up: int = 24
    """At most, once something is wrong: 13 discordant pairs that all point one way give E = 1,170."""
    enough_discordant: int = 14
    """Stop there: a bet may be stopped at any time without losing its guarantee (Ville)."""
    rest_s: float = 180.0
    """An address and port are left alone so long after a target's arm failed there: some censors punish
    the pair of addresses for 60-300 s after a trigger."""


class WayKind(StrEnum):
    """What another way round is."""

    SOCKS5 = "socks5"  # RFC 1928; Tor's own is one
    HTTP = "http"  # a proxy that understands CONNECT
    INTERFACE = "interface"  # another line of this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Another way round, which the volunteer already has."""

    name: str
    kind: WayKind
    address: str | None = None
    """Of a proxy. Never stored."""
    port: int | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What closer looks at an anomaly may cost, and which they are."""

    time_s: float = 240.0
    """Of one target, in one cycle."""
    bytes: int = 3_000_000
    """Of one target, in one cycle, both directions."""
    day_bytes: int = 15_000_000
    """Of all targets in 24 hours: with the routine of an hourly schedule, a day stays within 20 MB."""
    ladder: tuple[str, ...] | None = None
    """The techniques, in order; without the key all of them, in their own order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What to measure, from where, how often."""

    name: str
    sha256: str
    """Of the file's bytes."""
    vantage: VantageSpec
    resolvers: tuple[Resolver, ...]
    targets: tuple[Target, ...]
    """Targets, controls and portal checks alike, in the file's order."""
    helpers: tuple[Helper, ...] = ()
    non_resolvers: tuple[IPv4Address | IPv6Address, ...] = ()
    """Addresses where no resolver runs: what answers a DNS question there was forged on the way."""
    whoami: tuple[str, ...] = ()
    """Names that answer a question for an A record with the address that asked: a resolver's, as its far side shows."""
    ways: tuple[Way, ...] = ()
    """Other ways round that the volunteer permits to be used."""
    extra_roots: tuple[bytes, ...] = ()
    """Certificates (DER) trusted beside the public roots."""
    cadence_s: float = 900.0
    jitter_s: float = 120.0
    """A cycle starts this much after its slot at most, so that it does not lock to a censor's duty cycle."""
    pairs: PairPlan = field(default_factory=PairPlan)
    follow_up: FollowUp = field(default_factory=FollowUp)
    rota: Mapping[str, float] = field(default_factory=dict)
    """Techniques that look at every target now and then, without any anomaly: name, and mean seconds between."""
    limits: Limits = field(default_factory=Limits)
    fingerprints: Fingerprints = NO_FINGERPRINTS
    """Of known block pages, from the user's own files."""
    video_hosts: tuple[str, ...] = ()
    """Domains under which a video's film and thumbnail may be, beside YouTube's own."""
    as_table: Path | None = None
    """A file that says which addresses belong to which network, for the vantage's own; without it, nothing is said."""
    may_keep_packets: bool = False
    """Whether the volunteer permitted it, on the command line (``--packets``); no key of the file does."""

    @property
    def beacon(self) -> str | None:
        """A public address towards which the first hops lie: a resolver's, which the schedule asks anyway."""
        return next((resolver.address for resolver in self.resolvers if resolver.address), None)

    def silent_addresses(self) -> list[IPv4Address | IPv6Address]:
        """List the addresses where no resolver runs: without the key, the helpers', which answer no plain question."""
        return list(self.non_resolvers) or [address for helper in self.helpers for address in helper.addresses()]

    def of_kind(self, *kinds: TargetKind) -> tuple[Target, ...]:
        """Give the targets of these kinds, in order."""
        return tuple(target for target in self.targets if target.kind in kinds)
