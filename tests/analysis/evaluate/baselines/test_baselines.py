"""Each baseline does what its authors published, on rows that the tests write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analysis.evaluate.baselines import (
    BASELINES,
    cusum,
    encore,
    fractions,
    hyperquack,
    on_the_hour,
    three_failures,
    undetermined,
    z_test,
)  # fmt: skip
from analysis.evaluate.observed import Observed, Row

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def rows(
    failed: str, *, vantage: str = "a", target: str = "x", cadence_s: int = 3600, controls: str = "",
    trials: int = 1, network: str = "AS1", after_s: int = 60,
) -> tuple[Row, ...]:  # fmt: skip
    """One row a slot; ``#`` failed, ``.`` answered. ``controls`` likewise."""
    controls = controls or "." * len(failed)
    return tuple(
        Row(
            vantage=vantage, country="KZ", network=network, target=target, slot=slot,
            at=START + timedelta(seconds=slot * cadence_s + after_s), is_failed=now == "#",
            trials=(now == "#",) * trials, control_trials=(control == "#",) * 4,
            were_controls_alive=(control == ".", control == "."),
        )
        for slot, (now, control) in enumerate(zip(failed, controls, strict=True))
    )  # fmt: skip


def seen(*some: tuple[Row, ...], sentinel: tuple[Row, ...] = (), cadence_s: int = 3600) -> Observed:
    flat = tuple(sorted((row for one in some for row in one), key=lambda row: (row.at, row.vantage, row.target)))
    return Observed(flat, sentinel, cadence_s, max(row.slot for row in flat) + 1)


def slots(accused: set[tuple[str, str, int]]) -> list[int]:
    return sorted(slot for _, _, slot in accused)


def test_three_failures_in_a_row_accuse_from_the_third_on() -> None:
    assert slots(three_failures.accuse(seen(rows("##.####.")))) == [5, 6]


def test_encore_accuses_where_seven_in_ten_is_excluded_here_and_not_elsewhere() -> None:
    # P(0 of n | 0.7) is 0.09 for two and 0.027 for three.
    assert slots(encore.accuse(seen(rows("####"), sentinel=rows("....", vantage="s")))) == [2, 3]
    assert not encore.accuse(seen(rows("####"), sentinel=rows("####", vantage="s")))


def test_ooni_needs_six_hours_of_full_blocking() -> None:
    # h = 10 * 0.7 / 2 = 3.5, and each hour adds 1 - 0.35: six hours make 3.9.
    assert slots(cusum.accuse(seen(rows("." * 4 + "#" * 8)))) == [9, 10, 11]


def test_ooni_takes_the_median_of_the_hour() -> None:
    most = [rows("#" * 9, vantage=name) for name in "abc"]
    few = [rows("#" * 9, vantage="a"), rows("." * 9, vantage="b"), rows("." * 9, vantage="c")]
    assert cusum.accuse(seen(*most))
    assert not cusum.accuse(seen(*few))


def test_hyperquack_wants_controls_on_either_side() -> None:
    observed = seen(rows("##", controls=".#", trials=5))
    assert slots(hyperquack.accuse(observed)) == [0]


def test_hyperquack_lets_go_at_the_first_answer() -> None:
    row = rows("#", trials=5)[0]
    answered = Row(**{**{name: getattr(row, name) for name in Row.__slots__}, "trials": (True, True, False, True)})
    assert not hyperquack.accuse(seen((answered,)))


def test_the_z_test_compares_with_controls() -> None:
    assert slots(z_test.accuse(seen(rows("##", trials=4)))) == [0, 1]
    assert not z_test.accuse(seen(rows("##", trials=4, controls="##")))


def test_the_z_statistic_is_that_of_two_proportions() -> None:
    # 15 of 100 against 5 of 100: pooled 0.1, z = 0.1 / sqrt(0.1 * 0.9 * 0.02).
    assert z_test.z_of(15, 100, 5, 100) == pytest.approx(2.357, abs=1e-3)
    assert z_test.z_of(0, 10, 0, 10) == 0.0


def test_ioda_alerts_under_four_fifths_of_the_median() -> None:
    fine = [rows("....", target=f"t{i}") for i in range(4)]
    assert slots(fractions.accuse(seen(rows("..#."), *fine))) == []  # 4 of 5 is no alert
    assert slots(fractions.accuse(seen(rows("..#.", target="u"), rows("..#."), *fine[:3]))) == [2, 2]


def test_a_start_on_the_hour_is_taken_for_an_order() -> None:
    assert slots(on_the_hour.accuse(seen(rows(".##.")))) == [1, 2]
    assert not on_the_hour.accuse(seen(rows(".##.", after_s=1200)))


def test_undetermined_accuses_nobody() -> None:
    assert not undetermined.accuse(seen(rows("####")))


def test_no_baseline_accuses_where_nothing_fails() -> None:
    observed = seen(rows("." * 12), rows("." * 12, vantage="b"), sentinel=rows("." * 12, vantage="s"))
    assert {one.name: one.accuse(observed) for one in BASELINES} == {one.name: set() for one in BASELINES}
