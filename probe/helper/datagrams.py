"""A UDP socket that answers from the very address that was asked.

A helper has many addresses and one socket a family, bound to all of them. The
system would answer from an address of its own choice, and whoever asked would
not know it; so the address that a datagram came to goes along with its sender
and back (ip(7), ``IP_PKTINFO``; RFC 3542).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Asked = tuple[Any, bytes]
"""Who asked, and at which of our addresses: opaque, and good for an answer."""

_DATAGRAM_BYTES = 65_535
_AT_ONCE = 64  # datagrams taken before others on the loop have their turn
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # linux/in.h; Python names it from 3.14 on
_IPV6_FREEBIND = 78  # linux/in6.h; since 4.15
_FOUR = struct.Struct("=I4s4s")
_SIX = struct.Struct("=16sI")


class AnsweringSocket(asyncio.DatagramTransport):
    """Hands datagrams to ``received``; :meth:`sendto` answers from the address that was asked."""

    def __init__(self, bound: socket.socket, received: Callable[[bytes, Asked], None]) -> None:
        """Take over a bound UDP socket, until closed."""
        super().__init__()
        self._socket = bound
        self._received = received
        self._is_six = bound.family == socket.AF_INET6
        bound.setblocking(False)
        if self._is_six:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            with contextlib.suppress(OSError):  # for networks that are routed here without an address each (AnyIP)
                bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        asyncio.get_running_loop().add_reader(bound, self._take)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Answer; what cannot be sent now is lost, as on the way."""
        peer, at = addr
        level, kind = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) if self._is_six else (socket.IPPROTO_IP, _IP_PKTINFO)
        with contextlib.suppress(OSError):
            self._socket.sendmsg([data], [(level, kind, at)] if at else [], 0, peer)

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Stop; the socket stays its owner's to close."""
        asyncio.get_running_loop().remove_reader(self._socket)

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, ancillary, _, peer = self._socket.recvmsg(_DATAGRAM_BYTES, 256)
            except OSError:  # nothing more, or an ICMP error about an earlier answer
                return
            self._received(data, (peer, self._asked_at(ancillary)))

    def _asked_at(self, ancillary: list[tuple[int, int, bytes]]) -> bytes:
        """Give what the system needs to answer from the address that was asked; the interface is the route's choice."""
        for _, kind, data in ancillary:
            if self._is_six and kind == socket.IPV6_PKTINFO and len(data) >= _SIX.size:
                address, _ = _SIX.unpack_from(data)
                return _SIX.pack(address, 0)
            if not self._is_six and kind == _IP_PKTINFO and len(data) >= _FOUR.size:
                _, _, address = _FOUR.unpack_from(data)
                return _FOUR.pack(0, address, bytes(4))
        return b""
