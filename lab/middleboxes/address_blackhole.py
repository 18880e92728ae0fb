"""Drops every packet to or from some addresses, whatever name it carries: a null route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import PREFIX
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressBlackhole:
    """The box."""

    addresses: tuple[IPv4Network | IPv6Network, ...]

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # it reads no name and remembers nothing
        ends = (packet.source, packet.destination)
        return [] if any(end in network for network in self.addresses for end in ends) else [packet]


RECORD = Record(AddressBlackhole, {"addresses": required(ListOf(PREFIX, at_least=1))})
