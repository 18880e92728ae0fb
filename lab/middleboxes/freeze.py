"""Freezes flows after some bytes from the server: what comes later is swallowed, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.match import matching
from lab.packet import parse_tcp
from probe.schedule.yaml_reader import required
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The box."""

    needs_path: ClassVar[bool] = True
    match: Match
    after_bytes: int
    """Of TCP payload from the server, repeated segments included."""

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        if flow.state is None and self.match(packet, flow):
            flow.state = 0
        if flow.state is None:
            return [packet]
        if flow.state >= self.after_bytes:
            return []
        segment = parse_tcp(packet)
        if segment is not None and not flow.is_from_client(packet):
            flow.state += len(segment.payload)
        return [packet]


RECORD = matching(Freeze, {"after_bytes": required(integer(1, 10_000_000))})
