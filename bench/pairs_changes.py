"""How long the detectors are quiet where nothing changed, how soon they call, and whether their intervals hold.

Quiet: damage that reads no name, and discordant pairs until the first (false)
onset, against the bound of 1,000; blocks that go on, and pairs until a false
end. Prompt: pairs from a true onset or end to the call. Right: the share of
intervals that hold the true place, and their median width in pairs.

    .venv/bin/python bench/pairs_changes.py [RUNS]
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(__file__).rpartition("/")[0])

from pairs_guarantee import DAMAGE, paired

from analysis.detectors import Look, changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CALM, BLOCKED, AFTER = 300, 150, 150
MOST = 6_000
"""Pairs of a quiet series: who was not called by then counts with what there was."""


def looks(target: Sequence[bool], control: Sequence[bool]) -> list[Look]:
    """Give pairs a minute apart."""
    return [
        Look(BEGIN + timedelta(minutes=place), bool(t), bool(c))
        for place, (t, c) in enumerate(zip(target, control, strict=True))
    ]


def quiet(rng: Generator, runs: int) -> None:
    """Print the mean number of discordant pairs until a false onset."""
    print(f"False onsets in {runs} series of up to {MOST:,} pairs: discordant pairs looked at, a call")
    seen_by_all = calls_of_all = 0
    for name in ("20 % loss", "60 % loss", "on/off, 10 arms", "daily wave", "every second arm"):
        target, control = paired(DAMAGE[name](rng, runs, 2 * MOST), rng.random((runs, MOST)) < 0.5)
        seen = calls = 0
        for t, c in zip(target, control, strict=True):
            found = changes(looks(t, c))
            end = found[0].called + 1 if found else MOST
            seen += int((t[:end] != c[:end]).sum())
            calls += bool(found)
        seen_by_all, calls_of_all = seen_by_all + seen, calls_of_all + calls
        print(f"  {name:<18} {seen:>9,} for {calls} calls: one in {seen / max(calls, 1):,.0f}")
    print(f"  all together: one in {seen_by_all / max(calls_of_all, 1):,.0f} discordant pairs (the bound is 1,000)")


def goes_on(rng: Generator, runs: int) -> None:
    """Print the mean number of pairs until a false end of a block that goes on."""
    print(f"\nFalse ends of blocks that go on, in {runs} series of up to {MOST:,} pairs: pairs looked at, a call")
    for rate in (1.0, 0.97, 0.5):
        for loss in (0.0, 0.2):
            seen = calls = 0
            for _ in range(runs):
                control = rng.random(MOST) < loss
                target = (rng.random(MOST) < loss) | (rng.random(MOST) < rate)
                found = changes(looks(target, control))
                start = found[0].called if found else MOST
                end = found[1].called + 1 if len(found) > 1 else MOST
                seen += int((~control[start:end]).sum())
                calls += len(found) > 1
            mean = f"one in {seen / calls:,.0f}" if calls else "none"
            print(f"  block of {rate:.0%}, loss {loss:.0%}: {seen:>9,} for {calls} calls: {mean}")


def prompt(rng: Generator, runs: int) -> None:
    """Print delays, and how well the intervals hold."""
    print(f"\n{CALM} pairs free, {BLOCKED} blocked, {AFTER} free, {runs} times: calls, delay in pairs, intervals")
    for rate in (1.0, 0.5):
        for loss in (0.0, 0.02, 0.2):
            delays: dict[bool, list[int]] = {True: [], False: []}
            widths: dict[bool, list[int]] = {True: [], False: []}
            held: dict[bool, int] = {True: 0, False: 0}
            for _ in range(runs):
                count = CALM + BLOCKED + AFTER
                control = rng.random(count) < loss
                is_on = (np.arange(count) >= CALM) & (np.arange(count) < CALM + BLOCKED)
                target = (rng.random(count) < loss) | (is_on & (rng.random(count) < rate))
                for change in changes(looks(target, control))[:2]:
                    truth = CALM if change.is_onset else CALM + BLOCKED
                    after = -1 if change.after is None else round((change.after - BEGIN).total_seconds() / 60)
                    delays[change.is_onset].append(change.called + 1 - truth)
                    widths[change.is_onset].append(change.first - after)
                    held[change.is_onset] += after < truth <= change.first
            for is_onset, word in ((True, "onset"), (False, "end")):
                late = np.percentile(delays[is_onset], (50, 95)) if delays[is_onset] else (np.nan, np.nan)
                count = max(len(delays[is_onset]), 1)
                print(
                    f"  block of {rate:.0%}, loss {loss:.0%}, {word:<5}: called {len(delays[is_onset]) / runs:.0%}, "
                    f"after {late[0]:.0f} pairs (95 %: {late[1]:.0f}); the interval holds it in "
                    f"{held[is_onset] / count:.0%}, median width {np.median(widths[is_onset]):.0f}"
                )


def main() -> None:
    """Run and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = np.random.default_rng(2011)
    quiet(rng, runs)
    goes_on(rng, max(runs // 4, 1))
    prompt(rng, runs)


if __name__ == "__main__":
    main()
