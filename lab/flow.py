"""Flows: what a middlebox remembers of one conversation.

A middlebox has flows of its own for each conversation that passes it, so two
boxes on one path know nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lab.packet import ACK, SYN, TCP, UDP, Address, Packet, parse_tcp, parse_udp

if TYPE_CHECKING:
    import random

_STREAM_BYTES = 16_384
"""Read of one client's stream: a ClientHello with post-quantum keys has under 2 kB, a head under 8 kB."""

_FLOWS = 20_000
"""Remembered by one box at a time; the oldest are forgotten first."""

FlowKey = tuple[int, frozenset[tuple[Address, int]]]


@dataclass(slots=True)
class Flow:
    """One conversation, as one middlebox sees it."""

    client: tuple[Address, int]
    """Who sent the first packet that the box saw."""
    draw: float
    """Drawn once for the flow, uniform in [0, 1): for boxes that act on a share of flows."""
    is_condemned: bool = False
    """Set by a box that goes on punishing the flow."""
    _first_sequence: int | None = None
    _pieces: dict[int, bytes] = field(default_factory=dict)

    def is_from_client(self, packet: Packet) -> bool:
        """Tell whether a packet of this flow was sent by its client."""
        return (packet.source, _ports(packet)[0]) == self.client

    def is_reopened_by(self, packet: Packet) -> bool:
        """Tell whether a packet opens a new connection between the same ports, and is no repeated SYN."""
        segment = parse_tcp(packet)
        if segment is None or segment.flags & (SYN | ACK) != SYN:
            return False
        return self._first_sequence is not None and segment.sequence + 1 != self._first_sequence

    def note(self, packet: Packet) -> None:
        """Remember what the client's stream begins with; segments may come twice and in any order."""
        segment = parse_tcp(packet)
        if segment is None or not self.is_from_client(packet):
            return
        if segment.flags & SYN:
            self._first_sequence = segment.sequence + 1
        if segment.payload and self._first_sequence is not None:
            offset = (segment.sequence - self._first_sequence) & 0xFFFFFFFF
            if offset < _STREAM_BYTES:
                self._pieces.setdefault(offset, segment.payload)

    def client_stream(self) -> bytes:
        """Give what the client has sent from the start on, as far as it came without a gap."""
        stream = b""
        for offset in sorted(self._pieces):
            if offset > len(stream):
                break
            stream += self._pieces[offset][len(stream) - offset :]
        return stream


class Middlebox(Protocol):
    """The one signature of every box: a packet of a flow in, the packets that go on from here out.

    What is given back is routed from the box's router by its destination: the
    packet itself if it passes, nothing if it is dropped, forged ones if some are
    injected, towards either side. Their order is kept.
    """

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        ...


class FlowTable:
    """The flows that one box remembers."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws
        self._flows: dict[FlowKey, Flow] = {}

    def of(self, packet: Packet) -> Flow:
        """Give the flow of a packet, a new one if it is the first; the packet is noted in it."""
        source_port, destination_port = _ports(packet)
        ends = frozenset({(packet.source, source_port), (packet.destination, destination_port)})
        key = (packet.protocol, ends)
        flow = self._flows.get(key)
        if flow is None or flow.is_reopened_by(packet):
            if len(self._flows) >= _FLOWS:
                del self._flows[next(iter(self._flows))]
            flow = self._flows[key] = Flow((packet.source, source_port), self._draws.random())
        flow.note(packet)
        return flow


def _ports(packet: Packet) -> tuple[int, int]:
    if packet.protocol not in {TCP, UDP}:
        return 0, 0
    parts = parse_tcp(packet) or parse_udp(packet)
    return (parts.source_port, parts.destination_port) if parts else (0, 0)
