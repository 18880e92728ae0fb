"""The e-value: the closed form, the guarantee under damage, the pairs that it needs, and the guards on each pair."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.integrate import quad

from analysis.pairs import Standing, chance_of_so_few, has_failed, log10_e, standings, tally
from analysis.runs import place_bets
from tests.analysis.fact_builder import (
    NOT_GENUINE,
    RESET,
    TIMEOUT,
    CycleBuilder,
    failed,
    plus_pairs,
    reached,
    sentinel_cycle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from analysis.facts import CycleFacts
    from analysis.runs import PairRun

LOOKS = 400


def e_table(size: int = LOOKS + 1) -> np.ndarray:
    """log10 E for every m and k up to ``size``, to look many runs up at once."""
    table = np.full((size, size), -np.inf)
    for m in range(size):
        table[m, : m + 1] = [log10_e(m, k) for k in range(m + 1)]
    return table


# ---------------------------------------------------------------- the closed form


@pytest.mark.parametrize(("m", "k"), [(0, 0), (1, 0), (1, 1), (5, 2), (13, 13), (14, 13), (40, 20), (60, 1), (120, 90)])
def test_closed_form_equals_the_integral(m: int, k: int) -> None:
    scale = 2.0**m
    value, _ = quad(lambda t: 2.0 * scale * t**k * (1 - t) ** (m - k), 0.5, 1.0, epsabs=0, epsrel=1e-10, limit=400)
    assert 10 ** log10_e(m, k) == pytest.approx(value, rel=1e-7)


def test_thirteen_pairs_of_thirteen_reach_a_thousand_and_twelve_do_not() -> None:
    assert log10_e(12, 12) < 3 < log10_e(13, 13)


@pytest.mark.parametrize("k", [0, 1, 2_500, 5_000, 7_500, 9_999, 10_000])
def test_ten_thousand_pairs_neither_underflow_nor_lose_order(k: int) -> None:
    value = log10_e(10_000, k)
    assert math.isfinite(value)
    assert k == 0 or value > log10_e(10_000, k - 1)


def test_ten_thousand_one_sided_pairs_give_the_known_limit() -> None:
    # all of the mass near theta = 1: E -> 2^(m+1) / (m + 1)
    assert log10_e(10_000, 10_000) == pytest.approx(10_001 * math.log10(2) - math.log10(10_001), abs=1e-9)
    # none failed: E -> 1 / (m + 1) of a flat density at theta = 1/2, times 2 * 1/2
    assert log10_e(10_000, 0) == pytest.approx(-math.log10(10_001), abs=1e-4)


def test_both_ways_of_computing_agree_where_they_meet() -> None:
    """The series takes over where the incomplete beta function underflows; ratios stay smooth across the seam."""
    steps = np.diff([log10_e(3_000, k) for k in range(400)])
    assert np.all(steps > 0)
    assert np.all(np.abs(np.diff(steps[50:])) < 1e-3)


@pytest.mark.parametrize(("m", "k"), [(-1, 0), (3, 4), (3, -1)])
def test_impossible_counts_are_refused(m: int, k: int) -> None:
    with pytest.raises(ValueError, match="impossible"):
        log10_e(m, k)


# ---------------------------------------------------------------- the guarantee


def test_mean_e_is_one_under_the_null_for_every_number_of_pairs() -> None:
    for m in (1, 5, 14, 60, 400):
        log_binomial = [math.lgamma(m + 1) - math.lgamma(k + 1) - math.lgamma(m - k + 1) for k in range(m + 1)]
        mean = sum(math.exp(b - m * math.log(2) + log10_e(m, k) * math.log(10)) for k, b in enumerate(log_binomial))
        assert mean == pytest.approx(1.0, rel=1e-9)


def bursty_failures(rng: np.random.Generator, runs: int, looks: int) -> np.ndarray:
    """Failures of first and second arm: 20 % loss, and a path that is down half of the time in bursts."""
    is_down = np.zeros((runs, looks, 2), dtype=bool)
    state = rng.random(runs) < 0.5
    for look in range(looks):
        for arm in range(2):
            state = np.where(rng.random(runs) < 0.15, ~state, state)
            is_down[:, look, arm] = state
    return is_down | (rng.random((runs, looks, 2)) < 0.2)


def test_false_alarms_over_four_hundred_looks_stay_under_one_in_the_threshold() -> None:
    rng = np.random.default_rng(20111216)
    runs = 4_000
    failures = bursty_failures(rng, runs, LOOKS)
    target_first = rng.random((runs, LOOKS)) < 0.5
    target = np.where(target_first, failures[..., 0], failures[..., 1])
    control = np.where(target_first, failures[..., 1], failures[..., 0])
    discordant = np.cumsum(target != control, axis=1)
    against = np.cumsum(target & ~control, axis=1)
    values = e_table()[discordant, against]
    highest = values.max(axis=1)
    for threshold in (10, 100, 1000):
        alarms = int((highest >= math.log10(threshold)).sum())
        slack = 3 * math.sqrt(runs / threshold)
        assert alarms <= runs / threshold + slack
    assert (10 ** values[:, -1]).mean() <= 1.25


@pytest.mark.parametrize(
    ("loss", "share", "is_path_half_up", "threshold", "expected"),
    [
        (0.02, 1.0, False, 1e3, (13, 14, 15)),
        (0.02, 1.0, False, 1e5, (21, 22, 23)),
        (0.20, 1.0, False, 1e3, (16, 19, 22)),
        (0.20, 1.0, False, 1e5, (26, 29, 33)),
        (0.20, 0.5, False, 1e3, (46, 78, 114)),
        (0.02, 1.0, True, 1e3, (27, 35, 43)),
    ],
)
def test_pairs_needed_are_those_of_the_published_table(
    loss: float, share: float, is_path_half_up: bool, threshold: float, expected: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(1)
    runs, most = 4_000, 300
    path_down = (rng.random((runs, most)) < 0.5) if is_path_half_up else np.zeros((runs, most), dtype=bool)
    control = path_down | (rng.random((runs, most)) < loss)
    target = path_down | (rng.random((runs, most)) < loss) | (rng.random((runs, most)) < share)
    discordant = np.cumsum(target != control, axis=1)
    against = np.cumsum(target & ~control, axis=1)
    reached_at = e_table(most + 1)[discordant, against] >= math.log10(threshold)
    assert reached_at.any(axis=1).mean() > 0.995
    needed = np.where(reached_at.any(axis=1), reached_at.argmax(axis=1) + 1, most + 1)
    for quantile, pairs in zip((50, 90, 99), expected, strict=True):
        assert np.percentile(needed, quantile) == pytest.approx(pairs, rel=0.08, abs=1.5)


# ---------------------------------------------------------------- the guards


def one_pair_cycle(**changes: Any) -> CycleFacts:
    cycle = CycleBuilder().add("news.example.com", reached(), pairs=[("sni", "helper", RESET, None)]).build()
    (measurement,) = cycle.measurements
    pair = replace(measurement.pairs[0], **changes)
    return replace(cycle, measurements=(replace(measurement, pairs=(pair,)),))


def only_standing(cycle: CycleFacts) -> Standing:
    (standing,) = standings(cycle).values()
    return standing


def test_pair_that_follows_from_the_seed_is_counted() -> None:
    assert only_standing(one_pair_cycle()) is Standing.COUNTED


def test_order_that_the_seed_did_not_draw_is_a_mismatch() -> None:
    drawn = one_pair_cycle().measurements[0].pairs[0].is_target_first
    assert only_standing(one_pair_cycle(is_target_first=not drawn)) is Standing.MISMATCH


def test_order_that_the_seed_did_not_draw_is_a_mismatch_although_the_arms_ran_in_it() -> None:
    pair = one_pair_cycle().measurements[0].pairs[0]
    forged = one_pair_cycle(
        is_target_first=not pair.is_target_first,
        target_arm=replace(pair.target_arm, started_mono_s=pair.control_arm.started_mono_s),
        control_arm=replace(pair.control_arm, started_mono_s=pair.target_arm.started_mono_s),
    )
    assert only_standing(forged) is Standing.MISMATCH


def test_arms_that_ran_in_the_other_order_are_a_mismatch() -> None:
    pair = one_pair_cycle().measurements[0].pairs[0]
    swapped = one_pair_cycle(
        target_arm=replace(pair.target_arm, started_mono_s=pair.control_arm.started_mono_s),
        control_arm=replace(pair.control_arm, started_mono_s=pair.target_arm.started_mono_s),
    )
    assert only_standing(swapped) is Standing.MISMATCH


@pytest.mark.parametrize("name", ["neks.example.com", "newss.example.com", "news.example.com"])
def test_control_name_that_is_not_the_scramble_is_a_mismatch(name: str) -> None:
    assert only_standing(one_pair_cycle(control_name=name)) is Standing.MISMATCH


def test_arm_at_another_address_is_a_mismatch() -> None:
    pair = one_pair_cycle().measurements[0].pairs[0]
    moved = replace(pair.control_arm, address="192.0.2.99")
    assert only_standing(one_pair_cycle(control_arm=moved)) is Standing.MISMATCH


def test_seed_that_does_not_fit_its_commitment_voids_every_pair() -> None:
    assert only_standing(replace(one_pair_cycle(), seed="ab" * 32)) is Standing.MISMATCH
    assert only_standing(replace(one_pair_cycle(), seed="no hex")) is Standing.MISMATCH
    assert only_standing(replace(one_pair_cycle(), seed_commitment="ab" * 32)) is Standing.MISMATCH


def test_number_that_is_used_twice_voids_both_pairs() -> None:
    cycle = one_pair_cycle()
    pair = cycle.measurements[0].pairs[0]
    twice = replace(cycle.measurements[0], pairs=(pair, replace(pair, pair_id="copy")))
    assert set(standings(replace(cycle, measurements=(twice,))).values()) == {Standing.MISMATCH}


def test_seed_that_was_never_revealed_counts_none() -> None:
    assert only_standing(replace(one_pair_cycle(), seed=None, outcome=None)) is Standing.UNREVEALED


@pytest.mark.parametrize("arm", [None, "interrupted", "tcp"])
def test_arm_that_we_cut_short_ourselves_is_not_counted(arm: str | None) -> None:
    pair = one_pair_cycle().measurements[0].pairs[0]
    arms = {
        None: None,
        "interrupted": replace(pair.target_arm, failure="interrupted"),
        "tcp": replace(pair.target_arm, operation="tcp", failure=None),
    }
    assert only_standing(one_pair_cycle(target_arm=arms[arm])) is Standing.INCOMPLETE


def test_arm_at_the_target_lives_as_soon_as_one_byte_of_the_peer_came() -> None:
    builder = CycleBuilder()
    sni = builder.pair("news.example.com", "sni", "target", "ssl_failed_handshake", None)
    assert not has_failed(sni, replace(sni.target_arm, is_peer_hello_received=True))
    assert has_failed(sni, sni.target_arm)
    host = builder.pair("news.example.com", "host", "target", "http_malformed_response", None)
    assert not has_failed(host, replace(host.target_arm, is_peer_hello_received=True))
    assert has_failed(host, host.target_arm)


def test_arm_at_a_helper_fails_unless_the_helper_itself_answered() -> None:
    pair = CycleBuilder().pair("news.example.com", "host", "helper", NOT_GENUINE, None)
    assert has_failed(pair, pair.target_arm)
    assert tally([pair]).target_failed == 1


# ---------------------------------------------------------------- runs


def runs_at(cycles: Sequence[CycleFacts], cycle_index: int, vantage: str = "almaty") -> tuple[PairRun, ...]:
    bets = place_bets(cycles)
    measurement = next(
        m
        for c in cycles
        if c.vantage.vantage_id == vantage and c.cycle_id.endswith(f"{cycle_index:03d}")
        for m in c.measurements
        if m.kind == "target"
    )
    return bets.runs_of.get(measurement.measurement_id, ())


def series(*days: Any) -> list[CycleFacts]:
    """One vantage; each entry is (does the routine measurement succeed, pairs)."""
    return [
        CycleBuilder(index=i).add("news.example.com", reached() if ok else failed("tls", RESET), pairs=pairs).build()
        for i, (ok, pairs) in enumerate(days)
    ]


CALM = (True, plus_pairs(0, alive=1))


def test_pairs_add_up_over_a_run_and_one_calm_cycle_does_not_end_it() -> None:
    (run,) = runs_at(series((False, plus_pairs(7)), CALM, (False, plus_pairs(7))), 2)
    assert (run.run.discordant, run.run.target_failed, run.cycles) == (14, 14, 3)
    assert run.own.discordant == 7


def test_two_calm_cycles_end_a_run_so_that_an_old_block_lends_nothing_to_a_new_fault() -> None:
    (run,) = runs_at(series((False, plus_pairs(14)), CALM, CALM, (False, plus_pairs(0, alive=2))), 3)
    assert run.run.discordant == 0
    assert run.log10_e == 0.0


def test_cycle_whose_pairs_speak_for_the_target_belongs_to_the_run_as_well() -> None:
    """Else the run would be chosen by its result, and the e-value would be none."""
    days = (False, plus_pairs(3)), (True, plus_pairs(0, control_failed=3)), (False, plus_pairs(2))
    (run,) = runs_at(series(*days), 2)
    assert (run.run.discordant, run.run.target_failed) == (8, 5)
    (run,) = runs_at(series(days[1], days[2]), 1)
    assert (run.run.discordant, run.run.target_failed) == (5, 2)


def test_sentinels_pairs_of_the_same_time_stand_beside_a_run() -> None:
    cycles = [*series((False, plus_pairs(14))), sentinel_cycle(pairs=plus_pairs(2, failure=TIMEOUT, alive=1))]
    (run,) = runs_at(cycles, 0)
    assert run.sentinel is not None
    assert (run.sentinel.pairs, run.sentinel.target_failed, run.sentinel.target_alive) == (3, 2, 1)


def test_a_seed_that_two_cycles_share_voids_the_pairs_of_both() -> None:
    """Coins of a copied machine fall alike: counted twice, luck would be squared."""
    first, second = series((False, plus_pairs(7)), (False, plus_pairs(7)))
    copied = replace(first, cycle_id="copy", vantage=replace(first.vantage, vantage_id="copy"))
    bets = place_bets([first, copied, second])
    assert {bets.standing_of[p.pair_id] for p in first.measurements[0].pairs} == {Standing.MISMATCH}
    assert {bets.standing_of[p.pair_id] for p in second.measurements[0].pairs} == {Standing.COUNTED}


def test_bets_at_the_targets_own_servers_do_not_lower_the_bar_of_those_at_helpers() -> None:
    builder = CycleBuilder()
    for number in range(150):
        pairs = plus_pairs(30, peer="target") if number else plus_pairs(1)
        builder.add(f"n{number}.example.com", failed("tls", RESET), pairs=pairs)
    bets = place_bets([builder.build()])
    bars = {run.peer: run.bar_log10 for seen in bets.runs_of.values() for run in seen}
    assert bars["helper"] == pytest.approx(2.0)  # the one bet of its family: 1 / 0.01
    assert bars["target"] == pytest.approx(2.0)  # 149 bets, and all of them win


def test_negative_controls_of_the_runs_own_time_are_looked_at_apart() -> None:
    """A fault of today is not to drown in a month of calm coins."""
    calm = plus_pairs(4, control_failed=4)
    long_ago = [
        CycleBuilder(index=i).add("example.org", reached(), kind="control-abroad", pairs=calm) for i in range(60)
    ]
    today = CycleBuilder(index=100).add("example.org", reached(), kind="control-abroad", pairs=plus_pairs(12))
    today.add("news.example.com", failed("tls", RESET), pairs=plus_pairs(14))
    bets = place_bets([*(b.build() for b in long_ago), today.build()])
    (run,) = next(seen for seen in bets.runs_of.values() if seen)
    assert run.negative_log10_e == pytest.approx(log10_e(12, 12))
    assert bets.negative_log10_e("almaty") < 1.0 < 2.0 < run.negative_log10_e


def test_negative_controls_of_one_kind_of_name_are_looked_at_apart() -> None:
    builder = CycleBuilder()
    builder.add("example.org", reached(), kind="control-abroad", pairs=plus_pairs(10, kind="quic"))
    builder.add("example.net", reached(), kind="control-abroad", pairs=plus_pairs(30, control_failed=30))
    assert place_bets([builder.build()]).negative_log10_e("almaty") == pytest.approx(log10_e(10, 10))


def test_chance_of_so_few_is_the_binomial_one() -> None:
    assert chance_of_so_few(0, 4, 0.5) == pytest.approx(1 / 16)
    assert chance_of_so_few(1, 3, 0.5) == pytest.approx(4 / 8)
    assert chance_of_so_few(3, 3, 0.5) == 1.0
    assert chance_of_so_few(0, 0, 0.9) == 1.0


# ---------------------------------------------------------------- changes


def test_a_block_that_was_called_is_dated_and_so_is_its_end() -> None:
    free = [(True, plus_pairs(0, alive=3))] * 4
    cycles = series(*free, (False, plus_pairs(14)), (False, plus_pairs(14)), *free)
    onset, end = place_bets(cycles).changes_of["almaty", "news.example.com", "sni", "helper"]
    assert onset.is_onset
    assert onset.after is not None
    assert cycles[3].started_at < onset.after < cycles[4].started_at < onset.before < cycles[5].started_at
    assert 28 <= onset.pairs <= 30  # what was blocked, and what may be of either side of the end
    assert not end.is_onset
    assert end.after is not None
    assert cycles[5].started_at < end.after < end.before


def test_pairs_that_win_no_bet_are_not_dated() -> None:
    assert place_bets(series((False, plus_pairs(9)), (False, plus_pairs(2, alive=4)))).changes_of == {}
