"""The one network seam: nothing else in the project opens a socket.

Every call has an absolute deadline, in seconds of the monotonic clock, so that
a peer that drips cannot hold a step. Every address is checked before anything
is sent to it (:mod:`probe.addresses`): what a name resolves to is the
network's word, and the volunteer's own network is not ours to knock at. The
system's resolver is the one exception; it is reached through a method that
takes no address.

Source ports are drawn by us over the whole ephemeral range. Linux hands even
ports to ``connect()``, so that a path chosen by the lowest bit of the flow
would never change.

This module moves bytes. It classifies nothing and parses no protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from probe import icmp
from probe.addresses import is_public_address, parse_address
from probe.limited import by_syn, by_tcp, by_udp

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Address

    from probe.icmp import IcmpError
    from probe.limited import Limited, LimitedAnswer

_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_RESOLVER_FILE = Path("/etc/resolv.conf")
_DEFAULT_PORT_RANGE = (32_768, 60_999)  # Linux's own default; elsewhere nothing says what the range is
_PORT_DRAWS = 32
_BIND_TO_DEVICE = 25  # SO_BINDTODEVICE of Linux, open to everybody since 5.7; elsewhere the option is refused
_DATAGRAM_BYTES = 65_535
_DNS_PORT = 53
_IN_USE = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}


class AddressNotDialledError(Exception):
    """The address is none that a probe dials; nothing was sent."""


class NoSystemResolverError(Exception):
    """The system names no resolver; nothing was sent."""


class Stream(Protocol):
    """One open connection, TCP or TLS on top of it."""

    @property
    def bytes_sent(self) -> int:
        """Give the bytes sent on the TCP connection so far."""
        ...

    @property
    def bytes_received(self) -> int:
        """Give the bytes received on the TCP connection so far."""
        ...

    @property
    def source_port(self) -> int | None:
        """Give our port."""
        ...

    def watch(self, note: Callable[[int], None]) -> None:
        """Tell ``note`` from now on how many bytes each read brought on the TCP connection."""
        ...

    async def read(self, max_bytes: int, deadline: float) -> bytes:
        """Give the next bytes, at most ``max_bytes``; ``b""`` at the end. TimeoutError, OSError."""
        ...

    async def write(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``. TimeoutError, OSError."""
        ...

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        ...


class DatagramChannel(Protocol):
    """One connected UDP socket: datagrams to and from one peer."""

    bytes_sent: int
    bytes_received: int
    source_port: int

    def send(self, data: bytes) -> None:
        """Send one datagram. OSError."""
        ...

    async def receive(self, deadline: float) -> bytes:
        """Give the next datagram; what an ICMP error reports is raised as its OSError. TimeoutError."""
        ...

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How long, and to how much, a UDP exchange listens."""

    late_window_s: float
    """After the first answer (or ICMP error): the true answer may follow a forged one."""
    max_datagrams: int
    """Kept; the last place is for an answer, so that junk cannot crowd it out."""
    is_answer: Callable[[bytes], bool]
    """Whether a datagram is an answer to what was sent, and not junk."""
    again: tuple[tuple[float, bytes], ...] = ()
    """Sent after so many seconds, in order of time, for as long as nothing has answered: datagrams get lost."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram that came back."""

    data: bytes
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramExchange:
    """All that came back for one datagram."""

    datagrams: tuple[Datagram, ...]
    error: OSError | None
    """The first ICMP or system error; datagrams may have come all the same."""
    source_port: int
    bytes_received: int
    """Datagrams that were not kept included."""
    bytes_sent: int
    """What was sent again included."""


@dataclass(frozen=True, slots=True)
class HopAnswer:
    """Who answered a packet whose hop limit was small."""

    address: str
    delay_s: float


class Net(Protocol):
    """What the steps need of a network."""

    def may_dial(self, address: str | IPv4Address | IPv6Address) -> bool:
        """Say whether the address may be dialled at all."""
        ...

    async def connect(
        self, address: str, port: int, deadline: float, source_port: int | None = None, *, interface: str | None = None
    ) -> Stream:
        """Open a TCP connection. AddressNotDialledError, TimeoutError, OSError.

        ``source_port`` is tried first; where it is taken, another is drawn. ``interface`` is
        the one to leave by, where it is not to be the route's choice.
        """
        ...

    async def connect_to_own(self, address: str, port: int, deadline: float) -> Stream:
        """Open a TCP connection to a proxy of the volunteer's own, at any address. TimeoutError, OSError."""
        ...

    def open_datagrams(self, address: str, port: int) -> DatagramChannel:
        """Open a UDP socket to one peer; nothing is sent. AddressNotDialledError, OSError."""
        ...

    async def exchange_datagrams(
        self, address: str, port: int, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        """Send one datagram and keep what comes back. AddressNotDialledError, OSError on sending."""
        ...

    async def exchange_with_system_resolver(
        self, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        """Do the same with the system's first resolver, which may be private. NoSystemResolverError."""
        ...

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        """Send one datagram towards ``address`` that dies after ``hop_limit`` hops, and say who answered.

        ``None`` where the system does not tell. AddressNotDialledError, OSError; TimeoutError if nobody did.
        """
        ...

    async def send_limited(
        self, address: str, port: int, payload: bytes | None, limited: Limited, deadline: float, *, is_udp: bool = False
    ) -> LimitedAnswer:
        """Send ``payload`` over a fresh connection, or a bare SYN without one, no further than ``limited`` says.

        ``deadline`` is the connect's. AddressNotDialledError, TimeoutError, OSError: no connection.
        """
        ...

    async def resolve(self, name: str, family: int, deadline: float) -> tuple[str, ...]:
        """Resolve as the system does, for family 4 or 6. socket.gaierror, TimeoutError, UnicodeError."""
        ...

    def system_resolver_addresses(self) -> tuple[str, ...]:
        """Give the addresses of the system's resolvers; never to be stored."""
        ...

    def own_address_towards(self, address: str) -> str | None:
        """Give the address of ours that packets to ``address`` would carry; never to be stored. Sends nothing."""
        ...


class TcpStream:
    """A TCP connection over a non-blocking socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.source_port: int | None = connection.getsockname()[1]
        self.bytes_sent = 0
        self.bytes_received = 0
        self._note: Callable[[int], None] | None = None

    def watch(self, note: Callable[[int], None]) -> None:
        """Tell ``note`` from now on how many bytes each read brought."""
        self._note = note

    async def read(self, max_bytes: int, deadline: float) -> bytes:
        """Give the next bytes, at most ``max_bytes``; ``b""`` at the end. TimeoutError, OSError."""
        data = await _read(self._connection, max_bytes, deadline)
        self.bytes_received += len(data)
        if self._note is not None and data:
            self._note(len(data))
        return data

    async def write(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``. TimeoutError, OSError."""
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().sock_sendall(self._connection, data)
        self.bytes_sent += len(data)

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()


class UdpChannel:
    """Datagrams over a non-blocking, connected socket: the system drops what another sender sends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.source_port: int = connection.getsockname()[1]
        self.bytes_sent = 0
        self.bytes_received = 0

    def send(self, data: bytes) -> None:
        """Send one datagram; one that the system has no room for now is lost, as on the way. OSError."""
        self.bytes_sent += len(data)
        with contextlib.suppress(BlockingIOError):
            self._connection.send(data)

    async def receive(self, deadline: float) -> bytes:
        """Give the next datagram; what an ICMP error reports is raised as its OSError. TimeoutError."""
        event = await _receive(self._connection, deadline)
        if isinstance(event, bytes):
            self.bytes_received += len(event)
            return event
        raise event if isinstance(event, OSError) else event.error

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        self._connection.close()


class SystemNet:
    """The machine's own network."""

    def __init__(self, may_dial: Callable[[IPv4Address | IPv6Address], bool] = is_public_address) -> None:
        self._may_dial = may_dial

    def may_dial(self, address: str | IPv4Address | IPv6Address) -> bool:
        """Say whether the address may be dialled at all; text that is no address may not."""
        parsed = parse_address(address) if isinstance(address, str) else address
        return parsed is not None and self._may_dial(parsed)

    async def connect(
        self, address: str, port: int, deadline: float, source_port: int | None = None, *, interface: str | None = None
    ) -> Stream:
        """Open a TCP connection. AddressNotDialledError, TimeoutError, OSError."""
        return await self._connect(self._dialled(address), port, deadline, source_port, interface)

    async def connect_to_own(self, address: str, port: int, deadline: float) -> Stream:
        """Open a TCP connection to a proxy of the volunteer's own, at any address. TimeoutError, OSError."""
        return await self._connect(ip_address(address), port, deadline)

    async def _connect(
        self,
        address: IPv4Address | IPv6Address,
        port: int,
        deadline: float,
        source_port: int | None = None,
        interface: str | None = None,
    ) -> Stream:
        connection = _open_socket(address, socket.SOCK_STREAM, source_port)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if interface is not None:
                connection.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, interface.encode() + b"\0")
            async with asyncio.timeout_at(deadline):
                await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
            return TcpStream(connection)
        except BaseException:
            connection.close()
            raise

    def open_datagrams(self, address: str, port: int) -> DatagramChannel:
        """Open a UDP socket to one peer; nothing is sent. AddressNotDialledError, OSError."""
        connection = _open_socket(self._dialled(address), socket.SOCK_DGRAM)
        try:
            connection.connect((address, port))
            return UdpChannel(connection)
        except BaseException:
            connection.close()
            raise

    async def exchange_datagrams(
        self, address: str, port: int, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        """Send one datagram and keep what comes back. AddressNotDialledError, OSError on sending."""
        return await _exchange(self._dialled(address), port, payload, deadline, listening)

    async def exchange_with_system_resolver(
        self, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        """Do the same with the system's first resolver, which may be private. NoSystemResolverError."""
        resolvers = [parse_address(text) for text in self.system_resolver_addresses()]
        if not resolvers or resolvers[0] is None:
            raise NoSystemResolverError
        return await _exchange(resolvers[0], _DNS_PORT, payload, deadline, listening)

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        """Send one datagram that dies after ``hop_limit`` hops, and say who answered.

        ``None`` where the system does not tell. AddressNotDialledError, OSError; TimeoutError if nobody did.
        """
        dialled = self._dialled(address)
        if not icmp.IS_AVAILABLE:
            return None
        loop = asyncio.get_running_loop()
        with contextlib.closing(_open_socket(dialled, socket.SOCK_DGRAM)) as connection:
            if dialled.version == 4:
                connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop_limit)
            else:
                connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
            connection.connect((address, port))
            sent_at = loop.time()
            connection.send(b"\0" * 8)
            event = await _receive(connection, deadline)
            if isinstance(event, OSError):
                raise event
            return HopAnswer(address if isinstance(event, bytes) else event.address, loop.time() - sent_at)

    async def send_limited(
        self, address: str, port: int, payload: bytes | None, limited: Limited, deadline: float, *, is_udp: bool = False
    ) -> LimitedAnswer:
        """Send ``payload`` over a fresh connection, or a bare SYN without one, no further than ``limited`` says.

        ``deadline`` is the connect's. AddressNotDialledError, TimeoutError, OSError: no connection.
        """
        kind = socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM
        with contextlib.closing(_open_socket(self._dialled(address), kind, limited.source_port)) as connection:
            if payload is None:
                return await by_syn(connection, (address, port), limited, deadline)
            send = by_udp if is_udp else by_tcp
            return await send(connection, (address, port), payload, limited, deadline)

    async def resolve(self, name: str, family: int, deadline: float) -> tuple[str, ...]:
        """Resolve as the system does, for family 4 or 6. socket.gaierror, TimeoutError, UnicodeError.

        The name is asked as absolute, so that a search list can neither leak
        nor answer it. The call blocks in the system and cannot be cancelled:
        it runs in a daemon thread that is abandoned at the deadline.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[tuple[str, ...]] = loop.create_future()

        def settle(found: tuple[str, ...] | Exception) -> None:
            if result.done():
                return
            if isinstance(found, Exception):
                result.set_exception(found)
            else:
                result.set_result(found)

        def ask() -> None:
            found: tuple[str, ...] | Exception
            try:
                infos = socket.getaddrinfo(
                    name.rstrip(".") + ".",
                    None,
                    family=socket.AF_INET if family == 4 else socket.AF_INET6,
                    type=socket.SOCK_STREAM,
                )
                found = tuple(dict.fromkeys(str(info[4][0]) for info in infos))
            except (OSError, UnicodeError) as error:
                found = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        async with asyncio.timeout_at(deadline):
            return await result

    def system_resolver_addresses(self) -> tuple[str, ...]:
        """Give the addresses of the system's resolvers; never to be stored."""
        if os.name == "posix":
            return _nameservers(_RESOLVER_FILE)  # by ourselves: dnspython is 14 MB in a process that mostly sleeps
        from dns.resolver import NoResolverConfiguration, Resolver

        try:
            return tuple(str(nameserver) for nameserver in Resolver().nameservers)
        except NoResolverConfiguration:
            return ()

    def own_address_towards(self, address: str) -> str | None:
        """Give the address of ours that packets to ``address`` would carry; never to be stored. Sends nothing."""
        try:
            with contextlib.closing(_open_socket(self._dialled(address), socket.SOCK_DGRAM)) as connection:
                connection.connect((address, _DNS_PORT))  # of UDP: the route is looked up, and no packet leaves
                return str(connection.getsockname()[0])
        except (OSError, AddressNotDialledError):
            return None

    def _dialled(self, address: str) -> IPv4Address | IPv6Address:
        parsed = parse_address(address)
        if parsed is None or not self._may_dial(parsed):
            raise AddressNotDialledError
        return parsed


def _nameservers(file: Path) -> tuple[str, ...]:
    """Read the addresses of resolv.conf(5), in order."""
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ()
    named = [fields[1] for fields in lines if len(fields) > 1 and fields[0] == "nameserver"]
    return tuple(address for address in named if parse_address(address) is not None)


def _ephemeral_ports() -> tuple[int, int]:
    try:
        low, high = map(int, _PORT_RANGE.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return _DEFAULT_PORT_RANGE
    return low, high


def _open_socket(
    address: IPv4Address | IPv6Address, kind: socket.SocketKind, source_port: int | None = None
) -> socket.socket:
    """Open a non-blocking socket of the address's family, bound to a port that we draw."""
    low, high = _ephemeral_ports()
    family, anywhere = (socket.AF_INET, "0.0.0.0") if address.version == 4 else (socket.AF_INET6, "::")  # noqa: S104 - the source address is the route's to choose, and nothing listens
    connection = socket.socket(family, kind)
    try:
        connection.setblocking(False)
        if family == socket.AF_INET6:
            connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_DGRAM:
            icmp.listen_for_errors(connection)
        draws = 0
        while True:
            port = source_port if source_port and not draws else low + secrets.randbelow(high - low + 1)
            draws += 1
            try:
                connection.bind((anywhere, port))
            except OSError as error:
                if error.errno not in _IN_USE or draws == _PORT_DRAWS:
                    raise
            else:
                return connection
    except BaseException:
        connection.close()
        raise


async def _read(connection: socket.socket, max_bytes: int, deadline: float) -> bytes:
    """Receive, and let others run.

    ``sock_recv`` does not yield while there is something to read: without the
    two extra lines a fast sender would neither meet the deadline nor let any
    other step move.
    """
    loop = asyncio.get_running_loop()
    if loop.time() >= deadline:
        raise TimeoutError
    await asyncio.sleep(0)
    async with asyncio.timeout_at(deadline):
        return await loop.sock_recv(connection, max_bytes)


async def _receive(connection: socket.socket, deadline: float) -> bytes | IcmpError | OSError:
    """Give what arrives next on a connected UDP socket. TimeoutError."""
    try:
        return await _read(connection, _DATAGRAM_BYTES, deadline)
    except TimeoutError:
        raise
    except OSError as error:
        queued = icmp.drain_errors(connection)
        return queued[0] if queued else error


async def _exchange(
    address: IPv4Address | IPv6Address, port: int, payload: bytes, deadline: float, listening: Listening
) -> DatagramExchange:
    loop = asyncio.get_running_loop()
    kept: list[Datagram] = []
    errors: list[OSError] = []
    bytes_received, bytes_sent = 0, len(payload)
    has_answered = False
    until = deadline
    again = list(listening.again)
    with contextlib.closing(_open_socket(address, socket.SOCK_DGRAM)) as connection:
        connection.connect((str(address), port))
        sent_at = loop.time()
        connection.send(payload)
        while len(kept) < listening.max_datagrams and len(errors) < listening.max_datagrams:
            next_at = sent_at + again[0][0] if again and not has_answered and not errors else deadline
            try:
                event = await _receive(connection, min(until, next_at))
            except TimeoutError:
                if next_at >= until:
                    break
                repeated = again.pop(0)[1]
                with contextlib.suppress(OSError):  # the way out may be gone; what was sent before may yet be answered
                    connection.send(repeated)
                    bytes_sent += len(repeated)
                continue
            arrived_at = loop.time()
            is_answer = False
            if isinstance(event, bytes):
                bytes_received += len(event)
                is_answer = listening.is_answer(event)
                if is_answer or len(kept) < listening.max_datagrams - 1:
                    kept.append(Datagram(event, arrived_at - sent_at))
            else:
                errors.append(event if isinstance(event, OSError) else event.error)
            has_answered |= is_answer
            if is_answer or errors:
                until = min(until, arrived_at + listening.late_window_s)
        return DatagramExchange(
            datagrams=tuple(kept),
            error=errors[0] if errors else None,
            source_port=connection.getsockname()[1],
            bytes_received=bytes_received,
            bytes_sent=bytes_sent,
        )
