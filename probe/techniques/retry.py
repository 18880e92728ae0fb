"""The same again, up to the limit: whatever passes by itself needs no further look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.anomaly import Anomaly
from probe.measure import is_answered, routine
from probe.techniques.technique import Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case


async def run(case: Case) -> None:
    """Measure again, until it answers or the attempts are used up; the steps count as the routine's own."""
    for attempt in range(2, case.tools.limits.retries + 1):
        steps = await routine(case.target, case.tools, attempt)
        case.steps += steps
        if is_answered(steps):
            return


RETRY = Technique(
    name="retry",
    summary="the same measurement again, until it answers",
    looks_into=frozenset({Anomaly.UNANSWERED}),
    most_bytes=40_000,
    most_s=120.0,
    run=run,
)
