"""Another way round: what is said to a proxy of one's own, and what its answers mean."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from probe.clock import SystemClock
from probe.failures import Failure
from probe.limits import Limits
from probe.net import SystemNet
from probe.schedule.model import Way, WayKind
from probe.steps.detour import DetourEndpoint, connect
from tests.probe.steps.loopback import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from probe.model import Observation

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]

LIMITS = Limits(detour_timeout_s=1.0)
OPENED_BY_NAME = b"\x05\x00\x00\x03\x04host\x00\x50"


def ask(kind: WayKind, serve: Serve) -> tuple[Observation, bytes]:
    """Give what the step saw, and the first bytes that came through where a connection was opened."""

    async def scenario() -> tuple[Observation, bytes]:
        async with serving(serve) as port:
            way = Way(name="w", kind=kind, address="127.0.0.1", port=port)
            clock = SystemClock()
            seen, stream = await connect(DetourEndpoint(way=way, host="x.com", port=443), SystemNet(), clock, LIMITS)
            through = b""
            if stream is not None:
                through = await stream.read(100, clock.monotonic() + 1)
                await stream.close()
            return seen, through

    return asyncio.run(scenario())


def socks(*, greeting: bytes = b"\x05\x00", reply: bytes = OPENED_BY_NAME) -> tuple[Serve, list[bytes]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readexactly(3))
        writer.write(greeting)
        asked.append(await reader.readexactly(5 + len("x.com") + 2))
        writer.write(reply + b"through")

    return serve, asked


def http(answer: bytes) -> tuple[Serve, list[bytes]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()

    return serve, asked


def test_socks5_proxy_is_given_the_name_and_not_an_address() -> None:
    serve, asked = socks()
    seen, through = ask(WayKind.SOCKS5, serve)
    assert asked == [b"\x05\x01\x00", b"\x05\x01\x00\x03\x05x.com\x01\xbb"]
    assert (seen.failure, through) == (None, b"through")


def test_http_proxy_is_asked_to_connect_and_what_follows_its_head_is_the_hosts() -> None:
    serve, asked = http(b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\nthrough")
    seen, through = ask(WayKind.HTTP, serve)
    assert asked == [b"CONNECT x.com:443 HTTP/1.1\r\nHost: x.com:443\r\n\r\n"]
    assert (seen.failure, through) == (None, b"through")


@pytest.mark.parametrize("kind", [WayKind.SOCKS5, WayKind.HTTP])
def test_address_of_the_proxy_stands_in_no_field(kind: WayKind) -> None:
    serve = socks()[0] if kind is WayKind.SOCKS5 else http(b"HTTP/1.1 502 No\r\n\r\n")[0]
    seen, _ = ask(kind, serve)
    assert seen.address is None
    assert "127.0.0.1" not in repr(seen)


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (3, Failure.NETWORK_UNREACHABLE),
        (4, Failure.HOST_UNREACHABLE),
        (5, Failure.CONNECTION_REFUSED),
        (1, Failure.UNKNOWN),
        (99, Failure.UNKNOWN),
    ],
)
def test_socks5_reply_is_the_failure_out_there(reply: int, failure: Failure) -> None:
    seen, _ = ask(WayKind.SOCKS5, socks(reply=bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))[0])
    assert (seen.failure, seen.error_text) == (failure, f"the proxy answered with SOCKS5 reply {reply}")


@pytest.mark.parametrize(
    ("serve", "failure"),
    [
        (socks(greeting=b"\x05\xff")[0], Failure.UNKNOWN),  # wants a password
        (socks(greeting=b"HT")[0], Failure.UNKNOWN),
        (socks(reply=b"\x05\x00\x00\x09abcdef")[0], Failure.UNKNOWN),  # an address of no known type
        (socks(reply=b"\x04\x00\x00\x01")[0], Failure.UNKNOWN),
        (socks(reply=b"")[0], Failure.UNKNOWN),  # "thro" is no reply
    ],
)
def test_what_is_no_socks5_proxy_is_a_failure_and_nothing_is_sent_through_it(serve: Serve, failure: Failure) -> None:
    seen, through = ask(WayKind.SOCKS5, serve)
    assert (seen.failure, through) == (failure, b"")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Failure.UNKNOWN),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Failure.UNKNOWN),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, Failure.UNKNOWN),  # a head without an end
        (b"HTTP/1.1 200 OK\r\n", Failure.EOF),
    ],
)
def test_what_is_no_open_http_proxy_is_a_failure(answer: bytes, failure: Failure) -> None:
    seen, through = ask(WayKind.HTTP, http(answer)[0])
    assert (seen.failure, through) == (failure, b"")


def test_silent_proxy_ends_at_the_deadline() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    seen, _ = ask(WayKind.SOCKS5, serve)
    assert seen.failure is Failure.TIMEOUT
    assert 1.0 <= seen.duration_s < 1.5


def test_another_interface_dials_only_what_a_probe_may_dial() -> None:
    async def scenario() -> Observation:
        way = Way(name="w", kind=WayKind.INTERFACE, interface="lo")
        endpoint = DetourEndpoint(way=way, host="x.com", port=443, addresses=("127.0.0.1",))
        seen, stream = await connect(endpoint, SystemNet(), SystemClock(), LIMITS)
        assert stream is None
        return seen

    assert asyncio.run(scenario()).failure is Failure.ADDRESS_NOT_DIALLED


def test_another_interface_carries_the_connection() -> None:
    async def scenario() -> Observation:
        async with serving(http(b"")[0]) as port:
            way = Way(name="w", kind=WayKind.INTERFACE, interface="lo")
            endpoint = DetourEndpoint(way=way, host="x.com", port=port, addresses=("127.0.0.1",))
            seen, stream = await connect(endpoint, SystemNet(may_dial=lambda _: True), SystemClock(), LIMITS)
            assert stream is not None
            await stream.close()
            return seen

    seen = asyncio.run(scenario())
    assert (seen.failure, seen.address) == (None, "127.0.0.1")
