"""Episodes: facts as a probe would have left them, and a truth that fits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.evaluate.simulate.episode import Family, simulate
from analysis.evaluate.simulate.generators import GENERATORS
from analysis.evaluate.truth import ACCUSING, ACCUSING_CAUSES, CAUSES, STATES
from analysis.pairs import Standing, standings

if TYPE_CHECKING:
    from analysis.evaluate.simulate.episode import Episode, Generator

BY_NAME = {generator.name: generator for generator in GENERATORS}


def first(name: str) -> Episode:
    """The first episode of a generator in which something is true."""
    return next(e for seed in range(20) if (e := simulate(BY_NAME[name], seed)).events)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.name)
def test_every_generator_makes_facts_whose_pairs_stand_and_a_truth_in_known_words(generator: Generator) -> None:
    episode = simulate(generator, 1)
    assert {s for cycle in episode.cycles for s in standings(cycle).values()} <= {Standing.COUNTED}
    assert {span.state for span in episode.spans} <= set(STATES)
    assert {event.cause for event in episode.events} <= set(CAUSES)
    ids = [s.observation_id for cycle in episode.cycles for m in cycle.measurements for s in (*m.steps, *m.closer)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("generator", [g for g in GENERATORS if g.family is Family.DAMAGE], ids=lambda g: g.name)
def test_in_damage_nobody_acts(generator: Generator) -> None:
    """Neither by its truth, nor by any box: what is set at a core there is a dead address, never a name."""
    for seed in range(3):
        episode = simulate(generator, seed)
        assert not {span.cause for span in episode.spans} & ACCUSING_CAUSES
        assert not {span.state for span in episode.spans} & ACCUSING


def test_names_are_told_once_and_some_of_every_cause_are_held_out() -> None:
    assert len(BY_NAME) == len(GENERATORS)
    families = {g.family for g in GENERATORS if g.family is not Family.CALM}
    assert {g.family for g in GENERATORS if g.held_out} == families
    assert {g.family for g in GENERATORS if not g.held_out} - {Family.CALM} == families


def test_the_same_seed_gives_the_same_episode_and_another_another() -> None:
    assert simulate(BY_NAME["sni-reset"], 5) == simulate(BY_NAME["sni-reset"], 5)
    assert simulate(BY_NAME["sni-reset"], 5).cycles != simulate(BY_NAME["sni-reset"], 6).cycles


def test_a_reset_after_the_hello_leaves_a_connection_and_no_handshake() -> None:
    episode = first("sni-reset")
    resets = [
        (m, step)
        for cycle in episode.cycles
        for m in cycle.measurements
        for step in m.steps
        if step.operation == "tls" and step.failure == "connection_reset"
    ]
    acted = {(v, t) for span in episode.spans for v in span.vantages for t in span.targets}
    assert resets
    assert {(m.vantage_id, m.target) for m, _ in resets} <= acted
    assert all(step.is_peer_hello_received is False and not step.certificates for _, step in resets)
    assert all(any(s.operation == "tcp" and s.failure is None for s in m.steps) for m, _ in resets)


def test_behind_a_cut_nothing_is_reached_and_nothing_is_looked_at_closer() -> None:
    episode = first("fibre-cut")
    span = episode.spans[0]
    dark = [
        cycle
        for cycle in episode.cycles
        if cycle.vantage.vantage_id in span.vantages
        and span.start < (cycle.started_at - episode.start).total_seconds() < span.end - 300
    ]
    assert all(not cycle.is_anything_reached for cycle in dark)
    assert all(not m.pairs and not m.closer for cycle in dark for m in cycle.measurements)


def test_where_something_begins_within_a_cycle_both_sides_are_accepted() -> None:
    episode = first("sni-reset")
    span = episode.spans[0]
    vantage, target = min(span.vantages), min(span.targets)
    slot = int(span.start // episode.cadence_s)
    if span.start % episode.cadence_s:
        assert episode.truth_of(vantage, target, slot + 1).state == "blocked"
        edge = episode.truth_of(vantage, target, slot)
        assert edge.state == "ok" or "ok" in edge.accept


def test_what_had_not_arrived_at_the_collector_is_not_there() -> None:
    """In an episode read at its end, a vantage that stays dark is silent from its last upload on."""
    for seed in range(40):
        episode = simulate(BY_NAME["site-burnt"], seed)
        struck = episode.spans[0].vantages
        heard = {
            v: max((c.started_at for c in episode.cycles if c.vantage.vantage_id == v), default=None) for v in struck
        }
        ends = [(at - episode.start).total_seconds() for at in heard.values() if at is not None]
        if ends and max(ends) < episode.spans[0].start < (episode.slots - 2) * episode.cadence_s:
            return
    pytest.fail("no such episode in forty")
