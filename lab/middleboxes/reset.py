"""Resets connections: drops what met it, and sends a TCP reset to both ends, or to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import resets
from lab.match import matching
from probe.schedule.yaml_reader import optional
from probe.schedule.yaml_scalars import one_of

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The box."""

    match: Match
    towards: str = "both"

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        if not self.match(packet, flow):
            return [packet]
        if self.towards == "both":
            return resets(packet)
        end = flow.client if self.towards == "client" else flow.server
        return [reset for reset in resets(packet) if reset.destination == end[0]]


RECORD = matching(Reset, {"towards": optional(one_of("both", "client", "server"))})
