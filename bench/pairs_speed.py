"""Seconds of the processor to sort pairs into totals, runs, bars and changes; as their number doubles, they must, too.

Twenty vantages and a sentinel make pairs of fifty targets under 5 % loss; every
tenth target is blocked for a third of the time at every vantage, so that runs
are long. Prints seconds a million pairs at each size; only the sorting counts.

    .venv/bin/python bench/pairs_speed.py [PAIRS]
"""

from __future__ import annotations

import hashlib
import random
import sys
from datetime import UTC, datetime, timedelta
from time import process_time

from analysis.facts import CycleFacts, MeasurementFacts, PairFacts, Step, VantageFacts
from analysis.runs import place_bets
from probe.randomness import commitment, is_target_first, scramble

HELPER = "45.33.32.1"
TARGETS = tuple(f"news{i:02d}.example.com" for i in range(50))
VANTAGES = (*(f"v{i:02d}" for i in range(20)), "sentinel")
LOSS = 0.05
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

_ARMS = {
    (is_second, has_failed): Step(
        observation_id=f"{is_second}{has_failed}",
        operation="tls",
        address=HELPER,
        port=443,
        started_mono_s=float(is_second),
        failure="generic_timeout_error" if has_failed else None,
    )
    for is_second in (False, True)
    for has_failed in (False, True)
}


def cycle(vantage: str, index: int, cycles: int, rng: random.Random) -> CycleFacts:
    """Give a cycle with one pair of every target; steps are shared, because only the sorting is timed."""
    cycle_id = f"{vantage}-{index:06d}"
    seed = hashlib.sha256(cycle_id.encode()).digest()
    at = BEGIN + index * timedelta(minutes=15)
    measurements = []
    for number, target in enumerate(TARGETS, start=1):
        is_blocked = number % 10 == 0 and cycles < 3 * index < 2 * cycles and vantage != "sentinel"
        is_first = is_target_first(seed, number)
        pair = PairFacts(
            pair_id=f"{cycle_id}.{number}",
            number=number,
            name_kind="sni",
            peer="helper",
            address=HELPER,
            port=443,
            target_name=target,
            control_name=scramble(seed, number, target),
            is_target_first=is_first,
            is_negative_control=False,
            target_arm=_ARMS[not is_first, is_blocked or rng.random() < LOSS],
            control_arm=_ARMS[is_first, rng.random() < LOSS],
        )
        measurements.append(
            MeasurementFacts(
                measurement_id=f"{cycle_id}.m{number}",
                cycle_id=cycle_id,
                vantage_id=vantage,
                service=target,
                target=target,
                url=f"https://{target}/",
                kind="target",
                round="main",
                started_at=at,
                pairs=(pair,),
            )
        )
    return CycleFacts(
        cycle_id=cycle_id,
        vantage=VantageFacts(vantage_id=vantage, role="control" if vantage == "sentinel" else "probe"),
        started_at=at,
        seed_commitment=commitment(seed),
        outcome="complete",
        seed=seed.hex(),
        measurements=tuple(measurements),
    )


def main() -> None:
    """Double the number of pairs up to the one asked for, and print."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    size = most // 4
    while size <= most:
        rng = random.Random(size)
        count = max(size // (len(TARGETS) * len(VANTAGES)), 1)
        cycles = [cycle(vantage, index, count, rng) for index in range(count) for vantage in VANTAGES]
        pairs = count * len(TARGETS) * len(VANTAGES)
        began = process_time()
        bets = place_bets(cycles)
        took = process_time() - began
        dated = sum(map(len, bets.changes_of.values()))
        print(f"{pairs:>9,} pairs: {took:6.1f} s, {took / pairs * 1e6:5.1f} s a million; {dated} changes", flush=True)
        del cycles, bets
        size *= 2


if __name__ == "__main__":
    main()
