"""Loss that grew on the way out before it went dark: a line that fails has harbingers, an order needs none.

A crowd that calls at once congests too, and whoever wants to feign a failing
line may drop half for a while. So it is a soft sign, and never enough alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import fisher_exact

from analysis.ledger import Entry
from analysis.rules.evidence import MAX_WITNESSES
from probe.model import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.causes.happening import Happening, Known, Outage
    from analysis.facts import CycleFacts, Step

BEFORE = timedelta(hours=2)
"""A line that fails, or a crowd that calls, is felt so long before."""

LOSSY = 0.05
"""Share of failed attempts from which on a path is said to lose."""

SURE = 0.001
"""Chance that so much more was lost than before and elsewhere, were it the same path."""

LOSS = -0.7
SLOW = -0.3
"""Handshakes that take three times as long as before: queues fill up."""
SLOWER = 3.0

_OPERATIONS = frozenset({Operation.TCP, Operation.TLS, Operation.HTTP})


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give what the controls of the vantages showed in the two hours before they went dark, against earlier."""
    failing: list[str] = []
    witness: list[str] = []
    slow: list[str] = []
    for outage in happening.outages:
        before, earlier = _cycles(outage, known)
        now, then = _tried(before), _tried(earlier)
        lost, usual = [s for s in now if s.failure is not None], [s for s in then if s.failure is not None]
        if now and then and len(lost) >= LOSSY * len(now) and len(lost) * len(then) > 2 * len(usual) * len(now):
            table = np.array([[len(lost), len(now) - len(lost)], [len(usual), len(then) - len(usual)]])
            if fisher_exact(table, alternative="greater").pvalue < SURE:
                failing.append(
                    f"{outage.vantage_id} {len(lost)} of {len(now)} attempts, earlier {len(usual)} of {len(then)}"
                )
                witness += [step.observation_id for step in lost]
        if _median(now) > SLOWER * _median(then) > 0.0:
            slow.append(f"{outage.vantage_id} {_median(now):.2f} s, earlier {_median(then):.2f} s")
    found: list[Entry] = []
    if failing:
        text = f"Before it went dark, attempts at controls failed more and more ({'; '.join(failing)}): a failing line."
        found.append(Entry("B", "loss.before", LOSS, tuple(dict.fromkeys(witness))[:MAX_WITNESSES], text))
    if slow:
        text = f"Before it went dark, connecting to controls became slow ({'; '.join(slow)}): queues filled up."
        found.append(Entry("B", "loss.delay", SLOW, (), text))
    return tuple(found)


def _cycles(outage: Outage, known: Known) -> tuple[list[CycleFacts], list[CycleFacts]]:
    """Give the cycles shortly before an outage, and those before them; of a short history, its halves."""
    all_before = [c for c in known.cycles_of.get(outage.vantage_id, ()) if c.started_at < outage.onset_before]
    since = outage.onset_before - BEFORE
    earlier = [c for c in all_before if c.started_at < since] or all_before[: len(all_before) // 2]
    return all_before[len(earlier) :], earlier


def _tried(cycles: Iterable[CycleFacts]) -> list[Step]:
    """Give the attempts at controls, which nobody would block, up to the last that succeeded.

    What failed after that is the darkness itself, which may have begun in the midst of a cycle.
    """
    steps = [
        step
        for cycle in cycles
        for measurement in sorted(cycle.controls(), key=lambda m: (m.started_at, m.measurement_id))
        for step in measurement.steps
        if step.operation in _OPERATIONS
    ]
    last = max((place for place, step in enumerate(steps) if step.failure is None), default=-1)
    return steps[: last + 1]


def _median(steps: Iterable[Step]) -> float:
    taken = sorted(s.duration_s for s in steps if s.operation == Operation.TCP and s.failure is None)
    return taken[len(taken) // 2] if taken else 0.0
