"""Who stands beside a measurement, as a plain search over everything would find it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.context import facts_of_all
from analysis.facts import CycleFacts, MeasurementFacts, SelfFacts, Step, VantageFacts, Witness
from analysis.runs import WINDOW, place_bets
from analysis.transfer_runs import place_transfers
from analysis.video import REMEMBERED, reading_of
from tests.analysis.fact_builder import T0

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import Facts

PLACES = {"a": "probe", "b": "probe", "s": "control", "t": "control"}
STEPS_APART = (WINDOW / 2, WINDOW, REMEMBERED / 2, REMEMBERED, timedelta(seconds=1))
"""Times at, inside and beyond both limits, many of them equal."""

moments = st.lists(st.sampled_from(STEPS_APART), max_size=3).map(lambda parts: T0 + sum(parts, timedelta()))
passes = st.tuples(
    st.sampled_from(sorted(PLACES)),
    moments,
    st.booleans(),
    st.sampled_from(["film", "news"]),
    st.sampled_from(["OK", "UNPLAYABLE", None]),
)


def fleet(drawn: Sequence[tuple[str, object, bool, str, str | None]]) -> list[CycleFacts]:
    """Give a cycle with one measurement for every draw."""
    cycles = []
    for number, (place, at, is_tunnel, target, playability) in enumerate(drawn):
        step = Step(
            observation_id=f"o{number}",
            operation="http",
            url="https://x.example/",
            status=200,
            body_length_bytes=9,
            playability=playability,
        )
        measurement = MeasurementFacts(
            measurement_id=f"m{number:02d}",
            cycle_id=f"c{number:02d}",
            vantage_id=place,
            service=target,
            target=target,
            url="https://x.example/",
            kind="target",
            round="main",
            started_at=at,  # type: ignore[arg-type]
            video="v" if target == "film" else None,
            steps=(step,),
        )
        cycles.append(
            CycleFacts(
                cycle_id=f"c{number:02d}",
                vantage=VantageFacts(vantage_id=place, role=PLACES[place]),
                started_at=at,  # type: ignore[arg-type]
                software_version="1",
                schedule_sha256="0" * 64,
                seed_commitment=f"{number:064d}",
                itself=SelfFacts(way_out="tunnel", has_other_line=True) if is_tunnel else None,
                measurements=(measurement,),
            )
        )
    return cycles


def beside(cycles: Sequence[CycleFacts], one: MeasurementFacts, within: timedelta) -> list[Witness]:
    """Search everything for the same target within a time, the nearest first."""
    found = [Witness(m, c) for c in cycles for m in c.measurements if m.target == one.target]
    near = [w for w in found if abs(w.measurement.started_at - one.started_at) <= within]
    told = [w for w in near if not w.cycle.is_through_tunnel]
    return sorted(told, key=lambda w: (abs(w.measurement.started_at - one.started_at), w.measurement.measurement_id))


def facts_from(cycles: Sequence[CycleFacts]) -> list[Facts]:
    bets = place_bets(cycles)
    return list(facts_of_all(cycles, bets, place_transfers(cycles, bets.standing_of)))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(passes, min_size=1, max_size=12))
def test_witnesses_are_those_of_a_plain_search(drawn: list[tuple[str, object, bool, str, str | None]]) -> None:
    cycles = fleet(drawn)
    for facts in facts_from(cycles):
        one = facts.measurement
        near = [w for w in beside(cycles, one, WINDOW) if w.measurement.vantage_id != one.vantage_id]
        assert list(facts.sentinels) == [w for w in near if w.cycle.vantage.is_sentinel]
        assert list(facts.elsewhere) == [w for w in near if not w.cycle.vantage.is_sentinel]

        films: dict[str, Witness] = {}
        if one.video is not None or reading_of(one) is not None:
            for w in beside(cycles, one, REMEMBERED):
                is_ours = w.measurement.vantage_id == one.vantage_id
                if reading_of(w.measurement) is not None and not (
                    is_ours and w.measurement.started_at > one.started_at
                ):
                    films.setdefault(w.measurement.vantage_id, w)
        assert facts.last_film == films.pop(one.vantage_id, None)
        assert facts.films == tuple(film for _, film in sorted(films.items()))


def test_a_witness_is_found_at_the_very_edge_of_the_window_and_not_beyond() -> None:
    here, there = ("a", T0, False, "news", None), ("b", T0 + WINDOW, False, "news", None)
    cycles = fleet([here, there])
    assert [w.measurement.vantage_id for w in facts_from(cycles)[0].elsewhere] == ["b"]
    late = cycles[1].measurements[0]
    late = replace(late, started_at=late.started_at + timedelta(microseconds=1))
    cycles[1] = replace(cycles[1], measurements=(late,))
    assert not facts_from(cycles)[0].elsewhere
