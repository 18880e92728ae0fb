"""What earlier cycles learnt and need not be learnt anew: asked of the store as a cycle begins.

A cycle is a process that ends, so nothing else remembers. What is found here
only decides what is left out; every step that stands for it is in the store.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from probe.model import Operation
from probe.store import models
from probe.techniques import shape
from probe.techniques.technique import Known

if TYPE_CHECKING:
    from datetime import datetime

    from probe.store.database import Database


def known_shapes(database: Database, vantage_id: str, since: datetime) -> dict[str, list[Known]]:
    """Give, by target, which of a rule's variants were tried often enough in one look since then."""
    run, measured, step = models.TechniqueRun, models.Measurement, models.Observation
    looks = (
        select(run.measurement_id, measured.target, run.started_at)
        .join(measured, measured.measurement_id == run.measurement_id)
        .where(run.vantage_id == vantage_id, run.technique == shape.SHAPE.name, run.started_at > since)
        .subquery()
    )
    tried = (
        select(looks.c.target, looks.c.started_at, step.variant)
        .join(looks, looks.c.measurement_id == step.measurement_id)
        .where(
            step.technique == shape.SHAPE.name,
            or_(step.operation == Operation.TLS.value, step.failure.is_not(None)),  # the last step of a trial
        )
        .group_by(looks.c.measurement_id, looks.c.target, looks.c.started_at, step.variant)
        .having(func.count() >= shape.TRIALS)
    )
    variants: dict[tuple[str, datetime], set[str]] = defaultdict(set)
    with database.session() as session:
        for target, started_at, variant in session.execute(tried):
            variants[target, started_at].add(variant)
    known: dict[str, list[Known]] = defaultdict(list)
    for (target, started_at), names in sorted(variants.items()):
        known[target].append(Known(started_at, frozenset(names)))
    return dict(known)
