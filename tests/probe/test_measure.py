"""Which addresses are dialled: the system's own, and those that only others gave; and that none is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from probe.clock import SystemClock
from probe.failures import Failure
from probe.limits import Limits
from probe.measure import Tools, candidates, routine
from probe.model import DnsAnswer, DnsTransport, Observation, Operation, Target, TargetKind
from probe.net import SystemNet
from probe.schedule.model import Resolver
from probe.trust import Trust

if TYPE_CHECKING:
    import socket

    import pytest

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def query(transport: DnsTransport, *answers: tuple[str, ...], is_valid: bool = True) -> Observation:
    return Observation(
        operation=Operation.DNS,
        started_at=NOW,
        started_mono_s=0.0,
        ended_mono_s=0.1,
        transport=transport,
        answers=tuple(
            DnsAnswer(delay_s=0.1, rcode="NOERROR", addresses=a, cnames=(), is_valid=is_valid, raw=b"") for a in answers
        ),
    )


def test_systems_addresses_come_first_and_are_cut_for_each_family() -> None:
    a = query(DnsTransport.SYSTEM, ("1.1.1.1", "1.1.1.2", "1.1.1.3"))
    aaaa = query(DnsTransport.SYSTEM, ("2001:db8::1",))
    assert candidates("x.com", [a, aaaa], 2) == ["1.1.1.1", "2001:db8::1", "1.1.1.2"]


def test_address_that_only_another_resolver_gave_is_dialled_too() -> None:
    own = query(DnsTransport.SYSTEM, ("10.10.34.36",))
    other = query(DnsTransport.DOH, ("104.244.42.1",))
    assert candidates("x.com", [own, other], 2) == ["10.10.34.36", "104.244.42.1"]


def test_late_true_answer_is_dialled_however_many_addresses_the_forged_one_had() -> None:
    raced = query(DnsTransport.UDP, ("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("104.244.42.1",))
    assert "104.244.42.1" in candidates("x.com", [raced], 2)


def test_true_answer_after_a_forged_denial_is_dialled() -> None:
    raced = query(DnsTransport.UDP, (), ("104.244.42.1",))
    assert candidates("x.com", [replace(raced, failure=Failure.DNS_NXDOMAIN)], 2) == ["104.244.42.1"]


def test_bogon_in_an_answer_is_recorded_and_never_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved(*_: object, **__: object) -> list[Observation]:
        return [query(DnsTransport.SYSTEM, ("10.10.34.36", "127.0.0.1", "::1"))]

    def opened(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a socket was opened towards a bogon")

    monkeypatch.setattr("probe.measure.resolve", resolved)
    monkeypatch.setattr("probe.net._open_socket", opened)
    tools = Tools(net=SystemNet(), clock=SystemClock(), limits=Limits(), trust=Trust.load(), resolvers=())
    target = Target(name="t", service="s", url="https://x.com/", kind=TargetKind.TARGET)
    steps = [step.observation for step in asyncio.run(routine(target, tools, attempt=1))]
    assert [(s.address, s.failure) for s in steps if s.operation is Operation.TCP] == [
        ("10.10.34.36", Failure.ADDRESS_NOT_DIALLED),
        ("127.0.0.1", Failure.ADDRESS_NOT_DIALLED),
        ("::1", Failure.ADDRESS_NOT_DIALLED),
    ]


def test_routine_asks_no_encrypted_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[DnsTransport] = set()

    async def resolved(_: str, resolvers: tuple[Resolver, ...], __: Tools) -> list[Observation]:
        asked.update(resolver.transport for resolver in resolvers)
        return []

    monkeypatch.setattr("probe.measure.resolve", resolved)
    every = tuple(Resolver(name=transport, transport=transport, address="9.9.9.9") for transport in DnsTransport)
    tools = Tools(net=SystemNet(), clock=SystemClock(), limits=Limits(), trust=Trust.load(), resolvers=every)
    target = Target(name="t", service="s", url="https://x.com/", kind=TargetKind.TARGET)
    asyncio.run(routine(target, tools, attempt=1))
    assert asked == {DnsTransport.SYSTEM, DnsTransport.UDP, DnsTransport.TCP}


def test_datagram_that_is_no_answer_to_us_is_not_dialled() -> None:
    assert candidates("x.com", [query(DnsTransport.UDP, ("104.244.42.1",), is_valid=False)], 2) == []


def test_address_literal_is_its_own_candidate() -> None:
    assert candidates("104.244.42.1", [], 2) == ["104.244.42.1"]


class OpenedStream:
    """A connection that remembers whether it was closed."""

    source_port = 1
    bytes_sent = bytes_received = 0

    def __init__(self) -> None:
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


class HalfDeadNet(SystemNet):
    """A network on which the first address accepts at once, and the others never answer."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[OpenedStream] = []
        self.asked = 0
        self.is_waiting = asyncio.Event()

    async def connect(self, address: str, port: int, deadline: float, source_port: int | None = None) -> Any:
        self.asked += 1
        if self.asked > 1:
            self.is_waiting.set()
            await asyncio.Event().wait()
        self.opened.append(OpenedStream())
        return self.opened[-1]


def test_connection_is_closed_when_the_measurement_is_cancelled_while_another_is_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolved(*_: object, **__: object) -> list[Observation]:
        return [query(DnsTransport.SYSTEM, ("104.244.42.1", "104.244.42.65"))]

    async def scenario() -> HalfDeadNet:
        net = HalfDeadNet()
        tools = Tools(net=net, clock=SystemClock(), limits=Limits(), trust=Trust.load(), resolvers=())
        target = Target(name="t", service="s", url="http://x.com/", kind=TargetKind.TARGET)
        task = asyncio.create_task(routine(target, tools, attempt=1))
        await net.is_waiting.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return net

    monkeypatch.setattr("probe.measure.resolve", resolved)
    net = asyncio.run(scenario())
    assert [stream.is_closed for stream in net.opened] == [True]
