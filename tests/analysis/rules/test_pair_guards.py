"""Guards of a bet that the world of one cycle shows: a sentinel that saw too little, an instrument at fault today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude
from tests.analysis.fact_builder import RESET, CycleBuilder, failed, plus_pairs, reached, sentinel_cycle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts
    from tests.analysis.fact_builder import PairSpec

NEWS = "news.example.com"
HALF = plus_pairs(14, alive=14)
FULL = plus_pairs(14)


def struck(pairs: Sequence[PairSpec], index: int = 0, negative: Sequence[PairSpec] = ()) -> CycleFacts:
    builder = CycleBuilder(index=index).controls().portal_check()
    if negative:
        builder.add("example.org", reached("example.org"), kind="control-abroad", round_="last", pairs=negative)
    return builder.add(NEWS, failed("tls", RESET), pairs=pairs).build()


def judged(*cycles: CycleFacts, index: int = 0) -> Judged:
    (one,) = (
        j
        for j in conclude(cycles).judged
        if j.facts.measurement.target == NEWS and j.facts.measurement.cycle_id == f"almaty-{index:03d}"
    )
    return one


@pytest.mark.parametrize(
    ("pairs", "sentinel_alive", "expected"),
    [(FULL, 1, "blocked"), (HALF, 1, "suspected"), (HALF, 2, "suspected"), (HALF, 3, "blocked"), (HALF, 8, "blocked")],
)
def test_a_sentinel_must_have_looked_often_enough_to_have_met_the_rule_itself(
    pairs: Sequence[PairSpec], sentinel_alive: int, expected: str
) -> None:
    """A filter at the helper's side that strikes every second time spares a sentinel's pair as often."""
    there = sentinel_cycle(pairs=plus_pairs(0, alive=sentinel_alive))
    assert judged(struck(pairs), there).decision.state == expected


def test_an_instrument_that_fails_today_accuses_nobody_however_calm_its_year_was() -> None:
    calm = plus_pairs(4, control_failed=4)
    year = [struck(plus_pairs(0, alive=1), index=-index - 40, negative=calm) for index in range(60)]
    there = [sentinel_cycle(), sentinel_cycle(index=1)]
    today = struck(FULL, negative=plus_pairs(12))
    found = judged(*year, today, *there)
    assert found.facts.negative_log10_e < 2.0
    assert found.decision.state == "insufficient"
    assert "pairs.negative_controls" in {item.rule for item in found.evidence}
    assert judged(*year, struck(FULL), *there).decision.state == "blocked"
