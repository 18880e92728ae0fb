"""Diversion: a box hands a client's packets to a host that takes any destination, and rewrites nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.packet import parse_tcp

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.packet import Packet


def diverted(packet: Packet, host: str, ports: Collection[int]) -> Packet | None:
    """Give the packet on its way to ``host`` if it is TCP to one of ``ports``; ``None`` for any other."""
    segment = parse_tcp(packet)
    if segment is None or segment.destination_port not in ports:
        return None
    return replace(packet, via=host)
