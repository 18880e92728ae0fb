"""Injects a block page into plain HTTP to a name: answers in the server's name and resets the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.dissect import is_name_under
from lab.inject import page_instead
from lab.reading import request_sent
from lab.servers.http import Answer, page
from lab.yaml_values import NAMES
from probe.schedule.yaml_reader import Record, optional, required
from probe.schedule.yaml_scalars import integer, text

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPage:
    """The box."""

    names: tuple[str, ...]
    title: str = "Access denied"
    body: str = "Access to this resource is restricted under the law on communications."
    status: int = 200

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        head = request_sent(packet, flow)
        if head is not None and is_name_under(head.host or "", self.names):
            flow.is_condemned = True
            return page_instead(packet, Answer(self.status, page(self.title, self.body)).encode())
        return [] if flow.is_condemned else [packet]


RECORD = Record(
    BlockPage,
    {
        "names": required(NAMES),
        "title": optional(text(200)),
        "body": optional(text(600)),
        "status": optional(integer(200, 599)),
    },
)
