"""A redirect, or a name that changes its mind, leads into the volunteer's network: recorded, and nothing is dialled."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from probe.clock import SystemClock
from probe.failures import Failure
from probe.limits import Limits
from probe.measure import Tools, routine
from probe.model import DnsTransport, Operation, Target, TargetKind
from probe.net import SystemNet
from probe.schedule.model import Resolver
from probe.trust import Trust
from tests.probe.steps.loopback import serving

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
"""Loopback plays both parts: the one address that may be dialled, and the one that may not."""
TRUST = Trust.load()


class Rebinding(SystemNet):
    """May dial one address. A name gives it once, and then the inward one."""

    def __init__(self) -> None:
        super().__init__(may_dial=lambda address: address == ip_address(OUTSIDE))
        self._asked: set[str] = set()

    async def resolve(self, name: str, family: int, deadline: float) -> tuple[str, ...]:
        if family == 6:
            return ()
        is_first = name not in self._asked
        self._asked.add(name)
        return (OUTSIDE,) if is_first and name != "inward.example" else (INSIDE,)


LOCATIONS = (
    "http://127.0.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::1]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "http://inward.example:{port}/",
    "http://x.example:{port}/again",
    "file:///etc/passwd",
)


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_inward_is_recorded_and_nothing_is_dialled(location: str) -> None:
    async def run() -> None:
        async def without(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            to = location.format(port=writer.get_extra_info("sockname")[1]).encode("utf-8")
            writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n")
            await writer.drain()

        # First where others have ports too, then where nobody else does.
        with socket.create_server((INSIDE, 0)) as inside:
            inside.setblocking(False)
            port = inside.getsockname()[1]
            async with serving(without, OUTSIDE, port=port):
                target = Target(name="x", service="s", url=f"http://x.example:{port}/", kind=TargetKind.TARGET)
                steps = [step.observation for step in await routine(target, tools(), 1)]
            with pytest.raises(BlockingIOError):  # nobody called
                inside.accept()
        first = next(seen for seen in steps if seen.operation is Operation.HTTP)
        assert (first.status, first.location is not None) == (302, True)
        refused = {Failure.ADDRESS_NOT_DIALLED, Failure.HTTP_INVALID_REDIRECT}
        assert any(seen.failure in refused for seen in steps)
        assert {seen.address for seen in steps if seen.operation is Operation.TCP and seen.failure is None} == {OUTSIDE}

    asyncio.run(run())


def tools() -> Tools:
    return Tools(
        net=Rebinding(),
        clock=SystemClock(),
        limits=Limits(tcp_timeout_s=1.0, http_timeout_s=1.0, dns_timeout_s=1.0),
        trust=TRUST,
        resolvers=(Resolver(name="system", transport=DnsTransport.SYSTEM),),
    )
