"""Swallows flows: once met, nothing of them passes any more, in either direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.match import matching

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """The box."""

    needs_path: ClassVar[bool] = True
    match: Match

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        return self.match.end(packet, flow, lambda _: [])


RECORD = matching(Silence)
