"""An Internet without kernels and without waiting: hosts are socket pairs, and the clock jumps to what is due next.

Everything between the hosts is the lab's own :class:`lab.internet.Internet`. A host
here answers echo requests and sends back every datagram; that is all it does.
Needs no privileges.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
from datetime import timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import disasters, middleboxes, orders, topology_file
from lab.conditions import Moment, peace
from lab.internet import Internet
from lab.packet import (
    ICMP,
    ICMPV6,
    UDP,
    Packet,
    Udp,
    build,
    checksum,
    echo_reply,
    parse,
    parse_udp,
    udp_packet,
)
from lab.registry import kinds
from lab.station import Placement
from probe.schedule.yaml_reader import parse as parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lab.conditions import Conditions
    from lab.topology import Topology

FORKED = topology_file.load(str(Path(__file__).parent / "forked.yaml"))

LONGEST_TRIP_S = 2.0
ECHO_PORT = 7


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: where nothing is ready, the time until then has passed, and a little more if it is late."""

    now = 0.0
    late_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout + self.late_s
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to what is due next."""

    def __init__(self, late_s: float = 0.0) -> None:
        self._skipping = _Skipping()
        self._skipping.late_s = late_s
        super().__init__(self._skipping)

    @classmethod
    @contextlib.contextmanager
    def made(cls, *, late_s: float = 0.0) -> Iterator[Loop]:
        """One, closed at the end; it oversleeps by ``late_s``, as real ones do."""
        loop = cls(late_s)
        try:
            yield loop
        finally:
            loop.close()

    def time(self) -> float:
        return self._skipping.now


class Wired:
    """A topology at work."""

    def __init__(self, topology: Topology, loop: Loop, seed: int) -> None:
        self.topology = topology
        self._loop = loop
        self._ends = {host: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for host in topology.hosts}
        for pair in self._ends.values():
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
                end.setblocking(False)
        self.internet = Internet(topology, {host: ours.fileno() for host, (ours, _) in self._ends.items()}, seed)
        self.internet.start()
        self.arrived: dict[str, list[tuple[float, Packet]]] = {host: [] for host in topology.hosts}
        for host, (_, theirs) in self._ends.items():
            loop.add_reader(theirs, self._receive, host)
        self._numbers = count(1)

    @property
    def calm(self) -> Conditions:
        return peace(self.topology)

    @property
    def now(self) -> float:
        return self._loop.time()

    def close(self) -> None:
        for host, pair in self._ends.items():
            self._loop.remove_reader(self._ends[host][1])
            for end in pair:
                self._loop.remove_reader(end)
                end.close()

    # ------------------------------------------------------------ what happens to it

    def changed(self, kind: str, yaml: str, *, after: timedelta = timedelta()) -> Conditions:
        """The conditions some time after the onset of one disaster or order, in which nothing else is wrong."""
        change = parse_yaml(yaml.encode(), "test.yaml", {**kinds(disasters), **kinds(orders)}[kind].record)
        result: Conditions = change(self.calm, Moment(topology=self.topology, elapsed=after, name="test"))
        return result

    def strike(self, kind: str, yaml: str, *, after: timedelta = timedelta()) -> None:
        self.internet.apply(self.changed(kind, yaml, after=after))

    def censor(self, kind: str, yaml: str, *, router: str, networks: tuple[str, ...] = (), **how: Any) -> None:
        box = parse_yaml(yaml.encode(), "test.yaml", kinds(middleboxes)[kind].record)
        placement = Placement(name="test", router=router, networks=frozenset(networks), box=box, **how)
        self.internet.apply(self.calm.with_boxes([placement]))

    # ------------------------------------------------------------ packets

    def send(self, host: str, packet: Packet) -> None:
        """Put a packet on the wire; it goes its way once time passes."""
        self.send_raw(host, build(packet))

    def send_raw(self, host: str, raw: bytes) -> None:
        self._ends[host][1].send(raw)

    def on_fault(self, tell: Callable[[Any], None]) -> None:
        """Have whatever goes wrong in the loop told."""
        self._loop.set_exception_handler(lambda _, context: tell(context))

    def pass_time(self, seconds: float = LONGEST_TRIP_S) -> None:
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def ping(self, host: str, address: str, *, hop_limit: int = 64, size: int = 8) -> tuple[str, int] | None:
        """Who answers an echo request, and the type of the message; ``None`` if nobody does."""
        request = self._echo_request(host, address, hop_limit, size)
        before = len(self.arrived[host])
        self.send(host, request)
        self.pass_time()
        answers = [packet for _, packet in self.arrived[host][before:] if packet.protocol in {ICMP, ICMPV6}]
        return (str(answers[0].source), answers[0].payload[0]) if answers else None

    def round_trip_s(self, host: str, address: str) -> float:
        started, before = self.now, len(self.arrived[host])
        self.send(host, self._echo_request(host, address, 64, 8))
        self.pass_time()
        return self.arrived[host][before][0] - started

    def reaches(self, host: str, address: str) -> bool:
        answer = self.ping(host, address)
        return answer is not None and answer[0] == address

    def hops(self, host: str, address: str, *, port: int = 33_000) -> list[str]:
        """What traceroute shows of one flow of datagrams."""
        seen: list[str] = []
        for hop_limit in range(1, 20):
            before = len(self.arrived[host])
            self.send(host, self._datagram(host, address, port, hop_limit))
            self.pass_time()
            answers = [packet for _, packet in self.arrived[host][before:]]
            seen.append(str(answers[0].source) if answers else "*")
            if seen[-1] == address:
                break
        return seen

    def answered_ports(self, host: str, address: str, ports: Iterable[int]) -> set[int]:
        """Which of some source ports get their datagram back."""
        before = len(self.arrived[host])
        for port in ports:
            self.send(host, self._datagram(host, address, port, 64))
            self.pass_time(0.001)
        self.pass_time()
        datagrams = [parse_udp(packet) for _, packet in self.arrived[host][before:]]
        return {datagram.destination_port for datagram in datagrams if datagram is not None}

    def _own(self, host: str, version: int) -> Any:
        return next(address for address in self.topology.hosts[host].addresses if address.version == version)

    def _datagram(self, host: str, address: str, port: int, hop_limit: int) -> Packet:
        there = ip_address(address)
        made = udp_packet(
            self._own(host, there.version), there, Udp(source_port=port, destination_port=ECHO_PORT, payload=b"?" * 8)
        )
        return Packet(
            source=made.source,
            destination=made.destination,
            protocol=UDP,
            payload=made.payload,
            hop_limit=hop_limit,
        )

    def _echo_request(self, host: str, address: str, hop_limit: int, size: int) -> Packet:
        there = ip_address(address)
        kind, protocol = (8, ICMP) if there.version == 4 else (128, ICMPV6)
        rest = b"\x42\x42" + next(self._numbers).to_bytes(2, "big") + b"x" * size
        message = bytes([kind, 0, 0, 0]) + rest
        message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        return Packet(
            source=self._own(host, there.version),
            destination=there,
            protocol=protocol,
            payload=message,
            hop_limit=hop_limit,
        )

    def _receive(self, host: str) -> None:
        theirs = self._ends[host][1]
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = parse(theirs.recv(65_535))
                if packet is None:  # junk that a test has sent; a kernel would not take it either
                    continue
                self.arrived[host].append((self.now, packet))
                reply = echo_reply(packet) or _sent_back(packet)
                if reply is not None:
                    self.send(host, reply)


def _sent_back(packet: Packet) -> Packet | None:
    datagram = parse_udp(packet)
    if datagram is None or datagram.destination_port != ECHO_PORT:
        return None
    back = Udp(source_port=ECHO_PORT, destination_port=datagram.source_port, payload=datagram.payload)
    return udp_packet(packet.destination, packet.source, back)


@contextlib.contextmanager
def wired(topology: Topology = FORKED, *, seed: int = 1) -> Iterator[Wired]:
    """An Internet of one topology, on a clock of its own."""
    with Loop.made() as loop:

        async def make() -> Wired:
            return Wired(topology, loop, seed)

        net = loop.run_until_complete(make())
        try:
            yield net
        finally:
            net.close()
