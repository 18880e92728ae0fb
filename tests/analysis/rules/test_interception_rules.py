"""Forged certificates: by name at a helper, for all names, and what only supports; and resets that came too soon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude
from analysis.states import State
from tests.analysis.fact_builder import (
    NOT_GENUINE,
    RESET,
    SITE,
    CycleBuilder,
    dns,
    failed,
    new_id,
    reached,
    sentinel_cycle,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts, Step
    from tests.analysis.fact_builder import PairSpec

NEWS = "news.example.com"
FALSE = ("forged-news", "false-authority")
UNKNOWN = "ssl_unknown_authority"
CALM = [("sni", "helper", None, None)] * 3


def forged(address: str = SITE, name: str = NEWS, certificates: tuple[str, ...] = FALSE) -> list[Step]:
    return [dns(name, (address,)), tcp(address), tls(address, certificate_failure=UNKNOWN, certificates=certificates)]


def at_helper(
    cycle: CycleFacts, target: tuple[str, ...] | None = FALSE, control: tuple[str, ...] | None = None
) -> CycleFacts:
    """Put the chains that helpers' addresses seemed to show on the arms of the target's pairs."""
    *others, measurement = cycle.measurements
    pairs = tuple(
        replace(
            pair,
            target_arm=replace(pair.target_arm, certificates=target or ("helper",)),
            control_arm=replace(pair.control_arm, certificates=control or ("helper",)),
        )
        for pair in measurement.pairs
        if pair.target_arm
        if pair.control_arm
    )
    return replace(cycle, measurements=(*others, replace(measurement, pairs=pairs)))


def cycle(steps: Sequence[Step], pairs: Sequence[PairSpec] = ()) -> CycleFacts:
    return CycleBuilder().controls().portal_check().add(NEWS, steps, pairs=pairs).build()


def judged(*cycles: CycleFacts, target: str = NEWS) -> Judged:
    return next(
        j
        for j in conclude(cycles).judged
        if (j.facts.measurement.vantage_id, j.facts.measurement.target) == ("almaty", target)
    )


def rules_of(judgement: Judged) -> set[str]:
    return {evidence.rule for evidence in judgement.evidence}


FORGED_THRICE = [("sni", "helper", NOT_GENUINE, None)] * 3


def test_one_name_forged_at_a_helper_too_is_tampered_at_once() -> None:
    decision = judged(at_helper(cycle(forged(), FORGED_THRICE)), sentinel_cycle(pairs=CALM)).decision
    assert (decision.state, decision.rule) == (State.TAMPERED, "tls.forged")
    assert decision.mechanisms == ("tls.mitm.ca_signed",)


@pytest.mark.parametrize(
    ("pairs", "chains", "sentinel_pairs"),
    [
        pytest.param(FORGED_THRICE[:2], {}, CALM, id="twice may be an accident of ours"),
        pytest.param(FORGED_THRICE, {"target": ("another", "authority")}, CALM, id="of another origin"),
        pytest.param(
            [("sni", "helper", NOT_GENUINE, NOT_GENUINE)] * 3, {"control": FALSE}, CALM, id="the scramble's too"
        ),
        pytest.param(FORGED_THRICE, {}, FORGED_THRICE, id="the sentinel's too: the helper's side"),
        pytest.param(FORGED_THRICE, {}, [], id="no sentinel's pairs"),
    ],
)
def test_one_name_forged_once_or_at_the_helpers_side_is_insufficient(
    pairs: Sequence[PairSpec], chains: dict[str, Any], sentinel_pairs: Sequence[PairSpec]
) -> None:
    judgement = judged(at_helper(cycle(forged(), pairs), **chains), sentinel_cycle(pairs=sentinel_pairs))
    assert "tls.forged" not in rules_of(judgement)
    assert judgement.decision.state is not State.TAMPERED


def test_a_chain_that_is_genuine_for_others_supports_and_decides_nothing() -> None:
    built = cycle(forged())
    *others, measurement = built.measurements
    looks = [
        tls(certificate_failure=UNKNOWN, certificates=FALSE, technique="chain", variant="target"),
        tls(certificate_failure="ssl_invalid_hostname", technique="chain", variant="other"),
    ]
    judgement = judged(
        replace(built, measurements=(*others, replace(measurement, closer=tuple(looks)))), sentinel_cycle()
    )
    assert "tls.genuine_for_others" in rules_of(judgement)
    assert judgement.decision.state is State.INSUFFICIENT
    alike = (looks[0], replace(looks[1], certificate_failure=UNKNOWN))
    judgement = judged(replace(built, measurements=(*others, replace(measurement, closer=alike))), sentinel_cycle())
    assert "tls.genuine_for_others" not in rules_of(judgement)


# ---------------------------------------------------------------- all names


def all_forged(vantage: str = "almaty", authority: str = "office-authority", spared: str = "") -> CycleFacts:
    def fate(name: str, address: str, round_: str) -> list[Step]:
        del round_
        return reached(name, address) if name == spared else forged(address, name, (f"forged-{name}", authority))

    builder = CycleBuilder(vantage=vantage, network=f"AS-{vantage}").controls(home=fate, abroad=fate)
    return builder.add(NEWS, forged(certificates=("forged-news", authority))).build()


def test_one_authority_for_every_name_at_one_vantage_is_local() -> None:
    decision = judged(all_forged(), sentinel_cycle()).decision
    assert (decision.state, decision.rule) == (State.LOCAL, "local.intercepted")


def test_one_authority_for_every_name_at_two_vantages_is_no_home() -> None:
    decision = judged(all_forged(), all_forged("astana"), sentinel_cycle()).decision
    assert (decision.state, decision.rule) == (State.TAMPERED, "tls.forged_for_all")


def test_another_authority_at_another_vantage_is_another_proxy() -> None:
    decision = judged(all_forged(), all_forged("astana", "another-authority"), sentinel_cycle()).decision
    assert decision.state is State.LOCAL


@pytest.mark.parametrize("spared", ["egov.example.kz", "example.org"])
def test_one_name_that_proved_itself_shows_that_not_all_are_forged(spared: str) -> None:
    judgement = judged(all_forged(spared=spared), sentinel_cycle())
    assert not {"local.intercepted", "tls.forged_for_all"} & rules_of(judgement)


def test_a_clock_that_makes_every_chain_stale_is_no_proxy() -> None:
    """One authority stands behind all of them here as well: the true one."""

    def stale(name: str, address: str, round_: str = "") -> list[Step]:
        del round_
        chain = (f"leaf-{name}", "one-public-authority")
        shown = tls(address, certificate_failure="ssl_invalid_certificate", certificates=chain)
        return [dns(name, (address,)), tcp(address), shown]

    built = CycleBuilder().controls(home=stale, abroad=stale).add(NEWS, stale(NEWS, SITE)).build()
    assert "local.intercepted" not in rules_of(judged(built, sentinel_cycle()))


# ---------------------------------------------------------------- resets that came too soon


def reset_after(reset_s: float, *connects_s: float, times: int = 2) -> list[Step]:
    steps = [replace(step, observation_id=new_id()) for step in failed("tls", RESET, attempts=times)]
    durations = iter([*connects_s, *[connects_s[-1]] * times])
    return [
        replace(step, duration_s=next(durations) if step.operation == "tcp" else reset_s)
        if step.operation in {"tcp", "tls"}
        else step
        for step in steps
    ]


@pytest.mark.parametrize(
    ("steps", "is_too_fast"),
    [
        (reset_after(0.03, 0.08), True),
        (reset_after(0.05, 0.08), False),
        (reset_after(0.03, 0.08, times=1), False),  # one odd reset proves nothing
        (reset_after(0.03, 0.08, 0.05), False),  # the round trip is the shortest that was seen
        (reset_after(0.04, 1.08), False),  # a SYN was lost: that is no round trip
    ],
)
def test_a_reset_counts_as_too_fast_against_the_shortest_round_trip(steps: list[Step], is_too_fast: bool) -> None:
    judgement = judged(cycle(steps), sentinel_cycle())
    assert ("tls.reset_too_fast" in rules_of(judgement)) == is_too_fast
    assert judgement.decision.state is not State.BLOCKED
