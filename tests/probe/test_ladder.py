"""The ladder: which closer looks are made, what they may cost, and the row that each one leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from probe.anomaly import Anomaly
from probe.clock import SystemClock
from probe.failures import Failure
from probe.ladder import climb, take_turns
from probe.limits import Limits
from probe.measure import Tools
from probe.model import Observation, Operation, Target, TargetKind
from probe.net import SystemNet
from probe.pairs import Pairs, Places
from probe.record import Step
from probe.schedule.model import FollowUp, PairPlan, Schedule, VantageSpec
from probe.techniques.technique import Case, LeftOutError, Need, Purse, SpentError, Technique
from probe.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from probe.record import TechniqueRun

TARGET = Target(name="t", service="s", url="https://x.com/", kind=TargetKind.TARGET)
PLENTY = Purse(10_000_000)


def seen(failure: Failure | None = None, *, bytes_received: int = 0) -> Observation:
    return Observation(
        operation=Operation.HTTP,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        started_mono_s=0.0,
        ended_mono_s=0.1,
        status=None if failure else 200,
        failure=failure,
        bytes_received=bytes_received,
    )


def case(*steps: Observation, follow_up: FollowUp | None = None) -> Case:
    schedule = Schedule(
        name="s",
        sha256="",
        vantage=VantageSpec(country="ZZ"),
        resolvers=(),
        targets=(TARGET,),
        follow_up=follow_up or FollowUp(),
    )
    tools = Tools(net=SystemNet(), clock=SystemClock(), limits=Limits(), trust=Trust.load(), resolvers=())
    pairs = Pairs(
        seed=b"s" * 32, tools=tools, plan=PairPlan(), helpers=(), families=frozenset({4}), places=Places(180.0)
    )
    made = Case(target=TARGET, round="main", number=0, schedule=schedule, tools=tools, pairs=pairs)
    made.steps += [Step(observation=step) for step in steps]
    return made


def technique(
    run: Callable[[Case], Awaitable[None]],
    *,
    name: str = "look",
    looks_into: Anomaly = Anomaly.UNANSWERED,
    needs: frozenset[Need] = frozenset(),
    most_bytes: int = 1000,
    most_s: float = 1.0,
) -> Technique:
    return Technique(
        name=name,
        summary="",
        looks_into=frozenset({looks_into}),
        needs=needs,
        most_bytes=most_bytes,
        most_s=most_s,
        run=run,
    )


def climbed(case: Case, *techniques: Technique, purse: Purse = PLENTY) -> list[TechniqueRun]:
    async def scenario() -> list[TechniqueRun]:
        return await climb(case, techniques, replace(purse))

    return asyncio.run(scenario())


async def nothing(_: Case) -> None:
    """Look, and see nothing."""


def costing(size: int) -> Callable[[Case], Awaitable[None]]:
    async def run(looked_at: Case) -> None:
        looked_at.keep(seen(bytes_received=size), variant="only")

    return run


def test_nothing_is_looked_into_where_nothing_is_odd() -> None:
    assert climbed(case(seen()), technique(nothing)) == []


def test_a_look_is_made_for_its_own_anomaly_alone() -> None:
    dead = case(seen(Failure.TIMEOUT))
    runs = climbed(dead, technique(nothing, name="a"), technique(nothing, name="b", looks_into=Anomaly.ODD_STATUS))
    assert [(run.technique, run.outcome) for run in runs] == [("a", "done")]


def test_a_later_rung_is_left_out_where_an_earlier_one_made_the_anomaly_go() -> None:
    async def retry(looked_at: Case) -> None:
        looked_at.steps.append(Step(observation=seen(), attempt=2))

    runs = climbed(case(seen(Failure.TIMEOUT)), technique(retry, name="retry"), technique(nothing, name="deeper"))
    assert [run.technique for run in runs] == ["retry"]


def test_what_a_look_keeps_is_named_after_it_and_does_not_answer_the_target() -> None:
    dead = case(seen(Failure.TIMEOUT))
    climbed(dead, technique(costing(10)))
    assert [(step.technique, step.variant) for step in dead.steps] == [(None, None), ("look", "only")]
    assert Anomaly.UNANSWERED in dead.anomalies


def test_a_look_without_what_it_needs_leaves_a_row_that_says_so() -> None:
    runs = climbed(case(seen(Failure.TIMEOUT)), technique(nothing, needs=frozenset({Need.HELPER})))
    assert [(run.outcome, run.reason, run.spent_bytes) for run in runs] == [("skipped", Need.HELPER.value, 0)]


def test_a_look_at_another_kind_of_target_leaves_no_row() -> None:
    assert climbed(case(seen(Failure.TIMEOUT)), technique(nothing, needs=frozenset({Need.VIDEO}))) == []


def test_a_look_that_may_cost_more_than_is_left_is_not_begun() -> None:
    begun: list[str] = []

    async def second(_: Case) -> None:
        begun.append("second")

    poor = case(seen(Failure.TIMEOUT), follow_up=FollowUp(bytes=1500))
    runs = climbed(poor, technique(costing(900)), technique(second, name="second"))
    assert [(run.outcome, run.reason, run.spent_bytes) for run in runs] == [
        ("done", None, 900),
        ("skipped", "it may cost 1000 bytes, and 600 are left", 0),
    ]
    assert begun == []


def test_the_day_is_bounded_over_all_targets() -> None:
    async def scenario() -> list[TechniqueRun]:
        purse = Purse(1500)
        first = await climb(case(seen(Failure.TIMEOUT)), [technique(costing(900))], purse)
        return first + await climb(case(seen(Failure.TIMEOUT)), [technique(costing(900))], purse)

    assert [run.outcome for run in asyncio.run(scenario())] == ["done", "skipped"]


def test_what_looks_at_other_targets_may_still_cost_is_set_aside() -> None:
    async def waits(looked_at: Case) -> None:
        await asyncio.sleep(0.05)
        looked_at.keep(seen(bytes_received=100))

    async def scenario() -> list[TechniqueRun]:
        purse = Purse(1500)
        both = await asyncio.gather(*(climb(case(seen(Failure.TIMEOUT)), [technique(waits)], purse) for _ in range(2)))
        assert purse.bytes_left == 1400
        return [run for runs in both for run in runs]

    assert [run.outcome for run in asyncio.run(scenario())] == ["done", "skipped"]


def test_a_look_that_takes_too_long_is_cut_short_and_keeps_what_it_saw() -> None:
    async def slow(looked_at: Case) -> None:
        looked_at.keep(seen(bytes_received=7))
        await asyncio.sleep(30)

    dead = case(seen(Failure.TIMEOUT))
    runs = climbed(dead, technique(slow, most_s=0.05))
    assert [(run.outcome, run.spent_bytes) for run in runs] == [("cut-short", 7)]
    assert len(dead.steps) == 2


def test_no_look_is_begun_after_the_time_is_used_up() -> None:
    late = case(seen(Failure.TIMEOUT), follow_up=FollowUp(time_s=0.0))
    assert [run.reason for run in climbed(late, technique(nothing))] == ["the time for closer looks is used up"]


def test_a_bug_of_ours_costs_one_look_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Case) -> None:
        raise AssertionError("a bug of ours")

    runs = climbed(case(seen(Failure.TIMEOUT)), technique(broken), technique(nothing, name="next"))
    assert [run.outcome for run in runs] == ["failed", "done"]
    assert "a bug of ours" in caplog.text


def test_a_look_that_rests_says_since_when_and_was_made() -> None:
    async def rest(looked_at: Case) -> None:
        looked_at.keep(seen(bytes_received=7))
        raise LeftOutError("known since noon")

    (run,) = climbed(case(seen(Failure.TIMEOUT)), technique(rest))
    assert (run.outcome, run.reason, run.spent_bytes) == ("done", "known since noon", 7)


def test_a_turn_is_taken_whatever_was_seen_and_bounded_alike() -> None:
    async def scenario(most_bytes: int) -> list[TechniqueRun]:
        calm = case(seen(), follow_up=FollowUp(bytes=1500))
        return await take_turns(calm, [technique(nothing, most_bytes=most_bytes)], replace(PLENTY))

    assert [run.outcome for run in asyncio.run(scenario(1000))] == ["done"]
    assert [run.outcome for run in asyncio.run(scenario(2000))] == ["skipped"]


def test_a_look_that_spends_what_is_left_is_told_how_much_and_says_when_it_is_gone() -> None:
    told: list[int] = []

    async def spend(looked_at: Case) -> None:
        told.append(looked_at.bytes_left)
        looked_at.keep(seen(bytes_received=looked_at.bytes_left))
        raise SpentError

    odd = case(seen(Failure.TIMEOUT), follow_up=FollowUp(bytes=50_000))
    (run,) = climbed(odd, technique(spend), purse=Purse(40_000))
    assert (told, run.outcome, run.reason) == ([40_000], "cut-short", "its bytes were used up")
    assert run.spent_bytes == 40_000


def test_looks_that_go_on_at_many_targets_never_spend_more_than_the_day_has() -> None:
    """Each sees the whole purse as it begins; what counts is what is left as it goes on."""

    async def go_on(looked_at: Case) -> None:
        while looked_at.set_aside(400):
            await asyncio.sleep(0)
            looked_at.keep(seen(bytes_received=400))
        raise SpentError

    async def scenario() -> list[TechniqueRun]:
        purse = Purse(10_000)
        cases = [case(seen(Failure.TIMEOUT)) for _ in range(5)]
        runs = await asyncio.gather(*(climb(each, [technique(go_on)], purse) for each in cases))
        assert purse.bytes_left == 10_000 - sum(run.spent_bytes for (run,) in runs)
        return [run for (run,) in runs]

    runs = asyncio.run(scenario())
    assert [run.reason for run in runs] == ["its bytes were used up"] * 5
    assert 10_000 - 400 < sum(run.spent_bytes for run in runs) <= 10_000


def test_a_look_that_goes_on_stays_within_its_targets_own_share() -> None:
    refused: list[int] = []

    async def go_on(looked_at: Case) -> None:
        while looked_at.set_aside(900):
            looked_at.keep(seen(bytes_received=900))
        refused.append(looked_at.bytes_left)

    (run,) = climbed(case(seen(Failure.TIMEOUT), follow_up=FollowUp(bytes=2000)), technique(go_on))
    assert (run.spent_bytes, refused) == (1800, [200])
