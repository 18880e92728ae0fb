"""What Linux tells an ordinary program about ICMP errors: the socket's error queue (ip(7), ``IP_RECVERR``).

Needs no privilege. Other systems have no such queue; there, callers say so.
This module reads structures and sets options; it sends nothing.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/in.h, linux/in6.h, linux/errqueue.h, linux/socket.h: the socket module does not name them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ADDRESS_AT = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}

_STATISTICS = Path("/proc/thread-self/net")  # of the network that the calling thread is in

IS_AVAILABLE = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class IcmpError:
    """One ICMP error message about a packet of ours."""

    address: str
    """Who sent it, as far as its source can be believed."""
    icmp_type: int
    icmp_code: int
    error: OSError
    """What the system makes of it."""


def listen_for_errors(connection: socket.socket) -> None:  # noqa: TID251 - a type; no socket is made here
    """Ask the system to queue ICMP errors on ``connection``; nothing happens where it cannot."""
    if not IS_AVAILABLE:
        return
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        connection.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def drain_errors(connection: socket.socket) -> list[IcmpError]:  # noqa: TID251 - a type; no socket is made here
    """Take every queued error off ``connection``; a queue left full would wake a reader for ever."""
    errors: list[IcmpError] = []
    while IS_AVAILABLE:
        try:
            _, ancillary, _, _ = connection.recvmsg(0, 512, _MSG_ERRQUEUE)
        except BlockingIOError:
            break
        errors.extend(parse_errors(ancillary))
    return errors


def parse_errors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[IcmpError]:
    """Read ``sock_extended_err`` and the offender's address behind it; local errors are left out."""
    errors: list[IcmpError] = []
    for level, kind, data in ancillary:
        if (level, kind) not in {(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)}:
            continue
        if len(data) < _EXTENDED_ERROR.size + 2:
            continue
        number, origin, icmp_type, icmp_code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
        offender = data[_EXTENDED_ERROR.size :]
        (family,) = struct.unpack_from("=H", offender)
        if origin not in {_ORIGIN_ICMP, _ORIGIN_ICMP6} or family not in _ADDRESS_AT:
            continue
        start, length = _ADDRESS_AT[family]
        packed = offender[start : start + length]
        if len(packed) != length:
            continue
        address = IPv4Address(packed) if length == 4 else IPv6Address(packed)
        errors.append(IcmpError(str(address), icmp_type, icmp_code, OSError(number, os.strerror(number))))
    return errors


def exceeded_count(family: int) -> int:
    """Give how many ICMP "time exceeded" the system has received since it started; 0 where it does not tell."""
    is_six = family == socket.AF_INET6
    try:
        lines = (_STATISTICS / ("snmp6" if is_six else "snmp")).read_text(encoding="ascii").splitlines()
        if is_six:
            return next(int(line.split()[1]) for line in lines if line.startswith("Icmp6InTimeExcds"))
        names, values = (line.split() for line in lines if line.startswith("Icmp:"))
        return int(values[names.index("InTimeExcds")])
    except (OSError, ValueError, StopIteration):
        return 0
