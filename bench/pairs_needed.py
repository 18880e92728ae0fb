"""How many pairs until a name is called, on the analysis' own way: facts in, sorted into runs, judged by every guard.

A probe makes cycles as it does in the field: one pair of each target, and up to
24 more where something was odd, until 14 were discordant. A sentinel makes one
pair a cycle, and controls make negative ones. Counted are the target's own
pairs until its run has E >= 1,000 past e-BH while sentinel and negative
controls are calm (``called``), and until a measurement of it is ``blocked``,
which must itself have failed (``state``).

    .venv/bin/python bench/pairs_needed.py [RUNS]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.analyse import conclude
from analysis.rules.pairs import CALL_LOG10_E, NEGATIVE_LOG10_E, has_calm_sentinel
from analysis.runs import place_bets
from tests.analysis.fact_builder import RESET, TIMEOUT, CycleBuilder, failed, reached, sentinel_cycle

if TYPE_CHECKING:
    from analysis.facts import CycleFacts

NAME = "news.example.com"
FOLLOW_UP = 24
ENOUGH_DISCORDANT = 14
ATTEMPTS = 3
MOST_CYCLES = 40
NEVER = 10_000
CONTROLS = ("egov.example.kz", "example.org")
PAIR_S, CYCLE_S = 4.0, 900.0

Path_ = Callable[[float], bool]
"""Whether the path carries at a second."""


def steady(_rng: random.Random) -> Path_:
    """Give a path that is up."""
    return lambda _now: True


def half_up(dwell_s: float) -> Callable[[random.Random], Path_]:
    """Give a path that is up and down by turns of random length, of one mean."""

    def make(rng: random.Random) -> Path_:
        turns = [(0.0, rng.random() < 0.5)]

        def is_up(now: float) -> bool:
            while turns[-1][0] <= now:
                turns.append((turns[-1][0] + rng.expovariate(1.0 / dwell_s), not turns[-1][1]))
            return next(not up for until, up in reversed(turns) if until <= now)

        return is_up

    return make


class World:
    """One name behind a rule, on one path."""

    def __init__(self, rng: random.Random, path: Path_, *, loss: float, rate: float) -> None:
        self.rng, self.path, self.loss, self.rate = rng, path, loss, rate

    def failure(self, now: float, *, is_target: bool) -> str | None:
        """Send one arm, or one visit."""
        if not self.path(now) or self.rng.random() < self.loss:
            return TIMEOUT
        return RESET if is_target and self.rng.random() < self.rate else None

    def cycle(self, index: int) -> tuple[list[CycleFacts], int]:
        """Give the cycle of the vantage and of the sentinel, and how many pairs the target took."""
        now = index * CYCLE_S
        builder = CycleBuilder(index=index)
        visits = [self.failure(now + 20 * i, is_target=True) for i in range(ATTEMPTS)]
        is_reached = None in visits
        pairs = [self._pair(now + 60)]
        while len(pairs) <= FOLLOW_UP and sum(map(_is_discordant, pairs)) < ENOUGH_DISCORDANT:
            if is_reached and not any(map(_is_discordant, pairs)):
                break
            pairs.append(self._pair(now + 60 + PAIR_S * len(pairs)))
        for round_ in ("first", "last"):
            for name in CONTROLS:
                kind = "control-abroad" if name.endswith("org") else "control-home"
                builder.add(name, reached(name), kind=kind, round_=round_, pairs=[self._pair(now, is_negative=True)])
        builder.add(NAME, reached() if is_reached else failed("tls", RESET), pairs=pairs)
        return [builder.build(), sentinel_cycle(index=index, target=NAME)], len(pairs)

    def _pair(self, now: float, *, is_negative: bool = False) -> tuple[str, str, str | None, str | None]:
        is_first = self.rng.random() < 0.5
        at = {True: now, False: now + PAIR_S / 2}
        target = self.failure(at[is_first], is_target=not is_negative)
        return ("sni", "helper", target, self.failure(at[not is_first], is_target=False))


def _is_discordant(pair: tuple[str, str, str | None, str | None]) -> bool:
    return (pair[2] is None) != (pair[3] is None)


def is_called(cycles: list[CycleFacts]) -> bool:
    """Tell whether some run of the name has E >= 1,000 past e-BH, with sentinel and negative controls calm."""
    bets = place_bets(cycles)
    runs = {id(run): run for c in cycles if not c.vantage.is_sentinel for m in c.measurements if m.target == NAME
            for run in bets.runs_of.get(m.measurement_id, ())}  # fmt: skip
    negative = bets.negative_log10_e("almaty")
    return any(
        run.log10_e >= max(CALL_LOG10_E, run.bar_log10)
        and has_calm_sentinel(run)
        and max(negative, run.negative_log10_e) < NEGATIVE_LOG10_E
        for run in runs.values()
    )


def is_blocked(cycles: list[CycleFacts]) -> bool:
    """Tell whether some measurement of the name is ``blocked``."""
    return any(j.decision.state == "blocked" for j in conclude(cycles).judged if j.facts.measurement.target == NAME)


def needed(world: World) -> tuple[int, int]:
    """Give the pairs until the name is called, and until a measurement is ``blocked``; a large number for never."""
    cycles: list[CycleFacts] = []
    made = 0
    called = NEVER
    for index in range(MOST_CYCLES):
        more, count = world.cycle(index)
        if called == NEVER and is_called([*cycles, *more]):
            called = made + _first(count, partial(_is_called_by, cycles, more[0], more[1]))
        cycles += more
        made += count
        if called < NEVER and is_blocked(cycles):
            return called, made
    return called, NEVER


def _first(count: int, is_enough: Callable[[int], bool]) -> int:
    """Give the fewest of the last cycle's pairs that are enough."""
    return next((pairs for pairs in range(1, count) if is_enough(pairs)), count)


def _is_called_by(cycles: list[CycleFacts], here: CycleFacts, sentinel: CycleFacts, count: int) -> bool:
    return is_called([*cycles, _cut(here, count), sentinel])


def _cut(cycle: CycleFacts, count: int) -> CycleFacts:
    """Give the cycle as it would be had the target's pairs ended after so many."""
    return replace(
        cycle,
        measurements=tuple(replace(m, pairs=m.pairs[:count]) if m.target == NAME else m for m in cycle.measurements),
    )


CASES: tuple[tuple[str, float, float, Callable[[random.Random], Path_], int], ...] = (
    ("full block, no loss", 0.0, 1.0, steady, 25),
    ("full block, 2 % loss", 0.02, 1.0, steady, 25),
    ("full block, 20 % loss", 0.2, 1.0, steady, 25),
    ("half of the flows, 20 % loss", 0.2, 0.5, steady, 120),
    ("full block, path half up, turns of 2 s", 0.02, 1.0, half_up(2.0), 45),
    ("full block, path half up, turns of 20 s", 0.02, 1.0, half_up(20.0), 45),
    ("full block, path half up, turns of 60 s", 0.02, 1.0, half_up(60.0), 45),
    ("full block, path half up, turns of 5 min", 0.02, 1.0, half_up(300.0), 45),
)


def main() -> None:
    """Run and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{runs} runs each: pairs needed, 50/90/95/99 %, and the share within the bar")
    for name, loss, rate, path, bar in CASES:
        found = []
        for number in range(runs):
            rng = random.Random(f"{name}:{number}")
            found.append(needed(World(rng, path(rng), loss=loss, rate=rate)))
        called, blocked = np.array(found).T
        shown = "/".join(f"{np.percentile(called, q, method='higher'):.0f}" for q in (50, 90, 95, 99))
        state = "/".join(f"{np.percentile(blocked, q, method='higher'):.0f}" for q in (50, 90, 95))
        print(
            f"  {name:<42} {shown:<16} {(called <= bar).mean():6.1%} within {bar:>3}; state `blocked` {state}",
            flush=True,
        )


if __name__ == "__main__":
    main()
