"""A connected UDP socket: one peer alone is heard, what is counted came and went, and errors of the way are told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest

from probe.net import AddressNotDialledError, SystemNet
from tests.probe.steps.loopback import HOME, loopback_net, serving_udp


def unused_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind((HOME, 0))
        return int(reserved.getsockname()[1])


def test_datagrams_go_and_come_and_are_counted() -> None:
    heard: list[bytes] = []

    async def run() -> None:
        async with serving_udp(lambda data: heard.append(data) or [(0.0, b"one"), (0.02, b"three")]) as port:
            with contextlib.closing(loopback_net().open_datagrams(HOME, port)) as channel:
                await asyncio.sleep(0.02)
                assert heard == [], "opening sends nothing"
                channel.send(b"hello")
                deadline = time.monotonic() + 1
                assert [await channel.receive(deadline), await channel.receive(deadline)] == [b"one", b"three"]
                assert (channel.bytes_sent, channel.bytes_received) == (5, 8)
                assert channel.source_port > 0

    asyncio.run(run())
    assert heard == [b"hello"]


def test_a_stranger_is_not_heard() -> None:
    async def run() -> None:
        async with serving_udp(lambda _: [(0.05, b"from the peer")]) as port:
            with contextlib.closing(loopback_net().open_datagrams(HOME, port)) as channel:
                channel.send(b"?")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    stranger.sendto(b"from a stranger", (HOME, channel.source_port))
                assert await channel.receive(time.monotonic() + 1) == b"from the peer"
                assert channel.bytes_received == len(b"from the peer")

    asyncio.run(run())


def test_a_port_where_nobody_listens_is_told_as_refused() -> None:
    async def run() -> None:
        with contextlib.closing(loopback_net().open_datagrams(HOME, unused_port())) as channel:
            channel.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                await channel.receive(time.monotonic() + 1)
            assert (channel.bytes_sent, channel.bytes_received) == (1, 0)

    asyncio.run(run())


def test_silence_ends_at_the_deadline() -> None:
    async def run() -> None:
        async with serving_udp(lambda _: []) as port:
            with contextlib.closing(loopback_net().open_datagrams(HOME, port)) as channel:
                channel.send(b"?")
                began = time.monotonic()
                with pytest.raises(TimeoutError):
                    await channel.receive(began + 0.1)
                assert time.monotonic() - began >= 0.1

    asyncio.run(run())


@pytest.mark.parametrize("address", [HOME, "10.0.0.1", "no address"])
def test_an_address_that_may_not_be_dialled_gets_no_socket(address: str) -> None:
    with pytest.raises(AddressNotDialledError):
        SystemNet().open_datagrams(address, 443)


def test_it_may_be_closed_twice_and_says_nothing_after() -> None:
    channel = loopback_net().open_datagrams(HOME, unused_port())
    channel.close()
    channel.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        channel.send(b"?")
