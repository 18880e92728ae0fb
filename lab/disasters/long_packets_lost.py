"""Loses, at routers, the longer packets that some networks send and none that they get: a faulty buffer on one way.

Other than an MTU black hole, whose links swallow long packets in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.station import stood_at
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.conditions import Conditions, Moment
    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyBuffer:
    """A box that drops what is longer than it can hold."""

    needs_path: ClassVar[bool] = True
    senders: tuple[IPv4Network | IPv6Network, ...]
    longest_bytes: int

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # it reads nothing but the length
        is_held = packet.length_bytes <= self.longest_bytes
        return [packet] if is_held or not any(packet.source in network for network in self.senders) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPacketsLost:
    """The disaster."""

    routers: tuple[str, ...]
    networks: tuple[str, ...]
    """Whose packets take the way through the faulty buffer."""
    longest_bytes: int
    """Of an IP packet that still passes."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        senders = tuple(prefix for name in self.networks for prefix in moment.topology.networks[name].prefixes)
        box = FaultyBuffer(senders=senders, longest_bytes=self.longest_bytes)
        return conditions.with_boxes(stood_at(self.routers, box, moment))


RECORD = Record(
    LongPacketsLost,
    {
        "routers": required(ListOf(LABEL, at_least=1)),
        "networks": required(ListOf(LABEL, at_least=1)),
        "longest_bytes": required(integer(68, 1499)),
    },
)
