"""The technique ``quic``, on loopback, with the real helper and a box on UDP in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from lab.quic_initial import server_name_in
from probe import helper
from probe.clock import SystemClock
from probe.model import NameKind, Observation, Operation, Peer
from probe.record import Step
from probe.steps import quic as quic_step
from probe.techniques import quic
from probe.techniques.technique import Need
from tests.probe.techniques.loopback_case import KEY, NAME, case_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from probe.techniques.technique import Case


class Box(asyncio.DatagramProtocol):
    """Hands datagrams to a helper and back, except of flows whose name it meets."""

    def __init__(self, port: int, is_met: Callable[[str | None], bool]) -> None:
        self.port = port
        self.is_met = is_met
        self.heard: dict[Any, list[bytes]] = {}
        self.inner: dict[Any, asyncio.DatagramTransport] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.setdefault(addr, []).append(data)
        if not self.is_met(server_name_in(self.heard[addr])):
            asyncio.ensure_future(self.forward(data, addr))  # noqa: RUF006 - it lives as long as the loop of this test

    async def forward(self, data: bytes, addr: Any) -> None:
        if addr not in self.inner:
            box = self

            class Back(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, _: Any) -> None:
                    box.transport.sendto(data, addr)

            self.inner[addr], _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Back, remote_addr=("127.0.0.1", self.port)
            )
        self.inner[addr].sendto(data)


@contextlib.asynccontextmanager
async def quic_helper_behind(is_met: Callable[[str | None], bool]) -> AsyncIterator[int]:
    """Bind the box to one address alone: its answers would come from another one otherwise."""
    bound = helper.bind("127.0.0.1", 0)
    serving = asyncio.create_task(helper.serve(helper.Sockets(quic=[bound]), KEY))
    transport, box = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Box(bound.getsockname()[1], is_met), local_addr=("127.0.1.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        for inner in box.inner.values():
            inner.close()
        transport.close()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        bound.close()


def look(is_met: Callable[[str | None], bool]) -> Case:
    async def run() -> Case:
        async with quic_helper_behind(is_met) as port:
            case = case_of(helper_ports={"quic_port": port})
            case.pairs.helpers = (replace(case.pairs.helpers[0], networks=(ip_network("127.0.1.1/32"),)),)
            case.pairs.places.rest_s = 0.0
            case.technique = "quic"
            await quic.run(case)
            return case

    return asyncio.run(run())


def pairs_of(case: Case, *, is_negative: bool) -> list[tuple[str | None, str | None]]:
    return [
        (pair.target_arm[-1].failure, pair.control_arm[-1].failure)
        for pair in case.made
        if pair.is_negative_control == is_negative
    ]


def test_a_name_that_lives_costs_three_pairs_and_one_of_innocuous_names() -> None:
    case = look(lambda _: False)
    assert pairs_of(case, is_negative=False) == [(None, None)] * quic.FIRST
    assert pairs_of(case, is_negative=True) == [(None, None)]
    assert {(pair.name_kind, pair.peer, pair.technique) for pair in case.made} == {(NameKind.QUIC, Peer.HELPER, "quic")}
    assert case.made[0].control_name != case.made[1].control_name


def test_a_name_that_dies_alone_is_tried_up_to_the_plans_number() -> None:
    case = look(lambda name: name == NAME)
    assert pairs_of(case, is_negative=False) == [("generic_timeout_error", None)] * case.pairs.plan.follow_up


def test_where_every_name_dies_it_stops_at_once() -> None:
    case = look(lambda _: True)
    assert pairs_of(case, is_negative=False) == [("generic_timeout_error",) * 2] * quic.FIRST


@pytest.mark.parametrize(
    ("offered", "port"),
    [
        ('h3=":443"; ma=86400', 443),
        ('h2=":444", h3=":8443"', 8443),
        ('h3="other.example:443"', None),
        ('h3=":0"', None),
        ('h3=":99999"', None),
        ("clear", None),
    ],
)
def test_the_targets_own_port_is_what_its_pages_offer(offered: str, port: int | None) -> None:
    page = Observation(
        operation=Operation.HTTP,
        started_at=SystemClock().now(),
        started_mono_s=0.0,
        ended_mono_s=0.0,
        headers=(("alt-svc", offered),),
    )
    assert quic.http3_port([Step(observation=page)]) == port
    assert quic.http3_port([Step(observation=page, redirect=1)]) is None


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert case_of(helper_ports={"quic_port": 443}).has(Need.QUIC_PEER)
    assert not case_of(helper_ports={"https_port": 443}).has(Need.QUIC_PEER)
    assert not case_of(url="http://news.example/").has(Need.HTTPS)
    assert case_of().has(Need.AIOQUIC)
    monkeypatch.setattr(quic_step, "is_available", lambda: False)
    assert not case_of().has(Need.AIOQUIC)
