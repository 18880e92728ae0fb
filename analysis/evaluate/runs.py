"""Which episodes are simulated, and their scores: in order, whatever the number of processes."""

from __future__ import annotations

import gc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from analysis.evaluate.score import Score, score
from analysis.evaluate.simulate.episode import Family
from analysis.evaluate.simulate.generators import GENERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OTHERS_PER_DAMAGE = 60
"""Of every other mechanism one episode for so many of damage, which the bar on false accusations counts."""
LEAST = 4

Plan = tuple[tuple[str, int], ...]
"""Generator and seed of every episode."""


def plan(damage_episodes: int, seed: int) -> Plan:
    """Give so many episodes of damage, alike over its mechanisms, and some of every other mechanism."""
    damage = [g.name for g in GENERATORS if g.family is Family.DAMAGE]
    others = [g.name for g in GENERATORS if g.family is not Family.DAMAGE]
    names = [damage[i % len(damage)] for i in range(damage_episodes)]
    names += others * max(LEAST, damage_episodes // OTHERS_PER_DAMAGE)
    counts: Counter[str] = Counter()
    made: list[tuple[str, int]] = []
    for name in names:
        made.append((name, seed * 1_000_000 + counts[name]))
        counts[name] += 1
    return tuple(made)


def run(plan: Plan, jobs: int) -> Iterator[Score]:
    """Score every episode of a plan, in its order."""
    if jobs == 1:
        yield from map(_score, plan)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        yield from pool.map(_score, plan, chunksize=max(1, min(16, len(plan) // (4 * jobs))))


def _score(one: tuple[str, int]) -> Score:
    name, seed = one
    found = score(next(g for g in GENERATORS if g.name == name), seed)
    gc.collect()  # what one episode leaves in cycles is a few megabytes
    return found


def damage_of(scores: Sequence[Score]) -> list[Score]:
    """Give the episodes in which plant broke and nobody acted."""
    return [one for one in scores if one.family == Family.DAMAGE]
