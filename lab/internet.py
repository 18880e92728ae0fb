"""The Internet between the hosts: reads and writes their TUN devices, carries packets hop by hop.

One asyncio process. A host's packet crosses its access link, then router after
router: the boxes placed there see it first, then its hop limit is counted down
(an ICMP "time exceeded" from the router's own address when it runs out), a home
gateway translates its addresses, and it goes on over the next link of the
cheapest path. Time is the loop's clock; every draw comes from the scenario's seed.

A packet stops only where something depends on what others do: at a line with a
rate or jitter, at a router with boxes or translation, at its end. What lies
between two stops is planned once for each destination, and passed in one step.

Routers do not fragment: a packet that is too big is dropped, with the ICMP error
that path MTU discovery needs, unless the link is a black hole. A router's own CPU
is infinite.
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from lab import packet as packets
from lab import raw_packet
from lab.agenda import Agenda
from lab.conditions import Fate, InterfaceState, peace
from lab.link import Line
from lab.nat import Nat
from lab.routes import Routes
from lab.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from lab.capture import Capture
    from lab.conditions import Conditions
    from lab.packet import Address, Packet
    from lab.topology import Router, Topology

_READ_AT_ONCE = 64  # packets of one host before the others have their turn
_MAX_PACKET_BYTES = 65_535
_REACTION_S = 0.0002  # of a box beside the path: what it saw has gone on when it forges something
_MOST_HOPS = 64  # of a planned run; a loop of routes goes on from there, until the hop limit ends it


@dataclass(slots=True)
class _Run:
    """The way from a router, past every node that does nothing of its own, to the next stop."""

    node: str
    """Where it stops."""
    delay_s: float = 0.0
    hops: int = 0
    """Routers on it that only count the hop limit down."""
    mtu: int = _MAX_PACKET_BYTES
    """The smallest of its lines'."""
    is_arrival: bool = False
    """Whether a packet has arrived at the stop; otherwise the stop is a router that has to send it on with care."""


class Internet:
    """Everything between the hosts of one topology, at work on one event loop."""

    def __init__(self, topology: Topology, tuns: Mapping[str, int], seed: int) -> None:
        """Take the TUN descriptor of each host; ``seed`` decides all losses, jitters and shares."""
        self._topology = topology
        self._tuns = dict(tuns)
        self._seed = seed
        self._loop = asyncio.get_running_loop()
        self._agenda = Agenda(self._loop)
        self._routes = Routes(topology)
        self._own = {
            name: frozenset(address.packed for address in router.addresses) for name, router in topology.routers.items()
        }
        self._nats = {name: nat for name, router in topology.routers.items() if (nat := _nat_of(router)) is not None}
        self._lines: dict[tuple[str, str], Line] = {}
        self._clock_ahead_s = 0.0
        """Of the scenario's clock, in seconds since 1970, before the loop's."""
        self._captures: dict[tuple[str, str], Capture] = {}
        self._stations: dict[str, list[Station]] = {}
        self._runs: dict[tuple[str, bytes], _Run] = {}
        self.apply(peace(topology))

    def start(self) -> None:
        """Begin to read the hosts' packets."""
        for host, descriptor in self._tuns.items():
            self._loop.add_reader(descriptor, self._read, host, descriptor)

    def apply(self, conditions: Conditions, *, at: datetime | None = None, is_fresh: bool = True) -> None:
        """Let other conditions hold from now on, when the scenario's clock shows ``at``; packets on their way arrive.

        With ``is_fresh`` time has passed since: queues are empty, boxes and gateways have forgotten what they saw.
        """
        before = {station.placement: station for stations in self._stations.values() for station in stations}
        self._conditions = conditions
        if at is not None:
            self._clock_ahead_s = at.timestamp() - self._loop.time()
        self._deaf = conditions.asleep | {
            host for host, state in conditions.interfaces.items() if state is not InterfaceState.UP
        }
        self._routes.apply(conditions)
        self._runs.clear()
        for name, link in self._topology.links.items():
            for here, there in (link.between, link.between[::-1]):
                if is_fresh:
                    draws = random.Random(f"{self._seed} {here} {there}")
                    self._lines[here, there] = Line(conditions.links[name], draws)
                else:
                    self._lines[here, there].profile = conditions.links[name]
        self._stations = {}
        for placement in conditions.placements:
            station = None if is_fresh else before.get(placement)
            if station is None:
                station = Station(placement, random.Random(f"{self._seed} {placement.name}"))
            self._stations.setdefault(placement.router, []).append(station)
        for name, nat in self._nats.items():
            if is_fresh or name in conditions.fates:  # who was switched off has forgotten whom it spoke for
                nat.reset()

    def capture(self, link: str, into: Capture) -> None:
        """Write every packet that enters a link, from either end, into a capture."""
        here, there = self._topology.links[link].between
        self._captures[here, there] = self._captures[there, here] = into
        self._runs.clear()

    def finish(self) -> list[str]:
        """Close the captures; gives a sentence for each from which packets are missing."""
        captures = set(self._captures.values())
        self._captures.clear()
        self._runs.clear()
        for capture in captures:
            capture.close()
        return sorted(capture.notice for capture in captures if capture.notice is not None)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Give for every placement in force how many packets it has seen, and on how many it acted."""
        return {
            station.placement.name: (station.seen, station.acted)
            for stations in self._stations.values()
            for station in stations
        }

    # ------------------------------------------------------------ the ways of a packet

    def _read(self, host: str, descriptor: int) -> None:
        now = self._loop.time()
        for _ in range(_READ_AT_ONCE):
            try:
                raw = os.read(descriptor, _MAX_PACKET_BYTES)
            except OSError:  # nothing more to read, or the interface went down meanwhile
                return
            if not raw_packet.is_multicast(raw):
                self._carry(host, bytearray(raw), now)

    def _enter(self, here: str, there: str, raw: bytearray, at: float) -> None:
        """Put a packet on the line from one node to the next."""
        line = self._lines[here, there]
        profile = line.profile
        capture = self._captures.get((here, there))
        if capture is not None:
            capture.write(raw, at + self._clock_ahead_s)
        if len(raw) > profile.mtu:
            if profile.is_mtu_announced:
                speaker = here if here in self._topology.routers else there
                self._complain(speaker, raw, at, lambda source, about: packets.too_big(source, about, profile.mtu))
            return
        arrives_at = line.arrival(len(raw), at)
        if arrives_at is None:
            return
        if there in self._tuns or self._is_stop(there, raw):
            self._agenda.at(arrives_at, self._arrive, there, raw)
        else:
            self._pass(there, raw, arrives_at)

    def _is_stop(self, router: str, raw: bytearray) -> bool:
        """Tell whether a packet must be at a router when its turn comes, because others may change what happens."""
        return router in self._stations or router in self._nats or raw_packet.destination(raw) in self._own[router]

    def _arrive(self, node: str, raw: bytearray, at: float) -> None:
        if node in self._tuns:
            if node not in self._deaf:
                try:  # noqa: SIM105 - a context manager costs as much here as the write
                    os.write(self._tuns[node], raw)
                except OSError:  # a full or vanished interface loses packets, as wires do
                    pass
            return
        if node in self._conditions.fates:
            return
        if node in self._stations and not self._shown_to_boxes(node, raw, at):
            return
        if raw_packet.destination(raw) in self._own[node]:
            nat = self._nats.get(node)
            translated = nat.inbound(raw, at) if nat is not None else None
            if translated is None:
                self._answer(node, raw, at)
                return
            raw = bytearray(translated)
        self._pass(node, raw, at)

    def _shown_to_boxes(self, router: str, raw: bytearray, at: float) -> bool:
        """Show a packet to the boxes at a router, send on what they forge, and tell whether it passes itself."""
        packet = packets.parse(bytes(raw))
        if packet is None:
            return True
        ends: set[str | None] | None = None
        for station in self._stations[router]:
            networks = station.placement.networks
            if networks:
                if ends is None:
                    ends = {
                        self._routes.network_of(raw_packet.source(raw)),
                        self._routes.network_of(raw_packet.destination(raw)),
                    }
                if not networks & ends:
                    continue
            passes, others = station.show(packet, at)
            for other in others:
                if station.placement.is_on_path:
                    self._agenda.at(at + _REACTION_S, self._carry, router, bytearray(packets.build(other)))
                elif other.via is None:
                    self._carry(router, bytearray(packets.build(other)), at)
                elif packet.hop_limit > 1:
                    led = replace(other, hop_limit=packet.hop_limit - 1, via=None)
                    self._enter(router, other.via, bytearray(packets.build(led)), at)
                else:
                    self._complain(router, raw, at, packets.time_exceeded)
            if not passes:
                return False
        return True

    def _pass(self, router: str, raw: bytearray, at: float) -> None:
        """Let a packet through a router that is not its end: count its hop limit down, translate it, send it on."""
        if router in self._conditions.fates:
            return
        if raw_packet.hop_limit(raw) <= 1:
            self._complain(router, raw, at, packets.time_exceeded)
            return
        raw_packet.count_down(raw, 1)
        nat = self._nats.get(router)
        if nat is not None and self._routes.leaves(router, raw):
            translated = nat.outbound(raw, at)
            if translated is None:
                return
            raw = bytearray(translated)
        self._carry(router, raw, at)

    def _carry(self, node: str, raw: bytearray, at: float) -> None:
        """Send a packet on from a host or a router, in one step as far as nothing can happen to it."""
        key = (node, bytes(raw[16:20]) if raw[0] < 0x60 else bytes(raw[24:40]))  # IPv4 or IPv6, in the hottest place
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = self._plan(node, raw)
        if len(raw) > run.mtu or raw_packet.hop_limit(raw) <= run.hops:
            self._step(node, raw, at)
            return
        if run.hops:
            raw_packet.count_down(raw, run.hops)
        if run.is_arrival:
            self._agenda.at(at + run.delay_s, self._arrive, run.node, raw)
        else:
            self._step(run.node, raw, at + run.delay_s)

    def _plan(self, start: str, raw: bytearray) -> _Run:
        """Look ahead from a node to the next stop of whatever goes where this packet goes."""
        run = _Run(start)
        while run.hops < _MOST_HOPS:
            ways = self._routes.ways(run.node, raw_packet.destination(raw))
            if len(ways) != 1 or ways[0] in self._conditions.fates:
                break
            there, profile = ways[0], self._lines[run.node, ways[0]].profile
            if not profile.is_plain or (run.node, there) in self._captures:
                break
            run.delay_s += profile.delay_s
            run.mtu = min(run.mtu, profile.mtu)
            run.hops += run.node != start
            run.node = there
            if there in self._tuns or self._is_stop(there, raw):
                run.is_arrival = True
                return run
        run.hops += run.node != start
        return run

    def _step(self, router: str, raw: bytearray, at: float) -> None:
        """Send a packet from a router over one line, when its turn has come."""
        ways = self._routes.ways(router, raw_packet.destination(raw))
        if not ways:
            self._complain(router, raw, at, self._routes.why_not(router, raw_packet.destination(raw)))
            return
        there = ways[0] if len(ways) == 1 else ways[raw_packet.choice(router, raw, len(ways))]
        if there in self._tuns and there in self._conditions.fates:
            self._meet(router, raw, at, self._conditions.fates[there])
        elif self._lines[router, there].profile.needs_order and at > self._loop.time():
            self._agenda.at(at, self._cross, (router, there), raw)
        else:
            self._enter(router, there, raw, at)

    def _cross(self, ends: tuple[str, str], raw: bytearray, at: float) -> None:
        self._enter(*ends, raw, at)

    def _meet(self, router: str, raw: bytearray, at: float, fate: Fate) -> None:
        """Treat a packet to a host that no longer serves."""
        packet = packets.parse(bytes(raw))
        if packet is None:
            return
        if fate is Fate.UNREACHABLE:
            self._complain(router, raw, at, packets.host_unreachable)
        elif fate is Fate.REFUSING:
            refusal = packets.reset_for(packet)
            if refusal is not None:
                self._carry(router, bytearray(packets.build(refusal)), at)
            elif packets.parse_udp(packet) is not None:
                self._complain(router, raw, at, lambda _, about: packets.port_unreachable(about.destination, about))

    # ------------------------------------------------------------ what a router says itself

    def _answer(self, router: str, raw: bytearray, at: float) -> None:
        packet = packets.parse(bytes(raw))
        if packet is None:
            return
        reply = packets.echo_reply(packet)
        if reply is None and (router not in self._nats or packet.source.is_private):  # a home gateway is shut outside
            reply = packets.reset_for(packet)
            if reply is None and packets.parse_udp(packet) is not None:
                self._complain(router, raw, at, packets.port_unreachable)
        if reply is not None:
            self._carry(router, bytearray(packets.build(reply)), at)

    def _complain(self, router: str, raw: bytearray, at: float, error: Callable[[Address, Packet], Packet]) -> None:
        """Send an ICMP error about a packet, unless it is one of those that none may be sent about (RFC 1122)."""
        packet = packets.parse(bytes(raw))
        if packet is None or packets.is_icmp_error(packet) or packet.is_later_fragment:
            return
        own = [a for a in self._topology.routers[router].addresses if a.version == packet.version]
        if own:
            source = min(own, key=lambda address: address.is_private != packet.source.is_private)
            self._carry(router, bytearray(packets.build(error(source, packet))), at)


def _nat_of(router: Router) -> Nat | None:
    """Give the translation of a home gateway; ``None`` for other routers."""
    private = tuple(network for network in router.inside if isinstance(network, IPv4Network))
    public = next((address for address in router.addresses if isinstance(address, IPv4Address)), None)
    return Nat(public, private) if private and public is not None else None
