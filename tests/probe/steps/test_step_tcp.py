from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from probe.clock import SystemClock
from probe.failures import Failure
from probe.net import SystemNet
from probe.steps import tcp
from tests.probe.steps.loopback import HOME, QUICK, loopback_net, serving

if TYPE_CHECKING:
    from probe.model import Observation
    from probe.net import Net


async def _connect(net: Net, address: str, port: int, source_port: int | None = None) -> Observation:
    endpoint = tcp.TcpEndpoint(address=address, port=port, source_port=source_port)
    seen, stream = await tcp.connect(endpoint, net, SystemClock(), QUICK)
    assert (stream is None) == (seen.failure is not None)
    if stream is not None:
        await stream.close()
        await stream.close()
    return seen


async def _idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("host", [HOME, "::1"])
def test_a_connection_that_opens_has_no_failure_and_names_our_port(host: str) -> None:
    async def run() -> Observation:
        async with serving(_idle, host) as port:
            return await _connect(loopback_net(), host, port)

    seen = asyncio.run(run())
    assert seen.failure is None
    assert seen.address == host
    assert seen.source_port is not None
    assert 0 <= seen.duration_s < QUICK.tcp_timeout_s


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as reserved:
        reserved.bind((HOME, 0))  # bound, not listening
        seen = asyncio.run(_connect(loopback_net(), HOME, reserved.getsockname()[1]))
    assert seen.failure is Failure.CONNECTION_REFUSED
    assert seen.error_text == "ECONNREFUSED: Connection refused"


def test_a_silent_syn_times_out() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HOME, 0))
        listener.listen(0)
        for _ in range(4):  # fills the queue; the system drops what comes after
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        seen = asyncio.run(_connect(loopback_net(), HOME, listener.getsockname()[1]))
    assert seen.failure is Failure.TIMEOUT
    assert QUICK.tcp_timeout_s <= seen.duration_s < QUICK.tcp_timeout_s + 0.2


def test_an_inward_address_is_not_dialled_and_hears_nothing() -> None:
    heard: list[int] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(1)

    async def run() -> Observation:
        async with serving(count) as port:
            seen = await _connect(SystemNet(), HOME, port)
            await asyncio.sleep(0.05)
            return seen

    assert asyncio.run(run()).failure is Failure.ADDRESS_NOT_DIALLED
    assert heard == []


def test_a_source_port_that_is_given_is_used_and_one_that_is_taken_is_replaced() -> None:
    async def run() -> None:
        async with serving(_idle) as port:
            with socket.socket() as probe:
                probe.bind((HOME, 0))
                free = probe.getsockname()[1]
            assert (await _connect(loopback_net(), HOME, port, free)).source_port == free
            with socket.socket() as taken:
                taken.bind(("0.0.0.0", 0))
                blocked = taken.getsockname()[1]
                seen = await _connect(loopback_net(), HOME, port, blocked)
                assert seen.failure is None
                assert seen.source_port != blocked

    asyncio.run(run())
