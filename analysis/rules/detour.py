"""What another way round showed at the same moment: whether the target and the way out were alive.

Supports and never accuses: a proxy stands in another network, so a fault
anywhere on the vantage's own path leaves it untouched as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import is_same_page
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import sentinel_page
from probe.model import Operation

if TYPE_CHECKING:
    from analysis.facts import Facts, Step


def alive(facts: Facts) -> Evidence | None:
    """Fire where the target failed on the vantage's own path and answered, proven, by another way round."""
    if facts.measurement.outcome.is_reached:
        return None
    answers = [step for way in _ways(facts) if (step := _answer(facts, way, "target")) is not None]
    if not answers:
        return None
    return fired(
        "detour.alive",
        "By another way round the target answered at the same moment: neither it nor the line out is broken.",
        answers,
    )


def dead(facts: Facts) -> Evidence | None:
    """Fire where the target failed by another way round too, by which a control answered."""
    ways = [way for way in _ways(facts) if _answer(facts, way, "target") is None]
    controls = [step for way in ways if (step := _answer(facts, way, "control")) is not None]
    if facts.measurement.outcome.is_reached or not controls or alive(facts) is not None:
        return None
    failed = [s for s in facts.measurement.of_look("detour") if s.variant == "target" and s.failure is not None]
    return fired(
        "detour.dead",
        "By another way round, by which a control answered, the target failed as well.",
        [*failed, *controls],
    )


def _ways(facts: Facts) -> list[str]:
    return list(dict.fromkeys(step.way for step in facts.measurement.of_look("detour") if step.way))


def _answer(facts: Facts, way: str, variant: str) -> Step | None:
    """Give the page that came by a way, where TLS proves it or the sentinel got the same."""
    steps = [s for s in facts.measurement.of_look("detour") if (s.way, s.variant) == (way, variant)]
    page = next((s for s in steps if s.operation == Operation.HTTP and s.failure is None and s.status), None)
    if page is None:
        return None
    if any(step.operation == Operation.TLS for step in steps):
        return page if any(step.is_verified for step in steps) else None
    other = sentinel_page(facts)
    is_proven = variant == "control" or (other is not None and is_same_page(page, other))
    return page if is_proven else None
