"""What paired transfers may say: a name is slow, all is slow, or nothing; and each guard that keeps it honest."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.analyse import as_dict, conclude
from analysis.facts import PairFacts, Step
from analysis.states import State
from analysis.transfers import Sample, Transfer, bounds
from probe.randomness import is_target_first, scramble
from tests.analysis.fact_builder import HELPER, SITE, CycleBuilder, failed, new_id, reached
from tests.analysis.transfer_simulator import DAMAGE, TARGET, episode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import CycleFacts

Rates = tuple[float, float]
"""Of the target's arm and of the control's, in bytes a second."""
POLICED: Rates = (17_500.0, 300_000.0)
ALIKE: Rates = (300_000.0, 280_000.0)
CRAWLING: Rates = (20_000.0, 22_000.0)
REVERSED: Rates = (300_000.0, 17_500.0)
ENOUGH = 14
"""Pairs that point one way: E = 2,184."""


def arm(rate_bytes_s: float, started_s: float, place: dict[str, object], *, frozen_at: int | None = None) -> Step:
    steps = [(4.0 * i / 20, int(rate_bytes_s * 4.0 * i / 20)) for i in range(1, 21)]
    if frozen_at is not None:
        steps = [(0.1, 4000), (0.2, frozen_at), (4.0, frozen_at)]
    return Step(
        observation_id=new_id(),
        operation="http",
        status=200,
        is_body_truncated=True,
        is_genuine=True,
        first_byte_s=0.1,
        started_mono_s=started_s,
        progress=tuple(steps),
        **place,  # type: ignore[arg-type]
    )


def transfer(
    builder: CycleBuilder,
    number: int,
    rates: Rates,
    *,
    kind: str = "sni",
    peer: str = "helper",
    frozen_at: int | None = None,
    is_negative: bool = False,
) -> PairFacts:
    is_first = is_target_first(builder.seed, number)
    place = {"address": HELPER if peer == "helper" else SITE, "port": 443 if kind == "sni" else 80}
    early, late = number * 10.0, number * 10.0 + 4.0
    return PairFacts(
        pair_id=f"{builder.cycle_id}.t{number}",
        number=number,
        name_kind=kind,
        peer=peer,
        target_name=TARGET,
        control_name=scramble(builder.seed, number, TARGET),
        is_target_first=is_first,
        is_negative_control=is_negative,
        target_arm=arm(rates[0], early if is_first else late, place, frozen_at=frozen_at),
        control_arm=arm(rates[1], late if is_first else early, place),
        technique="transfers",
        **place,  # type: ignore[arg-type]
    )


def cycle(
    rates: Sequence[Rates],
    *,
    index: int = 0,
    vantage: str = "almaty",
    role: str = "probe",
    steps: Sequence[Step] | None = None,
    url: str | None = None,
    negative: Sequence[Rates] = (),
    **how: object,
) -> CycleFacts:
    """Give a pass with transfers of the given rates; ``negative`` of two innocuous names."""
    builder = CycleBuilder(vantage=vantage, index=index, role=role, network="AS9198" if role == "probe" else "AS24940")
    made = [transfer(builder, 100 + i, pair, **how) for i, pair in enumerate(rates)]  # type: ignore[arg-type]
    made += [transfer(builder, 200 + i, pair, is_negative=True) for i, pair in enumerate(negative)]
    built = builder.controls().add(TARGET, reached() if steps is None else steps, url=url).build()
    return replace(
        built,
        measurements=tuple(replace(m, transfers=tuple(made)) if m.target == TARGET else m for m in built.measurements),
    )


def sentinel(rates: Sequence[Rates] = (ALIKE,), *, index: int = 0, **how: object) -> CycleFacts:
    return cycle(rates, index=index, vantage="frankfurt", role="control", **how)  # type: ignore[arg-type]


def judged(*cycles: CycleFacts, vantage: str = "almaty", index: int = 0) -> tuple[State, set[str], str]:
    """Give state, rules on transfers and reason of the target's measurement."""
    (one,) = (
        j
        for j in conclude(cycles).judged
        if j.facts.measurement.target == TARGET
        and j.facts.cycle.vantage.vantage_id == vantage
        and j.facts.cycle.cycle_id.endswith(f"{index:03d}")
    )
    rules = {e.rule for e in one.evidence if e.rule.startswith("transfers.")}
    return one.decision.state, rules, one.decision.reason


# ---------------------------------------------------------------- calls


def test_a_name_that_is_slow_in_every_pair_is_throttled() -> None:
    state, rules, reason = judged(cycle([POLICED] * ENOUGH), sentinel())
    assert (state, rules) == (State.THROTTLED, {"transfers.throttled.sni"})
    assert "14 pairs" in reason
    assert "140 kbit/s" in reason  # the plateau
    assert "17.1 times as fast" in reason


def test_it_is_throttled_over_plain_http_by_its_host() -> None:
    builder = cycle([POLICED] * ENOUGH, kind="host")
    conclusions = conclude([builder, sentinel(kind="host")])
    (decision,) = (j.decision for j in conclusions.judged if j.decision.state is State.THROTTLED)
    assert decision.mechanisms == ("http.throttle.host",)


def test_a_name_whose_transfers_stop_is_throttled_and_says_where() -> None:
    state, rules, reason = judged(cycle([POLICED] * ENOUGH, frozen_at=16_400, steps=failed("http")), sentinel())
    assert (state, rules) == (State.THROTTLED, {"transfers.frozen.sni"})
    assert "stopped after 16.4 kB" in reason


def test_a_name_of_which_nothing_useful_comes_is_blocked() -> None:
    here = cycle([POLICED] * ENOUGH, frozen_at=1_400, steps=failed("tls"))
    (one,) = (j for j in conclude([here, sentinel()]).judged if j.decision.state is State.BLOCKED)
    assert (one.decision.rule, one.decision.mechanisms) == ("transfers.stopped.sni", ("tls.timeout.sni",))
    assert judged(cycle([POLICED] * ENOUGH, frozen_at=1_400), sentinel())[0] is State.OK  # its own page came


def test_the_bet_goes_on_over_cycles() -> None:
    cycles = [cycle([POLICED] * 5, index=i) for i in range(3)]
    witnesses = [sentinel(index=i) for i in range(3)]
    assert judged(*cycles[:2], *witnesses[:2])[0] is State.OK
    assert judged(*cycles, *witnesses, index=2)[0] is State.THROTTLED


def test_throttling_is_an_event_with_its_ledger() -> None:
    (event,) = conclude([cycle([POLICED] * ENOUGH), sentinel()]).events
    assert (event.cause.value, event.mechanisms) == ("throttling", ("tls.throttle.sni",))
    assert [(e.channel, e.kind) for e in event.ledger if e.channel == "A"] == [("A", "transfers.throttled.sni")]


def test_totals_are_told_with_their_ratio_and_leave_name_pairs_alone() -> None:
    told = as_dict(conclude([cycle([POLICED] * ENOUGH), sentinel()]))
    (mine,) = (t for t in told["transfers"] if t["vantage"] == "almaty")
    assert (mine["pairs"], mine["target_slower"], mine["name_kind"]) == (14, 14, "sni")
    assert mine["ratio"] == pytest.approx(300 / 17.5, rel=0.01)
    assert mine["ratio_from"] <= mine["ratio"] <= mine["ratio_to"]
    assert told["pairs"] == []


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([CRAWLING] * 20, State.OK),  # both slow is congestion
        ([ALIKE] * 20, State.OK),
        ([POLICED] * 12, State.OK),  # E = 630
        ([POLICED, REVERSED] * 10, State.OK),
        ([(200_000.0, 300_000.0)] * 20, State.OK),  # sure, and not by a factor of two
        ([POLICED] * 13 + [REVERSED] * 3, State.OK),
    ],
)
def test_what_is_not_sure_or_not_far_is_not_called(rates: list[Rates], expected: State) -> None:
    assert judged(cycle(rates), sentinel())[0] is expected


def test_transfers_that_are_torn_off_are_not_called_slow() -> None:
    struck = cycle([POLICED] * ENOUGH)
    torn = tuple(
        replace(
            m,
            transfers=tuple(
                replace(p, target_arm=replace(p.target_arm, failure="connection_reset")) for p in m.transfers
            ),
        )
        for m in struck.measurements
    )
    state, rules, _ = judged(replace(struck, measurements=torn), sentinel())
    assert (state, rules) == (State.OK, {"transfers.weak.sni"})


def test_both_slow_is_said_where_the_page_did_not_come() -> None:
    state, rules, _ = judged(cycle([CRAWLING] * 5, steps=failed("http")), sentinel())
    assert state is State.INSUFFICIENT
    assert "transfers.both_slow" in rules


def test_without_a_sentinels_transfers_it_is_suspected() -> None:
    state, rules, _ = judged(cycle([POLICED] * ENOUGH), sentinel([]))
    assert (state, rules) == (State.SUSPECTED, {"transfers.leaning.sni"})


@pytest.mark.parametrize("seen", [[POLICED], [POLICED] * 6, [ALIKE] * 3 + [POLICED] * 9])
def test_a_sentinel_that_sees_the_same_voids_it(seen: list[Rates]) -> None:
    state, rules, _ = judged(cycle([POLICED] * ENOUGH), sentinel(seen))
    assert state is State.OK
    assert "transfers.throttled.sni" not in rules


def test_a_sentinel_must_have_made_enough_transfers_to_have_met_the_rule_itself() -> None:
    """Two in three are slow here; one swift transfer of the sentinel's is luck once in three times."""
    here = [POLICED] * 24 + [ALIKE] * 10
    # the median is that of the policed; the signs of the alike are even
    here = [pair if i % 2 or pair is POLICED else (ALIKE[1], ALIKE[0]) for i, pair in enumerate(here)]
    assert judged(cycle(here), sentinel([ALIKE]))[0] is State.SUSPECTED
    assert judged(cycle(here), sentinel([ALIKE] * 2))[0] is State.THROTTLED


def test_innocuous_names_that_differ_today_void_it_however_calm_the_year_was() -> None:
    year = [cycle([], index=-i - 40, negative=[POLICED, REVERSED] * 4) for i in range(60)]
    assert judged(*year, cycle([POLICED] * ENOUGH), sentinel())[0] is State.THROTTLED
    today = cycle([POLICED] * ENOUGH, negative=[POLICED] * 10)
    assert judged(*year, today, sentinel())[0] is State.OK


def test_a_sentinel_itself_accuses_nobody() -> None:
    assert judged(sentinel([POLICED] * ENOUGH), vantage="frankfurt")[0] is State.OK


def test_innocuous_names_that_differ_void_it() -> None:
    assert judged(cycle([POLICED] * ENOUGH, negative=[POLICED] * 10), sentinel())[0] is State.OK


def test_another_vantage_in_the_network_that_is_spared_voids_it() -> None:
    beside = cycle([ALIKE] * 2, vantage="aktobe")
    assert judged(cycle([POLICED] * ENOUGH), beside, sentinel())[0] is State.OK
    struck = cycle([POLICED] * ENOUGH, vantage="aktobe")
    assert judged(cycle([POLICED] * ENOUGH), struck, sentinel())[0] is State.THROTTLED


def test_a_policer_that_is_gone_is_not_blamed_for_the_congestion_after_it() -> None:
    before = [cycle([POLICED] * ENOUGH, index=i) for i in range(2)]
    after = cycle([(40_000.0, 100_000.0), (100_000.0, 40_000.0), CRAWLING], index=2)
    witnesses = [sentinel(index=i) for i in range(3)]
    assert judged(*before, after, *witnesses, index=1)[0] is State.THROTTLED
    assert judged(*before, after, *witnesses, index=2)[0] is State.OK


@pytest.mark.parametrize(
    "after",
    [[(50_000.0, 110_000.0)], [(100_000.0, 1_600_000.0)], [(60_000.0, 150_000.0)] * 3],
    ids=["both", "one", "near"],
)
def test_neither_one_pair_nor_a_small_part_of_a_factor_bears_out_a_policer_that_is_gone(after: list[Rates]) -> None:
    """A line varies by two now and then; a policer that took all but a thirtieth is not what is seen of it."""
    before = [cycle([(32_000.0, 1_000_000.0)] * ENOUGH, index=i) for i in range(2)]
    witnesses = [sentinel(index=i) for i in range(3)]
    assert judged(*before, cycle(after, index=2), *witnesses, index=1)[0] is State.THROTTLED
    assert judged(*before, cycle(after, index=2), *witnesses, index=2)[0] is State.OK


def test_orders_that_the_seed_did_not_draw_are_not_counted() -> None:
    forged = cycle([POLICED] * ENOUGH)
    turned = tuple(
        replace(m, transfers=tuple(replace(p, is_target_first=not p.is_target_first) for p in m.transfers))
        for m in forged.measurements
    )
    assert judged(replace(forged, measurements=turned), sentinel())[0] is State.OK


def test_a_pair_number_counts_once_over_all_kinds_of_pairs() -> None:
    once = cycle([POLICED] * ENOUGH)
    twice = tuple(
        replace(m, transfers=m.transfers + tuple(replace(p, pair_id=p.pair_id + "b") for p in m.transfers))
        for m in once.measurements
    )
    assert judged(replace(once, measurements=twice), sentinel())[0] is State.OK


def test_its_own_address_is_at_most_suspected() -> None:
    page = {"progress": ((0.1, 1000), (0.4, 200_000))}
    here = cycle([POLICED] * ENOUGH, peer="target")
    assert judged(here, sentinel(steps=reached(**page)))[0] is State.SUSPECTED
    slow = {"progress": ((0.1, 1000), (8.0, 130_000))}
    assert judged(here, sentinel(steps=reached(**slow)))[0] is State.OK  # the server is slow for everyone


def test_no_call_a_day_after(  # the sentinel's transfers must be of the same time
) -> None:
    late = replace(sentinel(), started_at=cycle([]).started_at + timedelta(days=1))
    assert judged(cycle([POLICED] * ENOUGH), late)[0] is State.SUSPECTED


# ---------------------------------------------------------------- the interval


def test_the_interval_of_the_ratio_is_the_sign_test_turned_round() -> None:
    """Of 14 pairs, E >= 40 (half of 5 % on either side) needs 13 on one side: the second and the 13th stand."""
    ratios = [math.log(value) for value in range(1, 15)]
    low, high = bounds(ratios)
    assert (low, high) == (pytest.approx(2.0), pytest.approx(13.0))


def test_few_pairs_bound_nothing() -> None:
    assert bounds([1.0] * 5) == (0.0, math.inf)
    assert bounds([]) == (0.0, math.inf)


def test_the_interval_misses_the_true_median_seldom_however_often_it_is_looked_at() -> None:
    rng = np.random.default_rng(4)
    true = math.log(3.0)
    missed = 0
    for _ in range(300):
        ratios = list(rng.standard_t(2, size=60) + true)
        intervals = (bounds(ratios[:looked]) for looked in range(1, 61))
        missed += any(not low <= 3.0 <= high for low, high in intervals)
    assert missed <= 15 + 2 * math.sqrt(15)  # 5 % of 300, and two standard deviations


# ---------------------------------------------------------------- by simulation


def test_damage_is_never_called_throttled() -> None:
    for number in range(4 * len(DAMAGE)):
        rng = np.random.default_rng(10_000 + number)
        cycles = episode(rng, f"d{number}", DAMAGE[number % len(DAMAGE)](rng), cycles=3)
        states = {j.decision.state for j in conclude(cycles).judged}
        assert states <= {State.OK}, (number, states)


def test_a_policer_on_a_steady_line_is_called_in_its_first_cycle() -> None:
    rng = np.random.default_rng(1)
    bucket = next(damage for damage in DAMAGE if damage.__name__ == "congested")
    line = replace(bucket(rng), rate=lambda _now, _pair, _second: 400_000.0)
    first = conclude(episode(rng, "p", line, cycles=1, policed_bytes_s=17_500.0)).judged
    assert State.THROTTLED in {j.decision.state for j in first}


def test_an_arm_that_brought_nothing_has_no_plateau_and_breaks_nothing() -> None:
    lost = Step(observation_id=new_id(), operation="http", failure="generic_timeout_error", duration_s=8.0)
    came = Step(
        observation_id=new_id(), operation="http", status=200, duration_s=2.0, bytes_received=90_000,
        progress=((0.5, 20_000), (1.0, 45_000), (2.0, 90_000)),
    )  # fmt: skip
    sample = Sample((Transfer(lost, came),))
    assert sample.target_slower == 1
    assert sample.plateau_bytes_s is None
