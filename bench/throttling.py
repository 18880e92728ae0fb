"""How often paired transfers call a name throttled that is not, and how soon one that is.

Episodes of six cycles on lines that are bad in six ways, none of which reads a
name; then the same lines with a policer of 140 kbit/s on the name. Prints the
false calls with their upper bound (Clopper-Pearson, 95 %), and the share of
policed episodes that are called in their first cycle, and at all.

    .venv/bin/python bench/throttling.py [EPISODES]
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import beta

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.analyse import conclude
from analysis.states import State
from tests.analysis.transfer_simulator import DAMAGE, TARGET, episode

POLICED_BYTES_S = 17_500.0


def _states(name: str, number: int, *, is_policed: bool) -> list[State]:
    rng = np.random.default_rng(number)
    line = DAMAGE[number % len(DAMAGE)](rng)
    cycles = episode(rng, f"{name}{number}", line, policed_bytes_s=POLICED_BYTES_S if is_policed else None)
    judged = conclude(cycles).judged
    return [j.decision.state for j in judged if j.facts.measurement.target == TARGET and not _is_sentinel(j)]


def _is_sentinel(judged: object) -> bool:
    return judged.facts.cycle.vantage.is_sentinel  # type: ignore[attr-defined, no-any-return]


def main() -> None:
    """Run and print."""
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    false: Counter[str] = Counter()
    suspected = 0
    for number in range(episodes):
        states = _states("damage", number, is_policed=False)
        false[DAMAGE[number % len(DAMAGE)].__name__] += State.THROTTLED in states
        suspected += State.SUSPECTED in states
    wrong = sum(false.values())
    bound = float(beta.ppf(0.95, wrong + 1, episodes - wrong))
    print(f"{wrong} of {episodes} damage episodes called throttled (at most {bound * 1000:.2f} in 1,000 at 95 %)")
    print(f"by kind: {dict(false)}; suspected: {suspected}")
    policed = [_states("policed", number, is_policed=True) for number in range(max(episodes // 10, len(DAMAGE)))]
    for number, damage in enumerate(DAMAGE):
        mine = policed[number :: len(DAMAGE)]
        at_once = sum(states[0] is State.THROTTLED for states in mine)
        ever = sum(State.THROTTLED in states for states in mine)
        print(f"policed behind {damage.__name__}: {at_once} of {len(mine)} in the first cycle, {ever} within six")


if __name__ == "__main__":
    main()
