"""Resets plain HTTP whose path or query has a keyword in it, such as one video's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.inject import resets
from lab.reading import request_sent
from lab.yaml_values import SHARE
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReset:
    """The box."""

    keywords: tuple[str, ...]
    share: float = 1.0

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        head = request_sent(packet, flow)
        if head is not None and any(word in head.path for word in self.keywords) and flow.draw < self.share:
            return resets(packet)
        return [packet]


RECORD = Record(PathReset, {"keywords": required(ListOf(text(100), at_least=1)), "share": optional(SHARE)})
