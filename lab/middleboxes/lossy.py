"""Loses a share of the packets of flows: looks like a bad line, for those that it met and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.match import matching
from lab.yaml_values import SHARE
from probe.schedule.yaml_reader import required

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Lossy:
    """The box."""

    needs_path: ClassVar[bool] = True
    match: Match
    loss: float

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        if not flow.is_condemned and self.match(packet, flow):
            flow.is_condemned = True
        return [] if flow.is_condemned and flow.draws.random() < self.loss else [packet]


RECORD = matching(Lossy, {"loss": required(SHARE)})
