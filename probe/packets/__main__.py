"""The process that reads packets: ``python -m probe.packets``. Ends with whoever started it."""

from __future__ import annotations

import importlib
import os
import select
import socket
import sys
from typing import TYPE_CHECKING

from probe.clock import SystemClock
from probe.packets import orders, pcap
from probe.packets.cleaning import cleaned
from probe.packets.filtering import accept_nothing, accept_peers

if TYPE_CHECKING:
    from probe.packets.flow import Flow

_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL, linux/if_ether.h
_READ_BYTES = 65_535
_NOBODY = 65_534


def open_socket() -> socket.socket:  # noqa: TID251 - a type
    """Open a socket that sees IP packets without their link layer, and lets none through yet. OSError."""
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))  # noqa: TID251 - the one process that may read packets
    accept_nothing(sniffer)
    sniffer.setblocking(False)
    while select.select([sniffer], [], [], 0)[0]:  # what came before the filter did
        sniffer.recv(_READ_BYTES)
    return sniffer


def give_up_privilege() -> None:
    """Become nobody: the socket is open, and what is read from it is anybody's."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def main() -> int:
    """Serve one capture."""
    try:
        for module in ("scapy.error", "scapy.layers.inet", "scapy.layers.inet6"):
            importlib.import_module(module)  # now, while the file system is still ours to read
        sniffer = open_socket()
    except (ImportError, OSError, AttributeError) as error:
        what = "scapy is not installed" if isinstance(error, ImportError) else "raw packets are not permitted here"
        _say(orders.line(refused=what))
        return 1
    give_up_privilege()
    _say(orders.line(ready=True))
    try:
        flows, seconds = orders.read_flows(orders.read(sys.stdin.buffer.readline(orders.LINE_BYTES)))
    except orders.BadOrderError as error:
        _say(orders.line(refused=str(error)))
        return 1
    accept_peers(sniffer, {flow.address for flow in flows})
    _say(orders.line(armed=True))
    kept, missed = capture(sniffer, flows, seconds)
    content = pcap.write(kept)
    _say(orders.line(packets=len(kept), missed=missed, bytes=len(content)) + content)
    return 0


def capture(
    sniffer: socket.socket,  # noqa: TID251 - a type
    flows: frozenset[Flow],
    seconds: float,
) -> tuple[list[pcap.Packet], int]:
    """Keep heads of packets until the next line on standard input, its end, or a bound; and count what was too much."""
    clock = SystemClock()
    began = clock.monotonic()
    kept: list[pcap.Packet] = []
    size, missed, first_at = 0, 0, 0.0
    while (left := began + seconds - clock.monotonic()) > 0:
        ready, _, _ = select.select([sniffer, sys.stdin], [], [], left)
        if sniffer in ready:
            raw, sender = sniffer.recvfrom(_READ_BYTES)
            head = None if _is_second_sight(sender) else cleaned(raw, flows)
            if head is None:
                continue
            if len(kept) == orders.MOST_PACKETS or size + len(head) > orders.MOST_BYTES // 2:
                missed += 1
                continue
            now = clock.monotonic()
            first_at = first_at or now
            kept.append(pcap.Packet(now - first_at, head, max(len(raw), len(head))))
            size += len(head)
        elif sys.stdin in ready:
            break
    return kept, missed


def _is_second_sight(sender: tuple[object, ...]) -> bool:
    """Tell whether a packet of the loopback interface is the copy that leaves: it will be seen to arrive, too."""
    return sender[0] == "lo" and sender[2] == socket.PACKET_OUTGOING


def _say(said: bytes) -> None:
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
