"""Ends connections politely: drops what met it, and sends a TCP FIN to both ends, as if the other had hung up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import closes
from lab.match import matching

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Fin:
    """The box."""

    match: Match

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        return self.match.end(packet, flow, closes)


RECORD = matching(Fin)
