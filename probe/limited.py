"""A packet that dies on its way, over TCP or UDP and without privilege, and what comes back for it.

A TCP connection is opened as any other; then its hop limit is lowered, and what
is written on it reaches only so many routers. Linux tells such a connection
that an ICMP error came, not from whom. Of a SYN it tells that too (from 5.18
on). A reset that arrives first takes the socket away before the ICMP error
comes; the system's own counter shows that one came all the same.

Works on sockets that :mod:`probe.net` has opened, and opens none.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe import icmp

if TYPE_CHECKING:
    from probe.icmp import IcmpError

_READ_BYTES = 4096
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})
_NORMAL_HOP_LIMIT = -1  # the system's own, ip(7)
_IP_MINTTL = 21  # linux/in.h; the socket module names neither
_IPV6_MINHOPCOUNT = 73
_ABORT = struct.pack("ii", 1, 0)  # a close that sends a reset: the ports are free at once for the next packet
_SILENCE_S = (0.8, 4.0)
"""Silence is what lasts so long, and so many round trips: a lost packet has been sent again by then (RFC 6298)."""
_AFTERWARDS_S = (0.1, 1.5)
"""The same, of what may follow the first thing that came."""
_MOST_S = 2.0
"""A connect that took long had to send its SYN again; round trips are shorter."""
_UDP_ROUND_TRIP_S = 0.2
_NEAR_BITS = {4: 24, 6: 48}
"""Who shares so much of our own address may stand in the volunteer's own house."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """How far a packet may go, and from which port."""

    hop_limit: int | None
    """``None``: the system's own, as of any other packet."""
    source_port: int
    is_low_refused: bool = False
    """Whether what arrives with no more hops left than ours had is dropped unseen (RFC 5082), by TCP only."""
    is_lingering: bool = True
    """Whether to listen on after an ICMP error: somebody beside the path may answer too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedAnswer:
    """What came back for one packet."""

    came: bytes | OSError | None
    """Bytes (none: the end of the stream), a reset, or nothing at all."""
    delay_s: float
    source_port: int
    bytes_received: int = 0
    icmp_errors: int = 0
    """How many came, as far as the system tells; those that it repeats for packets sent again included."""
    icmp: IcmpError | None = None
    """The first, where the system tells whose it is."""
    is_near: bool = False
    """Whether its sender may stand in the volunteer's own house: then its address is not to be kept."""


async def by_tcp(
    connection: socket.socket,  # noqa: TID251 - a type; no socket is made here
    peer: tuple[str, int],
    payload: bytes,
    limited: Limited,
    deadline: float,
) -> LimitedAnswer:
    """Connect as usual, send ``payload`` no further than ``limited`` says, and listen. TimeoutError, OSError."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout_at(deadline):
        await loop.sock_connect(connection, peer)
    round_trip_s = loop.time() - began
    icmp.listen_for_errors(connection)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _limit_hops(connection, limited.hop_limit)
    if limited.is_low_refused and limited.hop_limit is not None:
        _refuse_below(connection, limited.hop_limit + 1)
    before = icmp.exceeded_count(connection.family)
    sent_at = loop.time()
    until = sent_at + _wait_s(_SILENCE_S, round_trip_s)
    came: bytes | OSError | None = None
    told = 0
    delay_s = 0.0
    try:
        connection.send(payload)  # a fresh connection has room for it
        while came is None:
            try:
                async with asyncio.timeout_at(until):
                    came = await loop.sock_recv(connection, _READ_BYTES)
            except TimeoutError:
                break
            except OSError as error:
                if error.errno in _UNREACHABLE:
                    told += 1
                    if not limited.is_lingering:
                        break
                    until = min(until, loop.time() + _wait_s(_AFTERWARDS_S, round_trip_s))
                else:
                    came = error
        delay_s = loop.time() - sent_at
        if came is not None and limited.hop_limit is not None and limited.is_lingering:
            await asyncio.sleep(_wait_s(_AFTERWARDS_S, round_trip_s))  # for an ICMP error that was overtaken
        counted = icmp.exceeded_count(connection.family) - before
    finally:
        with contextlib.suppress(OSError):
            _limit_hops(connection, None)  # the reset of the close is to reach the peer
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    return LimitedAnswer(
        came=came,
        delay_s=delay_s,
        source_port=connection.getsockname()[1],
        bytes_received=len(came) if isinstance(came, bytes) else 0,
        icmp_errors=max(told, counted),
    )


async def by_syn(
    connection: socket.socket,  # noqa: TID251 - a type; no socket is made here
    peer: tuple[str, int],
    limited: Limited,
    deadline: float,
) -> LimitedAnswer:
    """Send a SYN no further than ``limited`` says, and listen for who drops it."""
    loop = asyncio.get_running_loop()
    icmp.listen_for_errors(connection)
    _limit_hops(connection, limited.hop_limit)
    woken: asyncio.Future[None] = loop.create_future()
    sent_at = loop.time()
    refused: OSError | None = None
    number = connection.connect_ex(peer)
    if number not in {0, errno.EINPROGRESS}:
        raise OSError(number, "connect")

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    loop.add_writer(connection, wake)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await woken
        told = icmp.drain_errors(connection)
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        refused = OSError(number, "connect") if number and not told else None
    finally:
        loop.remove_writer(connection)
        _limit_hops(connection, None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    return _answer(connection, refused or (b"" if woken.done() and not told else None), loop.time() - sent_at, told)


async def by_udp(
    connection: socket.socket,  # noqa: TID251 - a type; no socket is made here
    peer: tuple[str, int],
    payload: bytes,
    limited: Limited,
    deadline: float,
) -> LimitedAnswer:
    """Send one datagram no further than ``limited`` says, and listen: for an answer, and for who dropped it."""
    loop = asyncio.get_running_loop()
    connection.connect(peer)
    _limit_hops(connection, limited.hop_limit)
    came: bytes | None = None
    told: list[IcmpError] = []
    first_s: float | None = None
    sent_at = loop.time()
    until = min(deadline, sent_at + _wait_s(_SILENCE_S, _UDP_ROUND_TRIP_S))
    connection.send(payload)
    while came is None or not told:
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(0)  # so that a flood does not keep the deadline from being met
                data = await loop.sock_recv(connection, _READ_BYTES)
        except TimeoutError:
            break
        except OSError:
            told += icmp.drain_errors(connection)
        else:
            came = data if came is None else came
        first_s = first_s or loop.time() - sent_at
        until = min(until, sent_at + first_s + _wait_s(_AFTERWARDS_S, _UDP_ROUND_TRIP_S))
    return _answer(connection, came, first_s or loop.time() - sent_at, told)


def _answer(
    connection: socket.socket,  # noqa: TID251 - a type; no socket is made here
    came: bytes | OSError | None,
    delay_s: float,
    told: list[IcmpError],
) -> LimitedAnswer:
    first = told[0] if told else None
    own, port = connection.getsockname()[:2]
    return LimitedAnswer(
        came=came,
        delay_s=delay_s,
        source_port=port,
        bytes_received=len(came) if isinstance(came, bytes) else 0,
        icmp_errors=len(told),
        icmp=first,
        is_near=first is not None and is_near(own, first.address),
    )


def is_near(own: str, other: str) -> bool:
    """Tell whether an address is so like our own that it may stand in the same house."""
    here, there = ipaddress.ip_address(own), ipaddress.ip_address(other)
    if here.version != there.version:
        return True
    shift = here.max_prefixlen - _NEAR_BITS[here.version]
    return int(here) >> shift == int(there) >> shift


def _wait_s(measure: tuple[float, float], round_trip_s: float) -> float:
    at_least_s, round_trips = measure
    return min(max(at_least_s, round_trips * round_trip_s), _MOST_S)


def _limit_hops(connection: socket.socket, hop_limit: int | None) -> None:  # noqa: TID251 - a type
    value = _NORMAL_HOP_LIMIT if hop_limit is None else hop_limit
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, value)
    else:
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, value)


def _refuse_below(connection: socket.socket, hop_limit: int) -> None:  # noqa: TID251 - a type
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, hop_limit)
    else:
        connection.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, hop_limit)
