"""Rules on QUIC: a rule on the name that TCP knows nothing of, and UDP that is dead for every name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude
from analysis.states import State
from tests.analysis.fact_builder import TIMEOUT, CycleBuilder, failed, plus_pairs, reached, sentinel_cycle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts, Step
    from tests.analysis.fact_builder import PairSpec

NEWS = "news.example.com"
CALM = [("quic", "helper", None, None)] * 3
BLOCKED = plus_pairs(14, kind="quic", failure=TIMEOUT)


def cycle(
    pairs: Sequence[PairSpec], steps: Sequence[Step] | None = None, vantage: str = "almaty", network: str = "AS9198"
) -> CycleFacts:
    builder = CycleBuilder(vantage=vantage, network=network).controls().portal_check()
    return builder.add(NEWS, reached() if steps is None else steps, pairs=pairs).build()


def judged(*cycles: CycleFacts) -> Judged:
    return next(
        j
        for j in conclude(cycles).judged
        if (j.facts.measurement.vantage_id, j.facts.measurement.target) == ("almaty", NEWS)
    )


def rules_of(judgement: Judged) -> set[str]:
    return {evidence.rule for evidence in judgement.evidence}


def test_a_rule_on_the_name_in_quic_is_blocked_although_the_page_came_over_tcp() -> None:
    decision = judged(cycle(BLOCKED), sentinel_cycle(pairs=CALM)).decision
    assert (decision.state, decision.rule) == (State.BLOCKED, "pairs.selective.quic")
    assert decision.mechanisms == ("quic.timeout.sni",)
    assert "came over TCP" in decision.reason


@pytest.mark.parametrize(
    "sentinel_pairs",
    [
        pytest.param([], id="no sentinel's pairs"),
        pytest.param(plus_pairs(14, kind="quic", failure=TIMEOUT), id="the sentinel's fail as well"),
        pytest.param(plus_pairs(0, kind="quic", failure=TIMEOUT, both=5), id="the sentinel's are all dead"),
    ],
)
def test_without_a_calm_sentinel_the_page_over_tcp_is_ok(sentinel_pairs: Sequence[PairSpec]) -> None:
    decision = judged(cycle(BLOCKED), sentinel_cycle(pairs=sentinel_pairs)).decision
    assert decision.state is State.OK


def test_twelve_pairs_are_too_few() -> None:
    few = plus_pairs(12, kind="quic", failure=TIMEOUT)
    assert judged(cycle(few), sentinel_cycle(pairs=CALM)).decision.state is State.OK


def test_negative_controls_that_lean_void_it() -> None:
    builder = CycleBuilder().controls(pairs=plus_pairs(3, kind="quic", failure=TIMEOUT)).portal_check()
    leaning = builder.add(NEWS, reached(), pairs=BLOCKED).build()
    assert judged(leaning, sentinel_cycle(pairs=CALM)).decision.state is not State.BLOCKED


def test_another_vantage_of_the_network_that_is_spared_leaves_it_to_the_home() -> None:
    spared = cycle(CALM, vantage="astana")
    assert judged(cycle(BLOCKED), spared, sentinel_cycle(pairs=CALM)).decision.state is State.OK
    of_another_network = cycle(CALM, vantage="astana", network="AS64500")
    assert judged(cycle(BLOCKED), of_another_network, sentinel_cycle(pairs=CALM)).decision.state is State.BLOCKED
    struck_too = cycle(BLOCKED, vantage="astana")
    assert judged(cycle(BLOCKED), struck_too, sentinel_cycle(pairs=CALM)).decision.state is State.BLOCKED


def test_quic_that_dies_for_every_name_accuses_nobody() -> None:
    dead = plus_pairs(0, kind="quic", failure=TIMEOUT, both=4)
    judgement = judged(cycle(dead), sentinel_cycle(pairs=CALM))
    assert judgement.decision.state is State.OK
    assert "path.quic_dead" in rules_of(judgement)
    some_lived = judged(cycle([*dead, *CALM]), sentinel_cycle(pairs=CALM))
    assert "path.quic_dead" not in rules_of(some_lived)


def test_loss_that_strikes_both_arms_alike_is_no_rule() -> None:
    lossy = plus_pairs(6, kind="quic", failure=TIMEOUT, control_failed=6, both=2, alive=2)
    assert judged(cycle(lossy), sentinel_cycle(pairs=CALM)).decision.state is State.OK


def test_pairs_in_quic_say_nothing_of_a_failure_over_tcp_that_they_do_not_share() -> None:
    """A dead target whose QUIC pairs at the helper live alike is not blocked."""
    steps = failed("tls", TIMEOUT)
    judgement = judged(cycle(CALM * 2, steps), sentinel_cycle(failed("tls", TIMEOUT), pairs=CALM))
    assert judgement.decision.state is State.DOWN
