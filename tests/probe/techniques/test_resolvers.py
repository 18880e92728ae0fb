"""Encrypted resolvers on an anomaly: which addresses are dialled, and when the page is fetched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from probe.anomaly import Anomaly
from probe.failures import Failure
from probe.model import DnsAnswer, DnsTransport, Observation, Operation
from probe.record import Step
from probe.schedule.model import Resolver
from probe.techniques import resolvers
from tests.probe.techniques.dns_case import NOW, case_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from probe.measure import Page, Tools
    from probe.techniques.technique import Case

FORGED, TRUE, OTHER = "10.10.34.34", "93.184.216.34", "93.184.216.35"
SYSTEM = Resolver(name="system", transport=DnsTransport.SYSTEM)
DOT = Resolver(name="dot", transport=DnsTransport.DOT, address="9.9.9.9", server_name="dns.example")


def seen(operation: Operation, **fields: Any) -> Observation:
    return Observation(operation=operation, started_at=NOW, started_mono_s=0.0, ended_mono_s=0.1, **fields)


def told(transport: DnsTransport, *answers: Sequence[str], **fields: Any) -> Observation:
    made = tuple(
        DnsAnswer(delay_s=0.1, rcode="NOERROR", addresses=tuple(a), cnames=(), is_valid=True, raw=b"") for a in answers
    )
    return seen(Operation.DNS, transport=transport, query_type="A", answers=made, **fields)


def dialled(address: str, failure: Failure | None = None) -> Observation:
    return seen(Operation.TCP, address=address, failure=failure)


def page(**fields: Any) -> Observation:
    return seen(Operation.HTTP, **{"status": 200, **fields})


class World:
    """Encrypted resolvers that say ``says``, and a web whose page comes from every address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *says: str) -> None:
        self.fetches: list[tuple[tuple[str, ...], bool]] = []
        self.asked: list[str] = []

        async def resolve(host: str, asked: Sequence[Resolver], tools: Tools) -> list[Observation]:
            self.asked += [resolver.name for resolver in asked]
            return [told(DnsTransport.DOT, says)] if says else [told(DnsTransport.DOT, failure=Failure.TIMEOUT)]

        async def fetch(
            at: Page, addresses: Sequence[str], tools: Tools, *, is_page_wanted: bool = True, **_: Any
        ) -> Any:
            self.fetches.append((tuple(addresses), is_page_wanted))
            found = [dialled(address) for address in addresses]
            return ([*found, page()], page()) if is_page_wanted else (found, None)

        monkeypatch.setattr("probe.measure.resolve", resolve)
        monkeypatch.setattr("probe.measure.fetch", fetch)


def ran(*routine: Observation) -> Case:
    case = case_of(lambda *_: [], SYSTEM, DOT)
    case.steps = [Step(observation=observation) for observation in routine]
    case.technique = "resolvers"
    asyncio.run(resolvers.RESOLVERS.run(case))
    return case


def test_page_is_fetched_from_the_address_that_only_encryption_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, TRUE)
    case = ran(told(DnsTransport.SYSTEM, (FORGED,)), dialled(FORGED, Failure.ADDRESS_NOT_DIALLED))
    assert world.asked == ["dot"]
    assert world.fetches == [((TRUE,), True)]
    assert {step.technique for step in case.steps[2:]} == {"resolvers"}
    assert {step.attempt for step in case.steps[2:]} == {2}
    assert Anomaly.UNANSWERED not in case.anomalies
    assert Anomaly.ODD_NAME in case.anomalies


def test_where_the_routine_got_its_page_addresses_are_only_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, TRUE)
    case = ran(told(DnsTransport.SYSTEM, (OTHER,)), dialled(OTHER), page())
    assert world.fetches == [((TRUE,), False)]
    assert Anomaly.UNANSWERED not in case.anomalies


def test_addresses_that_were_dialled_already_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, TRUE)
    case = ran(told(DnsTransport.SYSTEM, (TRUE,)), dialled(TRUE, Failure.TIMEOUT))
    assert world.fetches == []
    assert Anomaly.UNANSWERED in case.anomalies


def test_late_answer_that_nobody_dialled_is(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    ran(told(DnsTransport.UDP, (FORGED,), (OTHER,)), dialled(FORGED, Failure.ADDRESS_NOT_DIALLED))
    assert world.fetches == [((OTHER,), True)]


def test_encrypted_resolver_out_of_reach_is_nothing_odd_about_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch)
    case = ran(told(DnsTransport.SYSTEM, (TRUE,)), dialled(TRUE), page())
    assert case.anomalies == frozenset()
