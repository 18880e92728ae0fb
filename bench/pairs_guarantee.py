"""How often pairs accuse where nothing reads names; and what each guard keeps away, by leaving it out.

First the guarantee: many kinds of damage, 400 looks, the share of series whose
E ever reaches 10, 100 and 1,000, and the mean E at the end. Then the same
damage measured with the arms in separate blocks, and a test at p < .05. Then
one line a guard: the share of series that reach E >= 1,000, or are called, with
it and without it. Nothing here reads a name but where it is said.

    .venv/bin/python bench/pairs_guarantee.py [RUNS]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import beta, fisher_exact

from analysis.combining import e_bh_bar
from analysis.pairs import log10_e

LOOKS = 400
Rng = np.random.Generator
Array = np.ndarray[Any, Any]
Damage = Callable[[Rng, int, int], Array]
"""(chance, series, arms in order of time) -> which arms fail; only time and chance, no arm's name."""


# ---------------------------------------------------------------- damage


def loss(share: float) -> Damage:
    """Lose each arm by itself."""
    return lambda rng, runs, arms: rng.random((runs, arms)) < share


def on_off(dwell_arms: float, up_share: float = 0.5, also: float = 0.2) -> Damage:
    """Go up and down by turns of random length, whose mean is given in arms while up; lose some of the rest as well."""

    def fail(rng: Rng, runs: int, arms: int) -> Array:
        is_down = np.zeros((runs, arms), dtype=bool)
        now = rng.random(runs) >= up_share
        to_down, to_up = 1.0 / dwell_arms, up_share / (1.0 - up_share) / dwell_arms
        for arm in range(arms):
            now = np.where(now, rng.random(runs) >= to_up, rng.random(runs) < to_down)
            is_down[:, arm] = now
        return is_down | (rng.random((runs, arms)) < also)

    return fail


def daily(rng: Rng, runs: int, arms: int) -> Array:
    """Lose as a congested evening does: between nothing and four in five, in a wave of 192 arms."""
    phase = rng.random((runs, 1)) * 2.0 * math.pi
    share = 0.4 + 0.4 * np.sin(2.0 * math.pi * np.arange(arms) / 192.0 + phase)
    return rng.random((runs, arms)) < share


def in_step(rng: Rng, runs: int, arms: int) -> Array:
    """Fail every second arm: whoever comes second has lost, nearly always."""
    return np.tile(np.arange(arms) % 2 == 1, (runs, 1)) ^ (rng.random((runs, arms)) < 0.02)


def repair(rng: Rng, runs: int, arms: int) -> Array:
    """Fail all at first, and ever less, in steps."""
    share = 1.0 - np.minimum(np.arange(arms) * 5 // arms, 4) / 4.0
    return rng.random((runs, arms)) < share


DAMAGE: dict[str, Damage] = {
    "20 % loss": loss(0.2),
    "60 % loss": loss(0.6),
    "on/off, 2 arms": on_off(2.0),
    "on/off, 10 arms": on_off(10.0),
    "on/off, 50 arms": on_off(50.0),
    "on/off, 200 arms": on_off(200.0),
    "bursts (up 90 %)": on_off(30.0, up_share=0.9, also=0.0),
    "daily wave": daily,
    "every second arm": in_step,
    "staged repair": repair,
}


# ---------------------------------------------------------------- the test


def table(size: int) -> Array:
    """log10 E for every count up to ``size``."""
    found = np.full((size + 1, size + 1), -np.inf)
    for m in range(size + 1):
        found[m, : m + 1] = [log10_e(m, k) for k in range(m + 1)]
    return found


TABLE = table(LOOKS)


def paired(fails: Array, first: Array) -> tuple[Array, Array]:
    """Share the arms out: which failed as the target's, and which as the control's."""
    one, two = fails[:, 0::2], fails[:, 1::2]
    return np.where(first, one, two), np.where(first, two, one)


def log10_of(target: Array, control: Array) -> Array:
    """log10 E after each pair."""
    return TABLE[np.cumsum(target != control, axis=1), np.cumsum(target & ~control, axis=1)]


def upper(count: int, runs: int) -> float:
    """Bound the share from above at 95 % (Clopper and Pearson)."""
    return float(beta.ppf(0.95, count + 1, runs - count)) if count < runs else 1.0


def share(hits: Array) -> str:
    """Say how often, with the bound."""
    return f"{hits.mean():7.2%} (at most {upper(int(hits.sum()), len(hits)):.2%})"


def guarantee(rng: Rng, runs: int) -> None:
    """Print what pairs say of damage."""
    print(f"\n{runs:,} series of {LOOKS} pairs that read no name: E ever beyond a threshold, and its mean at the end")
    ever = []
    for name, damage in DAMAGE.items():
        target, control = paired(damage(rng, runs, 2 * LOOKS), rng.random((runs, LOOKS)) < 0.5)
        values = log10_of(target, control)
        highest = values.max(axis=1)
        ever.append(highest >= 3.0)
        beyond = "  ".join(f"{(highest >= t).mean():7.3%}" for t in (1.0, 2.0, 3.0))
        print(f"  {name:<18} E >= 10, 100, 1,000: {beyond}   mean E {(10.0 ** values[:, -1]).mean():.2f}")
    print(f"  all together: E >= 1,000 in {share(np.concatenate(ever))}")


def in_blocks(rng: Rng, runs: int, pairs: int = 50) -> None:
    """Print what a test at p < .05 says of the same damage, when all of the one arm come before all of the other."""
    print(f"\nThe same damage, {pairs} of each arm in separate blocks, Fisher's test at p < .05: false alarms")
    critical: dict[tuple[int, int], bool] = {}
    for name, damage in DAMAGE.items():
        fails = damage(rng, runs, 2 * pairs)
        first, second = fails[:, :pairs].sum(axis=1), fails[:, pairs:].sum(axis=1)
        alarms = 0
        for one, two in zip(first.tolist(), second.tolist(), strict=True):
            if (one, two) not in critical:
                _, p = fisher_exact([[one, pairs - one], [two, pairs - two]], alternative="greater")
                critical[one, two] = bool(p < 0.05)
            alarms += critical[one, two]
        print(f"  {name:<18} {alarms / runs:6.1%}")


# ---------------------------------------------------------------- the guards


def guards(rng: Rng, runs: int) -> None:
    """Print each guard, with it and without it."""
    print("\nWhat each guard keeps away: share of series with E >= 1,000 within 100 pairs, or of calls")
    coin = rng.random((runs, 100)) < 0.5
    quiet = loss(0.02)(rng, runs, 200)

    def called(target: Array, control: Array) -> Array:
        return log10_of(target, control).max(axis=1) >= 3.0

    def told(guard: str, kept: Array, left_out: Array) -> None:
        print(f"  {guard:<58} with {share(kept)}   without {share(left_out)}")

    base_t, base_c = paired(quiet, coin)

    # 1. damage drops packets beyond a size, and the target's name is six letters longer than the control's
    limit = rng.integers(-20, 20, (runs, 1))
    told("1 length: packets beyond a size are lost", called(base_t | (limit < 0), base_c | (limit < 0)),
         called(base_t | (limit < 6), base_c | (limit < 0)))  # fmt: skip

    # 2. a rule strikes, and punishes the address and port for the next seven arms: with a rest, another address is used
    target_first = coin
    struck = np.ones((runs, 100), dtype=bool)
    punished_c = np.where(
        target_first, True, np.roll(struck, 1, axis=1)
    )  # the control right after a target, or in its pair
    told("2 rest, where there IS a rule (found, not falsely called)", called(struck, base_c | (target_first & False)),
         called(struck, base_c | punished_c))  # fmt: skip

    # 3. one of two equal ways is dead, chosen by the lowest bit of the source port; connect() hands out even ports to
    #    one arm where the other arm binds its own
    dead_way = rng.integers(0, 2, (runs, 1))
    port_t, port_c = rng.integers(0, 2, (runs, 100)), rng.integers(0, 2, (runs, 100))
    told("3 ports: one way of two is dead, by the port's lowest bit",
         called(base_t | (port_t == dead_way), base_c | (port_c == dead_way)),
         called(base_t | (dead_way == 1), base_c | (port_c == dead_way)))  # fmt: skip

    # 4. a filter in front of the helper reads names, always or every second time; the sentinel has made four pairs
    for rate, word in ((1.0, "always"), (0.5, "every second time")):
        strikes = rng.random((runs, 100)) < rate
        inside = called(base_t | strikes, base_c)
        outside = (rng.random((runs, 4)) < rate).sum(axis=1)
        is_calm = (outside == 0) & (0.5**4 <= 0.2)
        told(f"4 sentinel: the helper's side reads names, {word}", inside & is_calm, inside)

    # 6. the instrument fails the first name that it is told, one time in three, innocuous or not
    broken = rng.random((runs, 100)) < 1 / 3
    other = paired(loss(0.02)(rng, runs, 200), rng.random((runs, 100)) < 0.5)
    negative = log10_of(other[0] | (rng.random((runs, 100)) < 1 / 3), other[1])[:, -1]
    faulty = called(base_t | broken, base_c)
    told("6 negative controls: the instrument fails one arm in three", faulty & (negative < 2.0), faulty)

    # 7. a thousand targets under damage, at one report: any false call in the report
    reports = max(runs // 50, 20)
    with_bar, without = np.zeros(reports, dtype=bool), np.zeros(reports, dtype=bool)
    highest_ever = np.zeros(reports, dtype=bool)
    for report in range(reports):
        t, c = paired(on_off(10.0)(rng, 1000, 200), rng.random((1000, 100)) < 0.5)
        values = log10_of(t, c)
        with_bar[report] = (values[:, -1] >= max(3.0, e_bh_bar(values[:, -1].tolist()))).any()
        without[report] = (values[:, -1] >= 3.0).any()
        highest_ever[report] = (values.max(axis=1) >= 3.0).any()
    told("7 e-BH: any false call in a report on 1,000 targets", with_bar, without)
    print(f"  {'   the same by running maxima at 1,000':<58}      {'':>24}   without {share(highest_ever)}")

    # 9. one of five vantages is faulty and fails the target's arm always; the claim is on all of them
    product = np.zeros((runs, 5))
    for vantage in range(5):
        t, c = paired(loss(0.2)(rng, runs, 60), rng.random((runs, 30)) < 0.5)
        product[:, vantage] = log10_of(t | (vantage == 0), c)[:, -1]
    total = product.sum(axis=1)
    told("9 leave one out: one of five vantages is faulty", total - product.max(axis=1) >= 3.0, total >= 3.0)


def main() -> None:
    """Run and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rng = np.random.default_rng(20111216)
    guarantee(rng, runs)
    in_blocks(rng, runs)
    guards(rng, runs)


if __name__ == "__main__":
    main()
