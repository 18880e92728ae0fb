"""The Internet between the hosts: reads and writes their TUN devices, carries packets hop by hop.

One asyncio process. A host's packet crosses its access link, then router after
router: the boxes placed there see it first, then its hop limit is counted down
(an ICMP "time exceeded" from the router's own address when it runs out), then it
goes on over the next link of the static shortest path. Time is the loop's clock;
every draw comes from the scenario's seed.

Routers do not fragment: a packet that is too big is dropped, with the ICMP error
that path MTU discovery needs, unless the link is a black hole. There is no NAT,
no re-routing, and a router's own CPU is infinite.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab import packet as packets
from lab.conditions import Fate, InterfaceState, peace
from lab.flow import FlowTable
from lab.link import Line
from lab.routing import PrefixTable, next_hops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.conditions import Conditions, Placement
    from lab.packet import Address, Packet
    from lab.topology import Topology

_READ_AT_ONCE = 64  # packets of one host before the others have their turn
_MAX_PACKET_BYTES = 65_535


class Internet:
    """Everything between the hosts of one topology, at work on one event loop."""

    def __init__(self, topology: Topology, tuns: Mapping[str, int], seed: int) -> None:
        """Take the TUN descriptor of each host; ``seed`` decides all losses, jitters and shares."""
        self._topology = topology
        self._tuns = dict(tuns)
        self._seed = seed
        self._loop = asyncio.get_running_loop()
        delays = {link.between: link.profile.delay_s for link in topology.links.values()}
        nodes = [*topology.routers, *topology.hosts]
        self._towards = {node: next_hops(delays, node) for node in nodes}
        self._owners = PrefixTable(
            (ip_network(address), name)
            for nodes_of_kind in (topology.routers, topology.hosts)
            for name, node in nodes_of_kind.items()
            for address in node.addresses
        )
        self._answered_networks = PrefixTable(
            (prefix, name) for name, host in topology.hosts.items() for prefix in host.answers_for
        )
        self._networks = PrefixTable(
            (prefix, name) for name, network in topology.networks.items() for prefix in network.prefixes
        )
        self._border = {router.network: name for name, router in reversed(list(topology.routers.items()))}
        self._lines: dict[tuple[str, str], Line] = {}
        self._placements: dict[str, list[tuple[Placement, FlowTable]]] = {}
        self._conditions = peace(topology)
        self.apply(self._conditions)

    def start(self) -> None:
        """Begin to read the hosts' packets."""
        for host, descriptor in self._tuns.items():
            self._loop.add_reader(descriptor, self._read, host, descriptor)

    def apply(self, conditions: Conditions) -> None:
        """Let other conditions hold from now on; packets on their way arrive, boxes forget what they saw."""
        self._conditions = conditions
        for name, link in self._topology.links.items():
            for here, there in (link.between, link.between[::-1]):
                draws = random.Random(f"{self._seed} {here} {there}")
                self._lines[here, there] = Line(conditions.links[name], draws)
        self._placements = {}
        for placement in conditions.placements:
            table = FlowTable(random.Random(f"{self._seed} {placement.name}"))
            self._placements.setdefault(placement.router, []).append((placement, table))

    def is_reachable(self, host: str) -> bool:
        """Tell whether a host's own interface can carry packets."""
        return self._conditions.interfaces.get(host, InterfaceState.UP) is InterfaceState.UP

    # ------------------------------------------------------------ the ways of a packet

    def _read(self, host: str, descriptor: int) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                raw = os.read(descriptor, _MAX_PACKET_BYTES)
            except OSError:  # nothing more to read, or the interface went down meanwhile
                return
            packet = packets.parse(raw)
            if packet is not None and not packet.destination.is_multicast:
                self._send(host, self._topology.hosts[host].router, packet)

    def _send(self, here: str, there: str, packet: Packet) -> None:
        """Put a packet on the line from one node to the next."""
        line = self._lines[here, there]
        if packet.length_bytes > line.profile.mtu:
            if line.profile.is_mtu_announced:
                speaker = here if here in self._topology.routers else there
                self._complain(speaker, packet, lambda source: packets.too_big(source, packet, line.profile.mtu))
            return
        arrives_at = line.arrival(packet.length_bytes, self._loop.time())
        if arrives_at is not None:
            self._loop.call_at(arrives_at, self._arrive, there, packet)

    def _arrive(self, node: str, packet: Packet) -> None:
        if node in self._tuns:
            if self.is_reachable(node):
                with contextlib.suppress(OSError):  # a full or vanished interface loses packets, as wires do
                    os.write(self._tuns[node], packets.build(packet))
            return
        passes, injected = self._through_boxes(node, packet)
        for other in injected:
            self._forward(node, other)
        if passes and self._is_for(node, packet):
            self._answer(node, packet)
        elif passes and packet.hop_limit <= 1:
            self._complain(node, packet, lambda source: packets.time_exceeded(source, packet))
        elif passes:
            self._forward(node, replace(packet, hop_limit=packet.hop_limit - 1))

    def _through_boxes(self, router: str, packet: Packet) -> tuple[bool, list[Packet]]:
        """Show a packet to the boxes at a router: whether it passes, and what they put on the wire beside it."""
        injected: list[Packet] = []
        for placement, table in self._placements.get(router, ()):
            if placement.networks and not placement.networks & self._ends(packet):
                continue
            out = placement.box(packet, table.of(packet))
            injected += [other for other in out if other is not packet]
            if not any(other is packet for other in out):
                return False, injected
        return True, injected

    def _ends(self, packet: Packet) -> set[str | None]:
        return {self._networks.find(packet.source), self._networks.find(packet.destination)}

    def _forward(self, router: str, packet: Packet) -> None:
        """Send a packet on from a router, by its destination."""
        owner = self._owners.find(packet.destination) or self._answered_networks.find(packet.destination)
        if owner is None:
            network = self._networks.find(packet.destination)
            border = self._border.get(network) if network is not None else None
            if border is None:
                self._complain(router, packet, lambda source: packets.network_unreachable(source, packet))
                return
            if border == router:
                self._complain(router, packet, lambda source: packets.host_unreachable(source, packet))
                return
            owner = border
        there = self._towards[owner].get(router)
        if there is None:
            self._complain(router, packet, lambda source: packets.network_unreachable(source, packet))
        elif there in self._conditions.fates:
            self._meet(router, packet, self._conditions.fates[there])
        else:
            self._send(router, there, packet)

    def _meet(self, router: str, packet: Packet, fate: Fate) -> None:
        """Treat a packet to a host that no longer serves."""
        if fate is Fate.UNREACHABLE:
            self._complain(router, packet, lambda source: packets.host_unreachable(source, packet))
        elif fate is Fate.REFUSING:
            refusal = packets.reset_for(packet)
            if refusal is not None:
                self._forward(router, refusal)
            elif packets.parse_udp(packet) is not None:
                self._complain(router, packet, lambda _: packets.port_unreachable(packet.destination, packet))

    # ------------------------------------------------------------ what a router says itself

    def _is_for(self, router: str, packet: Packet) -> bool:
        return packet.destination in self._topology.routers[router].addresses

    def _answer(self, router: str, packet: Packet) -> None:
        reply = packets.echo_reply(packet) or packets.reset_for(packet)
        if reply is not None:
            self._forward(router, reply)
        elif packets.parse_udp(packet) is not None:
            self._complain(router, packet, lambda source: packets.port_unreachable(source, packet))

    def _complain(self, router: str, packet: Packet, error: Callable[[Address], Packet]) -> None:
        """Send an ICMP error about a packet, unless it is one of those that none may be sent about (RFC 1122)."""
        if packets.is_icmp_error(packet) or packet.is_later_fragment:
            return
        for address in self._topology.routers[router].addresses:
            if address.version == packet.version:
                self._forward(router, error(address))
                return
