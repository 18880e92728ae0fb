"""Closed borders: boxes at the routers where networks meet the rest, which let nothing across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.station import stood_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from lab.conditions import Moment
    from lab.flow import Flow
    from lab.packet import Address, Packet
    from lab.station import Placement

Prefixes = tuple["IPv4Network | IPv6Network", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """A box that drops what has just one end inside, unless the other is allowed."""

    needs_path: ClassVar[bool] = True
    inside: Prefixes
    allow: Prefixes = ()

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # it reads no name and remembers nothing
        is_crossing = _lies_in(packet.source, self.inside) != _lies_in(packet.destination, self.inside)
        is_allowed = _lies_in(packet.source, self.allow) or _lies_in(packet.destination, self.allow)
        return [packet] if not is_crossing or is_allowed else []


def _lies_in(address: Address, prefixes: Prefixes) -> bool:
    return any(address in prefix for prefix in prefixes)


def closed(moment: Moment, networks: Sequence[str], *, allow: Prefixes = ()) -> list[Placement]:
    """Give the boxes that close networks, taken together, off from all others. Raises LookupError."""
    topology = moment.topology
    inside: Prefixes = tuple(prefix for name in networks for prefix in topology.networks[name].prefixes)
    inside += tuple(
        private for router in topology.routers.values() if router.network in networks for private in router.inside
    )
    at = [
        name
        for name, router in topology.routers.items()
        if router.network in networks and _neighbours(moment, name) - set(networks)
    ]
    box = Border(inside=inside, allow=allow)
    named = f"{moment.name} {'+'.join(networks)}"
    return stood_at(at, box, moment, named)


def _neighbours(moment: Moment, router: str) -> set[str]:
    """Give the networks of the routers that a router has a link to."""
    routers = moment.topology.routers
    ends = [set(link.between) - {router} for link in moment.topology.links.values() if router in link.between]
    return {routers[end].network for pair in ends for end in pair if end in routers}
