"""The address translation of a home gateway: many private IPv4 addresses behind one public address (RFC 4787, 5382).

A mapping belongs to an inside address and port whatever they talk to; what comes
back is let in only from the address and port that was talked to. Ports are kept
where they are free. TCP, UDP and ICMP echo pass, and ICMP errors together with
the packet that they quote (RFC 5508), so that traceroute and path MTU discovery
work from behind it. Everything else, and fragments, is dropped.

It works on packets as they stand on the wire, with checksums that are adjusted
and not computed anew (RFC 1624), because every packet of a home crosses it twice.
It sends nothing itself, counts no hop limit down, and does not turn packets
around that go from inside to its own public address. IPv6 passes untouched.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lab.packet import ACK, FIN, ICMP, RST, SYN, TCP, UDP, checksum

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network

UDP_LIFETIME_S: Final = 120.0  # RFC 4787, REQ-5
TCP_LIFETIME_S: Final = 7440.0  # RFC 5382, REQ-5: established
TCP_TRANSITORY_LIFETIME_S: Final = 240.0  # RFC 5382, REQ-5: opening or closing
ICMP_LIFETIME_S: Final = 60.0  # RFC 5508, REQ-2

MAX_SESSIONS: Final = 8192
"""Conversations remembered; a full table takes no new ones, as in many home gateways."""

_SWEEP_EVERY_S: Final = 1.0
_FIRST_PORT: Final = 1024  # never mapped to a well-known port (RFC 4787, REQ-3)
_PORTS: Final = 65_536 - _FIRST_PORT

_OUTWARD: Final = 1
_INWARD: Final = 2
_BOTH: Final = 3

_ECHO_REPLY: Final = 0
_ECHO_REQUEST: Final = 8
_ICMP_ERRORS: Final = frozenset({3, 11, 12})


@dataclass(slots=True)
class _Mapping:
    """An inside endpoint (address and port, 6 bytes) and its public one, with what that does to checksums."""

    inside: bytes
    public: bytes
    address_delta: int
    transport_delta: int
    sessions: int = 0


@dataclass(slots=True)
class _Session:
    """A mapping's conversation with one remote endpoint."""

    mapping: _Mapping
    leaving_key: bytes
    arriving_key: bytes
    expires_at: float = 0.0
    acknowledged: int = 0
    """The directions in which an ACK was seen."""
    finished: int = 0
    """The directions in which a FIN was seen; both after a reset."""


@dataclass(slots=True)
class _Table:
    """One protocol: where its header has what, and its sessions.

    A session's key is the 8 bytes of both addresses and the bytes from
    ``ports_at`` to ``ports_end``, as they stand in a packet of that direction.
    """

    ports_at: int
    ports_end: int
    checksum_at: int
    header_bytes: int
    is_address_summed: bool
    """Whether the checksum covers the addresses (the pseudo-header)."""
    leaving: dict[bytes, _Session] = field(default_factory=dict)
    arriving: dict[bytes, _Session] = field(default_factory=dict)
    mappings: dict[bytes, _Mapping] = field(default_factory=dict)
    """By inside endpoint."""
    taken: set[int] = field(default_factory=set)
    """Public ports in use."""


class Nat:
    """One gateway's translation. Times are seconds of any clock that does not go back."""

    def __init__(self, public: IPv4Address, inside: tuple[IPv4Network, ...]) -> None:
        """Translate what comes from the networks ``inside`` to the address ``public``."""
        self._public = public.packed
        self._inside = [(int(network.netmask), int(network.network_address)) for network in inside]
        self.reset()

    def reset(self) -> None:
        """Forget everything, as when the gateway was switched off."""
        self._tables = {
            TCP: _Table(0, 4, 16, 20, is_address_summed=True),
            UDP: _Table(0, 4, 6, 8, is_address_summed=True),
            ICMP: _Table(4, 6, 2, 8, is_address_summed=False),
        }
        self._count = 0
        self._sweep_at = 0.0

    def outbound(self, raw: bytes | bytearray, now: float) -> bytes | None:
        """Translate a packet that leaves; ``None`` if it must be dropped.

        IPv6, and packets whose source is not inside, are given back as they are.
        """
        if raw[:1] and raw[0] >> 4 == 6:
            return bytes(raw)
        header_length = _header_length(raw)
        if header_length is None:
            return None
        protocol = raw[9]
        table = self._tables.get(protocol)
        if table is None or len(raw) < header_length + table.header_bytes:
            return None if self._is_inside(raw[12:16]) else bytes(raw)
        if protocol == ICMP and raw[header_length] != _ECHO_REQUEST:
            return self._error(raw, header_length, _OUTWARD, now) if self._is_inside(raw[12:16]) else bytes(raw)
        ports_at = header_length + table.ports_at
        key = bytes(raw[12:20] + raw[ports_at : header_length + table.ports_end])
        session = table.leaving.get(key)
        if session is None or session.expires_at <= now:
            if not self._is_inside(raw[12:16]):
                return bytes(raw)
            session = self._open(table, key, now)
            if session is None:
                return None
        session.expires_at = now + _lifetime_s(session, protocol, raw, header_length, _OUTWARD)
        mapping = session.mapping
        out = bytearray(raw)
        out[12:16] = mapping.public[:4]
        out[ports_at : ports_at + 2] = mapping.public[4:]
        _adjust(out, 10, mapping.address_delta)
        _adjust_transport(out, header_length + table.checksum_at, mapping.transport_delta, protocol)
        return bytes(out)

    def inbound(self, raw: bytes | bytearray, now: float) -> bytes | None:
        """Translate a packet that arrives; ``None`` if nobody inside asked for it.

        IPv6, and packets that are neither for the public address nor for an inside one, are given back as they are.
        """
        if raw[:1] and raw[0] >> 4 == 6:
            return bytes(raw)
        header_length = _header_length(raw)
        if header_length is None:
            return None
        if raw[16:20] != self._public:
            return None if self._is_inside(raw[16:20]) else bytes(raw)
        protocol = raw[9]
        table = self._tables.get(protocol)
        if table is None or len(raw) < header_length + table.header_bytes:
            return None
        if protocol == ICMP and raw[header_length] != _ECHO_REPLY:
            return self._error(raw, header_length, _INWARD, now)
        ports_end = header_length + table.ports_end
        session = table.arriving.get(bytes(raw[12:20] + raw[header_length + table.ports_at : ports_end]))
        if session is None or session.expires_at <= now:
            return None
        session.expires_at = now + _lifetime_s(session, protocol, raw, header_length, _INWARD)
        mapping = session.mapping
        out = bytearray(raw)
        out[16:20] = mapping.inside[:4]
        out[ports_end - 2 : ports_end] = mapping.inside[4:]
        _adjust(out, 10, mapping.address_delta ^ 0xFFFF)
        _adjust_transport(out, header_length + table.checksum_at, mapping.transport_delta ^ 0xFFFF, protocol)
        return bytes(out)

    def _is_inside(self, address: bytes | bytearray) -> bool:
        number = int.from_bytes(address, "big")
        return any(number & mask == network for mask, network in self._inside)

    # ------------------------------------------------------------ the table

    def _open(self, table: _Table, key: bytes, now: float) -> _Session | None:
        """Remember a new conversation; ``None`` if the table is full."""
        if now >= self._sweep_at or key in table.leaving:
            self._sweep(now)
        if self._count >= MAX_SESSIONS:
            return None
        inside = key[:4] + key[8:10]
        mapping = table.mappings.get(inside)
        if mapping is None:
            mapping = table.mappings[inside] = self._mapping(table, inside)
        address, port = mapping.public[:4], mapping.public[4:]
        arriving_key = key[4:8] + address + key[10:12] + port
        session = _Session(mapping, key, arriving_key)
        table.leaving[key] = table.arriving[arriving_key] = session
        mapping.sessions += 1
        self._count += 1
        return session

    def _mapping(self, table: _Table, inside: bytes) -> _Mapping:
        """Find a public port: the inside one if it is free, else the next that is. There are more than sessions."""
        wanted = int.from_bytes(inside[4:], "big")
        port = wanted if wanted >= _FIRST_PORT else wanted + _FIRST_PORT
        while port in table.taken:
            port = _FIRST_PORT + (port + 1 - _FIRST_PORT) % _PORTS
        table.taken.add(port)
        public = self._public + port.to_bytes(2, "big")
        transport_delta = _delta(inside, public) if table.is_address_summed else _delta(inside[4:], public[4:])
        return _Mapping(inside, public, _delta(inside[:4], public[:4]), transport_delta)

    def _sweep(self, now: float) -> None:
        """Forget the conversations that have been silent for too long, and the mappings that have none left."""
        self._sweep_at = now + _SWEEP_EVERY_S
        for table in self._tables.values():
            for session in [session for session in table.leaving.values() if session.expires_at <= now]:
                mapping = session.mapping
                del table.leaving[session.leaving_key], table.arriving[session.arriving_key]
                self._count -= 1
                mapping.sessions -= 1
                if mapping.sessions == 0:
                    del table.mappings[mapping.inside]
                    table.taken.remove(int.from_bytes(mapping.public[4:], "big"))

    # ------------------------------------------------------------ errors

    def _error(self, raw: bytes | bytearray, header_length: int, direction: int, now: float) -> bytes | None:
        """Translate an ICMP error and the packet that it quotes, which went the other way."""
        quoted_at = header_length + 8
        out = bytearray(raw[: int.from_bytes(raw[2:4], "big")])
        quoted_length = _header_length(out[quoted_at:])
        if quoted_length is None or out[header_length] not in _ICMP_ERRORS:
            return None
        table = self._tables.get(out[quoted_at + 9])
        transport_at = quoted_at + quoted_length
        if table is None or len(out) < transport_at + 8:
            return None
        key = out[quoted_at + 16 : quoted_at + 20] + out[quoted_at + 12 : quoted_at + 16]
        if table is self._tables[ICMP]:
            port_at = transport_at + 4
            key += out[port_at : port_at + 2]
        else:
            port_at = transport_at + (2 if direction == _OUTWARD else 0)
            key += out[transport_at + 2 : transport_at + 4] + out[transport_at : transport_at + 2]
        session = (table.leaving if direction == _OUTWARD else table.arriving).get(bytes(key))
        if session is None or session.expires_at <= now:
            return None
        mapping = session.mapping
        flip, new = (0, mapping.public) if direction == _OUTWARD else (0xFFFF, mapping.inside)

        address_at, quoted_address_at = (12, quoted_at + 16) if direction == _OUTWARD else (16, quoted_at + 12)
        _adjust(out, 10, _delta(out[address_at : address_at + 4], new[:4]))
        out[address_at : address_at + 4] = out[quoted_address_at : quoted_address_at + 4] = new[:4]
        out[port_at : port_at + 2] = new[4:]
        _adjust(out, quoted_at + 10, mapping.address_delta ^ flip)
        checksum_at = transport_at + table.checksum_at
        if checksum_at + 2 <= len(out):  # of TCP, a quote may end before it
            _adjust_transport(out, checksum_at, mapping.transport_delta ^ flip, out[quoted_at + 9])
        out[header_length + 2 : header_length + 4] = b"\0\0"
        out[header_length + 2 : header_length + 4] = checksum(bytes(out[header_length:])).to_bytes(2, "big")
        return bytes(out)


def _header_length(raw: bytes | bytearray) -> int | None:
    """Give the length of an IPv4 header; ``None`` for what has none, is cut short, or is a fragment."""
    if len(raw) < 28 or raw[0] >> 4 != 4 or raw[6] & 0x3F or raw[7]:
        return None
    length = (raw[0] & 0xF) * 4
    return length if 20 <= length <= len(raw) - 8 else None


def _lifetime_s(session: _Session, protocol: int, raw: bytes | bytearray, header_length: int, direction: int) -> float:
    """Give how long a session may be silent after this packet; of TCP, remember how far it has come."""
    if protocol != TCP:
        return UDP_LIFETIME_S if protocol == UDP else ICMP_LIFETIME_S
    flags = raw[header_length + 13]
    if flags & (SYN | FIN | RST):
        if flags & RST:
            session.finished = _BOTH
        elif flags & FIN:
            session.finished |= direction
        elif direction == _OUTWARD and not flags & ACK:  # the same ports, used again
            session.acknowledged = session.finished = 0
    if flags & ACK:
        session.acknowledged |= direction
    is_established = session.acknowledged == _BOTH and session.finished != _BOTH
    return TCP_LIFETIME_S if is_established else TCP_TRANSITORY_LIFETIME_S


def _delta(old: bytes | bytearray, new: bytes) -> int:
    """Give what replacing ``old`` by ``new`` adds to a sum: its ones' complement undoes it (RFC 1624, equation 3)."""
    words = len(old) // 2
    total: int = sum(struct.unpack(f"!{words}H", new)) + sum(0xFFFF ^ word for word in struct.unpack(f"!{words}H", old))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _adjust(out: bytearray, at: int, delta: int) -> None:
    """Add ``delta`` to the sum of which the checksum at ``at`` is the complement."""
    total = (out[at] << 8 | out[at + 1]) ^ 0xFFFF
    total += delta
    total = ((total & 0xFFFF) + (total >> 16)) ^ 0xFFFF
    out[at] = total >> 8
    out[at + 1] = total & 0xFF


def _adjust_transport(out: bytearray, at: int, delta: int, protocol: int) -> None:
    """Adjust a transport checksum, where an adjusted zero may have to be its other form, 0xFFFF.

    Of UDP, zero means that there is none (RFC 768); of an ICMP message that is all
    zeros, an echo reply, zero would be wrong (RFC 1624, section 3).
    """
    if protocol == UDP and not (out[at] or out[at + 1]):
        return
    _adjust(out, at, delta)
    if not (out[at] or out[at + 1]) and (protocol == UDP or not any(out[at - 2 :])):
        out[at] = out[at + 1] = 0xFF
