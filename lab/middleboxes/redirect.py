"""Redirects plain HTTP to a page elsewhere: answers in the server's name with a 302 and resets the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import answer_and_reset
from lab.match import matching
from lab.servers.http import Answer
from probe.schedule.yaml_reader import required
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The box."""

    match: Match
    location: str

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        return self.match.end(
            packet, flow, lambda met: answer_and_reset(met, Answer(302, location=self.location).encode())
        )


RECORD = matching(Redirect, {"location": required(text(300))})
