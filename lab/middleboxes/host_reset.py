"""Resets plain HTTP to a name: reads the Host, drops the request, sends a reset to both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.dissect import is_name_under
from lab.inject import resets
from lab.reading import request_sent
from lab.yaml_values import NAMES, SHARE
from probe.schedule.yaml_reader import Record, optional, required

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReset:
    """The box."""

    names: tuple[str, ...]
    share: float = 1.0

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        head = request_sent(packet, flow)
        if head is not None and is_name_under(head.host or "", self.names) and flow.draw < self.share:
            return resets(packet)
        return [packet]


RECORD = Record(HostReset, {"names": required(NAMES), "share": optional(SHARE)})
