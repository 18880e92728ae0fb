"""The technique ``transfers``: how many pairs, how long, and one real policer on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from lab.dissect import server_name
from probe import helper, rates
from probe.anomaly import Anomaly
from probe.model import NameKind, Observation, Operation, Peer
from probe.record import Step
from probe.swaps import transfer
from probe.techniques import transfers
from probe.techniques.technique import Allowance, Purse, SpentError
from probe.techniques.transfers import next_bytes
from tests.probe.techniques.loopback_case import KEY, NAME, case_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from probe.techniques.technique import Case


@dataclass
class Pair:
    """As much of a pair as the probe steers by."""

    target_arm: tuple[Any, ...]
    control_arm: tuple[Any, ...]


@dataclass
class Arm:
    progress: tuple[tuple[float, int], ...]
    operation: str = "http"
    failure: str | None = None
    status: int | None = 200
    url: str | None = "http://x.example/"
    is_body_truncated: bool | None = True


def pair(target_bytes: int, control_bytes: int, seconds: float = 4.0, failure: str | None = None) -> Any:
    arms = [Arm(((0.1, 1), (seconds, count))) for count in (target_bytes, control_bytes)]
    arms[0].failure = failure
    if failure:
        arms[0].progress = ()
    return Pair((arms[0],), (arms[1],))


ALIKE = pair(1_000_000, 1_100_000)
CRAWLING = pair(70_000, 80_000)
POLICED = pair(70_000, 1_000_000)
REVERSED = pair(1_000_000, 70_000)
FROZEN = pair(16_000, 1_000_000)
LOSSY = pair(90_000, 90_000, 3.0)
LOSSY.target_arm[0].is_body_truncated = LOSSY.control_arm[0].is_body_truncated = False
LOSSY.control_arm[0].progress = ((0.1, 1), (0.4, 90_000))
BROKEN = pair(0, 1_000_000, failure="connection_reset")


@pytest.mark.parametrize(
    ("made", "length"),
    [
        ([], 200_000),
        ([ALIKE], None),
        ([CRAWLING] * 4, 200_000),
        ([CRAWLING] * 5, None),
        ([CRAWLING, ALIKE], None),
        ([POLICED], 87_500),  # a quarter more than the slower arm needs to show its rate
        ([LOSSY] * 3, 90_000),  # it came whole, and late
        ([FROZEN] * 3, 64_000),  # not less than the control needs to show its own
        ([POLICED] * 19, 87_500),
        ([POLICED] * 20, None),
        ([POLICED, ALIKE, REVERSED], 87_500),  # of these the target was the slower one twice
        ([POLICED, REVERSED, REVERSED, REVERSED], None),  # no E of a thousand can come of it
        ([BROKEN, BROKEN], 200_000),
        ([BROKEN, BROKEN, BROKEN], None),
        ([BROKEN, POLICED] * 3, None),
        ([BROKEN] * 3 + [POLICED] * 4, 87_500),  # on a lossy line some arms never begin
    ],
)
def test_another_pair_is_made_only_while_it_tells_more(made: list[Any], length: int | None) -> None:
    assert next_bytes(made, 200_000, 5) == length


def test_in_its_turn_one_pair_is_enough_where_both_are_alike() -> None:
    assert next_bytes([CRAWLING], transfers.IN_TURN_BYTES, 1) is None


@contextlib.asynccontextmanager
async def policed_helper(rate_bytes_s: float, other_bytes_s: float) -> AsyncIterator[int]:
    """Run a helper behind a box that carries what is meant for one name at a rate, and the rest at another."""
    listening = helper.listen("127.0.0.1", 0)
    serving = asyncio.create_task(helper.serve(helper.Sockets(https=[listening]), KEY))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait_s: float) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1400):
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(wait_s)
        writer.close()

    opened: set[asyncio.StreamWriter] = set()

    async def box(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65_536)
        inner, outer = await asyncio.open_connection(*listening.getsockname())
        opened.update((writer, outer))
        outer.write(first)
        wait_s = 1400 / (rate_bytes_s if server_name(first) == NAME else other_bytes_s)
        await asyncio.gather(pipe(reader, outer, 0.0), pipe(inner, writer, wait_s))

    server = await asyncio.start_server(box, "0.0.0.0", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in opened:
            each.transport.abort()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        await asyncio.sleep(0.2)  # each connection's task meets its end


def look(
    monkeypatch: pytest.MonkeyPatch, rate_bytes_s: float, other_bytes_s: float = 1e9, *, bytes_left: int = 3_000_000
) -> Case:
    for module in (rates, transfer):
        monkeypatch.setattr(module, "ARM_S", 0.6)

    async def scenario() -> Case:
        async with policed_helper(rate_bytes_s, other_bytes_s) as port:
            case = case_of(helper_ports={"https_port": port})
            case.pairs.plan = replace(case.pairs.plan, enough_discordant=3)
            case.technique, case.allowance = "transfers", Allowance(Purse(bytes_left), 0, bytes_left)
            with contextlib.suppress(SpentError):
                await transfers.run(case)
            return case

    return asyncio.run(scenario())


def test_a_policed_name_is_followed_and_an_honest_line_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    case = look(monkeypatch, 20_000.0)
    made = [pair for pair in case.made if not pair.is_negative_control]
    assert {(pair.name_kind, pair.peer, pair.technique) for pair in made} == {(NameKind.SNI, Peer.HELPER, "transfers")}
    assert len(made) == 3
    for pair_ in made:
        target, control = pair_.target_arm[-1], pair_.control_arm[-1]
        assert (target.operation, target.failure, target.is_genuine) == (Operation.HTTP, None, True)
        assert rates.rate_bytes_s(control) > 4 * rates.rate_bytes_s(target)
        assert target.is_body_truncated
        assert target.bytes_sent == control.bytes_sent  # they differ in nothing but the name
        assert len(pair_.target_name) == len(pair_.control_name)
    honest = look(monkeypatch, 150_000.0, 150_000.0)
    assert len([pair for pair in honest.made if not pair.is_negative_control]) == 1


def test_what_cannot_be_paid_for_is_not_begun_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    poor = case_of(helper_ports={"https_port": 1})
    poor.allowance = Allowance(Purse(100_000), 0, 100_000)
    with pytest.raises(SpentError):
        asyncio.run(transfers.run(poor))
    assert [p for p in look(monkeypatch, 20_000.0, bytes_left=100_000).made if not p.is_negative_control] == []


def test_a_slow_page_calls_for_it() -> None:
    case = case_of(helper_ports={"https_port": 1})
    seen = Observation(
        operation=Operation.HTTP,
        started_at=case.tools.clock.now(),
        started_mono_s=0.0,
        ended_mono_s=6.0,
        status=200,
        bytes_received=100_000,
        first_byte_s=0.1,
    )
    assert Anomaly.SLOW not in case.anomalies
    case.steps.append(Step(observation=seen))
    assert transfers.TRANSFERS.looks_into & case.anomalies == {Anomaly.SLOW}
    case.steps[-1] = Step(observation=replace(seen, first_byte_s=5.5))  # a server that thinks long is not slow
    assert Anomaly.SLOW not in case.anomalies
