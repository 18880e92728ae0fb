"""Refuses TLS in the server's name: drops the ClientHello and answers it with a fatal alert (RFC 8446, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import answer_and_reset
from lab.match import matching
from probe.schedule.yaml_reader import optional
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


_FATAL = 2
_HANDSHAKE_FAILURE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The box."""

    match: Match
    description: int = _HANDSHAKE_FAILURE
    """The alert's number; 112 is unrecognized_name."""

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        return self.match.end(
            packet, flow, lambda met: answer_and_reset(met, bytes([21, 3, 3, 0, 2, _FATAL, self.description]))
        )


RECORD = matching(Alert, {"description": optional(integer(0, 255))})
