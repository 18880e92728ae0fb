"""The system's own filter (classic BPF, socket(7)): which packets reach the process that reads them at all."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_INSTRUCTION = struct.Struct("=HBBI")  # linux/filter.h: code, jump if true, jump if false, k
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_WHOLE = 0x40000
_AT_V4 = (12, 16, 36)
"""Source, destination, and the destination in the head that an ICMP error quotes."""
_AT_V6 = (20, 36, 84)
"""The last words of the same."""


def accept_nothing(sniffer: socket.socket) -> None:  # noqa: TID251 - a type
    """Let no packet through."""
    _attach(sniffer, [(_RETURN, 0, 0, 0)])


def accept_peers(sniffer: socket.socket, addresses: set[str]) -> None:  # noqa: TID251 - a type
    """Let packets from, to and about these addresses through; a load beyond a short packet's end drops it."""
    checks: list[tuple[int, int]] = []
    for places, version in ((_AT_V4, 4), (_AT_V6, 6)):
        words = sorted(
            int(ipaddress.ip_address(address)) & 0xFFFFFFFF
            for address in addresses
            if ipaddress.ip_address(address).version == version
        )
        checks += [(at, word) for at in places for word in words]
    program: list[tuple[int, int, int, int]] = []
    for number, (at, word) in enumerate(checks):
        to_accept = 2 * (len(checks) - number - 1) + 1  # past the other checks, and the refusal
        program += [(_LOAD_WORD, 0, 0, at), (_JUMP_IF_EQUAL, to_accept, 0, word)]
    _attach(sniffer, [*program, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _WHOLE)])


def _attach(sniffer: socket.socket, program: list[tuple[int, int, int, int]]) -> None:  # noqa: TID251 - a type
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*one) for one in program))
    sniffer.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))
