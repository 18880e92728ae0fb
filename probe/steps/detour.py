"""One connection by another way round: through a proxy that the volunteer already has, or out of another interface.

A SOCKS5 proxy (RFC 1928; Tor is one) or an HTTP proxy (CONNECT, RFC 9110
section 9.3.6) is told the host's name and resolves it out there; out of another
interface the addresses are dialled that some resolver gave. The proxy's own
address is the volunteer's affair: it may be private, and it is never stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.net import AddressNotDialledError
from probe.schedule.model import WayKind
from probe.steps.failing import TooMuchError, failure_of, text_of

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream
    from probe.schedule.model import Way

_HEAD_BYTES: Final = 8_192
_ADDRESS_BYTES: Final = {1: 4, 4: 16}  # of the reply's bound address, by its type; a name says its own length
_NAME_TYPE: Final = 3
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_REPLIES: Final = {
    1: Failure.UNKNOWN,
    2: Failure.UNKNOWN,
    3: Failure.NETWORK_UNREACHABLE,
    4: Failure.HOST_UNREACHABLE,
    5: Failure.CONNECTION_REFUSED,
    6: Failure.HOST_UNREACHABLE,
}
"""RFC 1928, section 6."""


class RefusedError(Exception):
    """A proxy said no, in its protocol's words or in none."""

    def __init__(self, failure: Failure, words: str) -> None:
        super().__init__(words)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class DetourEndpoint:
    """Which way to go, and where to."""

    way: Way
    host: str
    port: int
    addresses: tuple[str, ...] = ()
    """Dialled out of another interface, one after the other; a proxy resolves for itself."""


async def connect(
    endpoint: DetourEndpoint, net: Net, clock: Clock, limits: Limits
) -> tuple[Observation, Stream | None]:
    """Connect, within ``limits.detour_timeout_s``; the stream is the caller's to close."""
    began = clock.monotonic()
    deadline = began + limits.detour_timeout_s
    seen = Observation(
        operation=Operation.TCP,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        name=endpoint.host,
        port=endpoint.port,
    )
    try:
        stream, address = await _open(endpoint, net, deadline)
    except RefusedError as refused:
        return replace(seen, ended_mono_s=clock.monotonic(), failure=refused.failure, error_text=str(refused)), None
    except (OSError, EOFError, TooMuchError, UnicodeError, AddressNotDialledError) as error:
        failure = Failure.UNKNOWN if isinstance(error, TooMuchError | UnicodeError) else failure_of(error)
        return replace(seen, ended_mono_s=clock.monotonic(), failure=failure, error_text=text_of(error, limits)), None
    return replace(seen, ended_mono_s=clock.monotonic(), address=address), stream


async def _open(endpoint: DetourEndpoint, net: Net, deadline: float) -> tuple[Stream, str | None]:
    way = endpoint.way
    if way.kind is WayKind.INTERFACE:
        return await _out_of(way.interface or "", endpoint, net, deadline)
    stream = await net.connect_to_own(way.address or "", way.port or 0, deadline)
    try:
        ask = _ask_socks5 if way.kind is WayKind.SOCKS5 else _ask_http
        await ask(stream, endpoint, deadline)
    except BaseException:
        await stream.close()
        raise
    return stream, None


async def _out_of(interface: str, endpoint: DetourEndpoint, net: Net, deadline: float) -> tuple[Stream, str]:
    error: OSError = TimeoutError()
    for address in endpoint.addresses:
        try:
            return await net.connect(address, endpoint.port, deadline, interface=interface), address
        except TimeoutError:
            raise
        except OSError as failed:
            error = failed
    if not endpoint.addresses:
        raise RefusedError(Failure.DNS_NO_ANSWER, "no resolver gave an address to dial")
    raise error


async def _ask_socks5(stream: Stream, endpoint: DetourEndpoint, deadline: float) -> None:
    await stream.write(b"\x05\x01\x00", deadline)  # version 5, one method: no authentication
    if await _exactly(stream, 2, deadline) != b"\x05\x00":
        raise RefusedError(Failure.UNKNOWN, "the proxy is no SOCKS5 proxy that lets everybody in")
    host = endpoint.host.encode("idna" if not endpoint.host.isascii() else "ascii")
    await stream.write(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + endpoint.port.to_bytes(2), deadline)
    version, reply, _, kind = await _exactly(stream, 4, deadline)
    if version != 5:
        raise RefusedError(Failure.UNKNOWN, "the proxy did not answer in SOCKS5")
    if reply:
        raise RefusedError(_REPLIES.get(reply, Failure.UNKNOWN), f"the proxy answered with SOCKS5 reply {reply}")
    length = (await _exactly(stream, 1, deadline))[0] if kind == _NAME_TYPE else _ADDRESS_BYTES.get(kind)
    if length is None:
        raise RefusedError(Failure.UNKNOWN, "the proxy did not answer in SOCKS5")
    await _exactly(stream, length + 2, deadline)


async def _ask_http(stream: Stream, endpoint: DetourEndpoint, deadline: float) -> None:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    asked = f"CONNECT {host}:{endpoint.port} HTTP/1.1\r\nHost: {host}:{endpoint.port}\r\n\r\n"
    await stream.write(asked.encode("ascii"), deadline)
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # byte by byte: what follows the head is the host's, not ours to take
        if len(head) >= _HEAD_BYTES:
            raise TooMuchError(f"the proxy's answer is longer than {_HEAD_BYTES} bytes")
        head += await _exactly(stream, 1, deadline)
    status = _STATUS.match(head)
    if status is None or not status[1].startswith(b"2"):
        said = status[1].decode() if status else "no HTTP"
        raise RefusedError(Failure.UNKNOWN, f"the proxy answered with {said}")


async def _exactly(stream: Stream, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        more = await stream.read(length - len(data), deadline)
        if not more:
            raise EOFError
        data += more
    return data
