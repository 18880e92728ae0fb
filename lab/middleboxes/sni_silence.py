"""Silences TLS connections to a name: from the ClientHello on, nothing of the flow passes either way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.dissect import is_name_under
from lab.reading import sni_sent
from lab.yaml_values import NAMES, SHARE
from probe.schedule.yaml_reader import Record, optional, required

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class SniSilence:
    """The box."""

    names: tuple[str, ...]
    share: float = 1.0

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        name = sni_sent(packet, flow)
        if name is not None and is_name_under(name, self.names) and flow.draw < self.share:
            flow.is_condemned = True
        return [] if flow.is_condemned else [packet]


RECORD = Record(SniSilence, {"names": required(NAMES), "share": optional(SHARE)})
