"""Injects a block page into plain HTTP: answers in the server's name and resets the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import answer_and_reset
from lab.match import matching
from lab.servers.http import Answer, page
from probe.schedule.yaml_reader import optional
from probe.schedule.yaml_scalars import integer, text

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPage:
    """The box."""

    match: Match
    title: str = "Access denied"
    body: str = "Access to this resource is restricted under the law on communications."
    status: int = 200

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        return self.match.end(
            packet, flow, lambda met: answer_and_reset(met, Answer(self.status, page(self.title, self.body)).encode())
        )


RECORD = matching(
    BlockPage, {"title": optional(text(200)), "body": optional(text(600)), "status": optional(integer(200, 599))}
)
