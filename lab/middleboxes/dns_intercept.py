"""Sends DNS questions over UDP to one resolver, and lets the answer seem to come from whom it was meant for.

All of them, or those to some addresses alone. As many home routers and
operators do, to filter or only to save traffic. It reads no name: what the
resolver says is the resolver's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from lab.packet import parse_udp, udp_packet
from lab.reading import DNS_PORT
from lab.yaml_values import ADDRESS, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, optional, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow
    from lab.packet import Address, Packet

_QUESTIONS: Final = 10_000
"""Remembered at a time; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsIntercept:
    """The box. ``resolver`` has one address for each family that is intercepted.

    With ``addresses`` it takes the questions to these alone.
    """

    needs_path: ClassVar[bool] = True
    resolver: tuple[Address, ...]
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    _meant_for: dict[tuple[Address, int], Address] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # a question and its answer are flows of their own here
        datagram = parse_udp(packet)
        if datagram is None:
            return [packet]
        if datagram.destination_port == DNS_PORT:
            there = next((a for a in self.resolver if a.version == packet.destination.version), packet.destination)
            is_taken = not self.addresses or any(packet.destination in prefix for prefix in self.addresses)
            if there == packet.destination or not is_taken:
                return [packet]
            if len(self._meant_for) >= _QUESTIONS:
                del self._meant_for[next(iter(self._meant_for))]
            self._meant_for[packet.source, datagram.source_port] = packet.destination
            return [udp_packet(packet.source, there, datagram)]
        if datagram.source_port == DNS_PORT and packet.source in self.resolver:
            meant_for = self._meant_for.get((packet.destination, datagram.destination_port))
            if meant_for is not None:
                return [udp_packet(meant_for, packet.destination, datagram)]
        return [packet]


RECORD = Record(
    DnsIntercept,
    {
        "resolver": required(ListOf(ADDRESS, at_least=1, at_most=2)),
        "addresses": optional(ListOf(PREFIX, at_least=1)),
    },
)
