"""What the heads of kept packets say of a connection: the peer's SYN/ACK, and the resets that came in its name.

A reset that somebody else sent has come another way: its hop limit differs
from the SYN/ACK's, or several come where a server sends one. Ordinary
connections look like that too, a fifth of them, so this never decides.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probe.packets import pcap
from probe.packets.ends import OURS, ends_of

if TYPE_CHECKING:
    from analysis.facts import MeasurementFacts, Step

TECHNIQUE = "packets"
ODD_HOPS = 2
"""Hop limits that differ by less may be a path that changed."""

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_TCP_HEAD = struct.Struct("!HHIIBBH")


@dataclass(frozen=True, slots=True)
class Head:
    """One TCP packet that came in the peer's name."""

    at_s: float
    hop_limit: int
    identifier: int | None
    """Of IPv4."""
    flags: int
    window: int


@dataclass(slots=True)
class Connection:
    """One connection's packets from the peer, or in its name, and the message that was sent on it."""

    step: Step
    accepted: Head | None = None
    """The SYN/ACK."""
    resets: list[Head] = field(default_factory=list)

    @property
    def is_odd(self) -> bool:
        """Whether a reset came another way than the SYN/ACK, or resets came by different ways."""
        if self.accepted is None:
            return False
        ways = {reset.hop_limit for reset in self.resets}
        return len(ways) > 1 or any(abs(way - self.accepted.hop_limit) >= ODD_HOPS for way in ways)


def connections_of(measurement: MeasurementFacts, name: str) -> list[Connection]:
    """Give the connections on which the target's name (``target``) or others (``control``) were sent."""
    steps = {
        (step.address, step.port, step.source_port): Connection(step)
        for step in measurement.of_look(TECHNIQUE)
        if (step.variant or "//").split("/")[1] == name
    }
    for at_s, key, data, length in _from_peers(measurement):
        found = steps.get(key)
        if found is None:
            continue
        head = _head(at_s, data, length)
        if head.flags & _SYN and head.flags & _ACK and found.accepted is None:
            found.accepted = head
        elif head.flags & _RST:
            found.resets.append(head)
    return list(steps.values())


def _from_peers(measurement: MeasurementFacts) -> list[tuple[float, tuple[str, int, int], bytes, int]]:
    """Give time, connection, packet and length of its IP head for each TCP packet that came; nothing of a bad file."""
    came = []
    for capture in measurement.captures:
        try:
            packets = pcap.read(capture.pcap)
            for packet in packets:
                ends = ends_of(packet.data)
                if ends.is_error or ends.destination != OURS[ends.version]:
                    continue
                length = 20 if ends.version == 4 else 40
                port, source_port = struct.unpack_from("!HH", packet.data, length)
                came.append((packet.at_s, (ends.source, port, source_port), packet.data, length))
        except (pcap.BadCaptureError, ValueError):
            continue
    return came


def _head(at_s: float, data: bytes, length: int) -> Head:
    _, _, _, _, _, flags, window = _TCP_HEAD.unpack_from(data, length)
    is_four = length == 20
    identifier = int.from_bytes(data[4:6], "big") if is_four else None
    return Head(at_s, data[8] if is_four else data[7], identifier, flags, window)


def summary_of(connections: list[Connection]) -> str:
    """Say in a few words how the resets stand beside the SYN/ACKs: hop limits, count, spacing."""
    by_way: dict[int, int] = defaultdict(int)
    for connection in connections:
        for reset in connection.resets:
            by_way[reset.hop_limit] += 1
    accepted = sorted({one.accepted.hop_limit for one in connections if one.accepted is not None})
    spacing = max((one.resets[-1].at_s - one.resets[0].at_s for one in connections if len(one.resets) > 1), default=0.0)
    ways = ", ".join(f"{count} with hop limit {way}" for way, count in sorted(by_way.items()))
    within = f" within {spacing * 1000:.0f} ms" if spacing else ""
    return f"resets: {ways}{within}; SYN/ACKs with hop limit {', '.join(map(str, accepted))}"
