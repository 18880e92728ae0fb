"""Flows: what a middlebox remembers of one conversation.

A middlebox has flows of its own for each conversation that passes it, so two
boxes on one path know nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lab.packet import SYN, TCP, UDP, Address, Packet, carries_data, opens_connection, parse_tcp, parse_udp

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

T = TypeVar("T")

_STREAM_BYTES = 16_384
"""Read of one client's stream: a ClientHello with post-quantum keys has under 2 kB, a head under 8 kB."""

_DATAGRAMS = 8
"""Of one client that are kept: a QUIC ClientHello with post-quantum keys takes two, and they may be repeated."""

_FLOWS = 20_000
"""Remembered by one box at a time; the oldest are forgotten first."""

End = tuple[Address, int]


@dataclass(slots=True)
class Flow:
    """One conversation, as one middlebox sees it."""

    client: End
    """Who sent the first packet that the box saw."""
    server: End
    """To whom."""
    draws: random.Random
    """The box's own source of chance, from the scenario's seed."""
    draw: float
    """Drawn once for the flow, uniform in [0, 1)."""
    now: float = 0.0
    """When the packet that is being shown came by, in seconds on a clock that only runs forward."""
    is_condemned: bool = False
    """Set by a box that goes on punishing the flow."""
    state: Any = None
    """Whatever else the box remembers of the flow."""
    _first_sequence: int | None = None
    _pieces: dict[int, bytes] = field(default_factory=dict)
    _stream: bytes | None = None
    _read: dict[Callable[[bytes], Any], Any] = field(default_factory=dict)
    _datagrams: list[bytes] = field(default_factory=list)
    _last: Packet | None = None
    _is_last_from_client: bool = False

    def is_from_client(self, packet: Packet) -> bool:
        """Tell whether a packet of this flow was sent by its client."""
        if packet is self._last:
            return self._is_last_from_client
        return _ends(packet)[0] == self.client

    def is_reopened_by(self, packet: Packet) -> bool:
        """Tell whether a packet opens a new connection between the same ports, and is no repeated SYN."""
        if self._first_sequence is None or not opens_connection(packet):
            return False
        return int.from_bytes(packet.payload[4:8], "big") + 1 != self._first_sequence

    def note(self, packet: Packet, *, is_from_client: bool) -> None:
        """Remember what the client begins with; TCP segments may come twice and in any order."""
        self._last = packet
        self._is_last_from_client = is_from_client
        if not is_from_client:
            return
        if packet.protocol == UDP:
            if len(self._datagrams) < _DATAGRAMS and (datagram := parse_udp(packet)) is not None:
                self._datagrams.append(datagram.payload)
        elif packet.protocol == TCP and (opens_connection(packet) or carries_data(packet)):
            self._note_segment(packet)

    def _note_segment(self, packet: Packet) -> None:
        segment = parse_tcp(packet)
        if segment is None:
            return
        if segment.flags & SYN:
            self._first_sequence = segment.sequence + 1
        if segment.payload and self._first_sequence is not None:
            offset = (segment.sequence - self._first_sequence) & 0xFFFFFFFF
            if offset < _STREAM_BYTES and offset not in self._pieces:
                self._pieces[offset] = segment.payload
                self._stream = None
                self._read.clear()

    def client_stream(self) -> bytes:
        """Give what the client has sent by TCP from the start on, as far as it came without a gap."""
        if self._stream is None:
            stream = b""
            for offset in sorted(self._pieces):
                if offset > len(stream):
                    break
                stream += self._pieces[offset][len(stream) - offset :]
            self._stream = stream
        return self._stream

    def read(self, reader: Callable[[bytes], T]) -> T:
        """Give what a reader finds in the client's stream; it is asked again only once there is more to read."""
        if reader not in self._read:
            self._read[reader] = reader(self.client_stream())
        return self._read[reader]  # type: ignore[no-any-return]  # what this reader gave

    def client_datagrams(self) -> tuple[bytes, ...]:
        """Give the first UDP payloads that the client has sent."""
        return tuple(self._datagrams)


class Middlebox(Protocol):
    """The one signature of every box: a packet of a flow in, the packets that go on from here out.

    What is given back is routed from the box's router by its destination: the
    packet itself if it passes, nothing if it is dropped, forged ones if some are
    injected, towards either side. Their order is kept. A packet with ``via`` is
    handed to that host instead.
    """

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        ...


class FlowTable:
    """The flows that one box remembers."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws
        self._flows: dict[bytes, tuple[Flow, bool]] = {}
        """Each flow twice, by the key of either direction, with whether that is the client's."""

    def of(self, packet: Packet, now: float) -> Flow:
        """Give the flow of a packet, a new one if it is the first; the packet is noted in it."""
        key = _key(packet)
        flow, is_from_client = self._flows.get(key, (None, True))
        if flow is None or flow.is_reopened_by(packet):
            while len(self._flows) >= 2 * _FLOWS:
                del self._flows[next(iter(self._flows))]
            source, destination = _ends(packet)
            flow, is_from_client = Flow(source, destination, self._draws, self._draws.random()), True
            self._flows[_key(packet, is_reversed=True)] = flow, False
            self._flows[key] = flow, True
        flow.now = now
        flow.note(packet, is_from_client=is_from_client)
        return flow


def _has_ports(packet: Packet) -> bool:
    return packet.protocol in {TCP, UDP} and not packet.is_later_fragment and len(packet.payload) >= 4


def _key(packet: Packet, *, is_reversed: bool = False) -> bytes:
    """Give what tells a flow from others in packets of one direction: this packet's own, or the other."""
    source, destination = packet.source.packed, packet.destination.packed
    ports = packet.payload[:4] if _has_ports(packet) else b""
    if is_reversed:
        return _PROTOCOLS[packet.protocol] + destination + source + ports[2:] + ports[:2]
    return _PROTOCOLS[packet.protocol] + source + destination + ports


_PROTOCOLS = [protocol.to_bytes(1, "big") for protocol in range(256)]


def _ends(packet: Packet) -> tuple[End, End]:
    """Give the two ends of a packet: address and port, which is 0 where there are no ports."""
    source_port = destination_port = 0
    if _has_ports(packet):
        source_port = int.from_bytes(packet.payload[:2], "big")
        destination_port = int.from_bytes(packet.payload[2:4], "big")
    return (packet.source, source_port), (packet.destination, destination_port)
