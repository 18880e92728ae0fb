"""A case on loopback: a helper at sixteen addresses, and in front of it a box that resets connections by their name."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from ipaddress import ip_network
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.dissect import server_name
from probe import helper
from probe.clock import SystemClock
from probe.limits import Limits
from probe.measure import Tools
from probe.model import DnsTransport, Target, TargetKind
from probe.pairs import Pairs, Places
from probe.schedule.model import Helper, PairPlan, Resolver, Schedule, VantageSpec
from probe.techniques.technique import Case
from probe.trust import Trust
from tests.probe.steps.loopback import loopback_net

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SEED = b"s" * 32
NAME = "news.example"
LIMITS = Limits(tcp_timeout_s=1.0, tls_timeout_s=1.0, quic_timeout_s=0.3)
TRUST = Trust.load()


def case_of(*, url: str = f"https://{NAME}/", helper_ports: Mapping[str, int | None] | None = None) -> Case:
    """Give a case without any step yet; without ``helper_ports`` its schedule names no helper."""
    target = Target(name="news", service="news", url=url, kind=TargetKind.TARGET)
    control = Target(name="c", service="control-abroad", url="https://weather.example/", kind=TargetKind.CONTROL_ABROAD)
    helpers = ()
    if helper_ports is not None:
        helpers = (
            Helper(
                name="h",
                networks=(ip_network("127.0.1.0/27"),),
                public_key=helper.public_key_of(KEY),
                **helper_ports,  # type: ignore[arg-type]
            ),
        )
    schedule = Schedule(
        name="loopback",
        sha256="0" * 64,
        vantage=VantageSpec(name="v", country="KZ"),
        resolvers=(Resolver(name="system", transport=DnsTransport.SYSTEM),),
        targets=(target, control),
        helpers=helpers,
        pairs=PairPlan(follow_up=8),
        limits=LIMITS,
    )
    tools = Tools(net=loopback_net(), clock=SystemClock(), limits=LIMITS, trust=TRUST, resolvers=schedule.resolvers)
    pairs = Pairs(
        seed=SEED,
        tools=tools,
        plan=schedule.pairs,
        helpers=helpers,
        families=frozenset({4}),
        places=Places(180.0),
    )
    return Case(target=target, round="main", number=0, schedule=schedule, tools=tools, pairs=pairs)


@contextlib.asynccontextmanager
async def helper_behind(is_met: Callable[[str | None, bytes], bool]) -> AsyncIterator[int]:
    """Run a helper behind a box that is shown a connection's name and first bytes, and resets those it meets."""
    listening = helper.listen("127.0.0.1", 0)
    serving = asyncio.create_task(helper.serve(helper.Sockets(https=[listening]), KEY))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    opened: set[asyncio.StreamWriter] = set()
    carrying: set[asyncio.Task[None]] = set()

    async def box(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        carrying.add(task)
        opened.add(writer)
        first = await reader.read(65_536)
        if is_met(server_name(first), first):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            return
        inner, outer = await asyncio.open_connection(*listening.getsockname())
        opened.add(outer)
        outer.write(first)
        await asyncio.gather(pipe(reader, outer), pipe(inner, writer))

    server = await asyncio.start_server(box, "0.0.0.0", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in opened:
            writer.transport.abort()
        await asyncio.gather(*carrying, return_exceptions=True)
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
