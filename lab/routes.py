"""Where a packet goes next: the owner of its destination, and the cheapest ways there under the present conditions.

Routers see links and neighbours that are noticed to be down, and go round them
where there is another way; where there is none, the old way is kept, and ends in
the gap. Of ways that cost the same all are given: who sends hashes the flow.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from lab import packet as packets
from lab.routing import PrefixTable, next_hops

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.conditions import Conditions
    from lab.packet import Address, Packet
    from lab.topology import Topology


class Routes:
    """The routing tables of all routers of one topology."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
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
        self._private = PrefixTable(
            (prefix, name) for name, router in topology.routers.items() for prefix in router.inside
        )
        self._border = {router.network: name for name, router in reversed(list(topology.routers.items()))}
        self._towards: dict[str, dict[str, tuple[str, ...]]] = {}
        self._costs: dict[tuple[str, str], int] = {}
        self._costs_of_old: dict[tuple[str, str], int] = {}
        self._ways: dict[tuple[str, bytes], tuple[str, ...]] = {}
        self._network_of: dict[bytes, str | None] = {}

    def apply(self, conditions: Conditions) -> None:
        """Let other conditions hold: all routes are worked out anew, when somebody asks for them."""
        self._towards = {}
        self._ways = {}
        self._costs, self._costs_of_old = {}, {}
        for name, link in self._topology.links.items():
            profile = conditions.links[name]
            is_cut = not profile.is_up and profile.is_failure_noticed
            is_dead = any(end in conditions.fates and end in self._topology.routers for end in link.between)
            self._costs_of_old[link.between] = conditions.costs[name]
            if not (is_cut or is_dead):
                self._costs[link.between] = conditions.costs[name]

    def network_of(self, packed: bytes) -> str | None:
        """Give the network that an address belongs to: for a private one, that of the gateway that it is behind."""
        if packed not in self._network_of:
            address = ip_address(packed)
            gateway = self._private.find(address)
            found = self._topology.routers[gateway].network if gateway else self._networks.find(address)
            self._network_of[packed] = found
        return self._network_of[packed]

    def leaves(self, router: str, raw: bytearray) -> bool:
        """Tell whether an IPv4 packet goes from the inside of a gateway to the outside."""
        if raw[0] >> 4 != 4:
            return False
        source, destination = ip_address(bytes(raw[12:16])), ip_address(bytes(raw[16:20]))
        return self._private.find(source) == router and self._private.find(destination) != router

    def ways(self, node: str, destination: bytes) -> tuple[str, ...]:
        """Give the neighbours among which a node chooses for what goes to an address: mostly one, or none.

        A host has but its own router.
        """
        if node in self._topology.hosts:
            return (self._topology.hosts[node].router,)
        key = (node, destination)
        if key not in self._ways:
            owner = self._owner(node, ip_address(destination))
            self._ways[key] = () if owner in {None, node} else self._towards_owner(owner).get(node, ())
        return self._ways[key]

    def why_not(self, router: str, destination: bytes) -> Callable[[Address, Packet], Packet]:
        """Give the ICMP error of a router that cannot send a packet on: no such host here, or no such network."""
        network = self._networks.find(ip_address(destination))
        is_here = network is not None and self._border.get(network) == router
        return packets.host_unreachable if is_here else packets.network_unreachable

    def _owner(self, router: str, address: Address) -> str | None:
        """Give the node that packets for an address are sent to: its host, or the border of its network."""
        gateway = self._private.find(address)
        if gateway is not None and gateway != router:
            return None  # a private address is known to its own gateway only
        owner = self._owners.find(address) or self._answered_networks.find(address)
        if owner is not None:
            return owner
        network = self._networks.find(address)
        return self._border.get(network) if network is not None else None

    def _towards_owner(self, owner: str) -> dict[str, tuple[str, ...]]:
        if owner not in self._towards:
            self._towards[owner] = next_hops(self._costs_of_old, owner) | next_hops(self._costs, owner)
        return self._towards[owner]
