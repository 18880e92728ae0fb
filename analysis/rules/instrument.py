"""Our own instrument: a failure that follows the version of the software accuses nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.rules.evidence import Evidence, fired

if TYPE_CHECKING:
    from analysis.facts import Facts


def defect(facts: Facts) -> Evidence | None:
    """Fire where the target failed under a version under which it fails in several networks, and not beside it."""
    if facts.defect is None or facts.measurement.outcome.is_reached:
        return None
    return fired("instrument.defect", facts.defect.text, facts.measurement.outcome.steps)
