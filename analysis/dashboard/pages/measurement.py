"""One measurement, or all of one cycle: what was concluded, every rule that fired, every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from analysis.dashboard.nothing import NothingHereError
from probe.store.models import Cycle, Evidence, Measurement, Observation, State

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

STEPS, MEASUREMENTS = 300, 300


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give a measurement with its steps; of the name of a cycle, its measurements."""
    del asked
    measurement = session.get(Measurement, name)
    if measurement is None:
        return _cycle(session, name)
    steps = session.scalars(
        select(Observation).where(Observation.measurement_id == name).order_by(Observation.chain_seq).limit(STEPS + 1)
    ).all()
    return {
        "title": f"{measurement.target}, {measurement.vantage_id}",
        "measurement": measurement,
        "state": session.get(State, name),
        "evidence": session.scalars(
            select(Evidence).where(Evidence.measurement_id == name).order_by(Evidence.rule)
        ).all(),
        "steps": steps[:STEPS],
        "is_cut": len(steps) > STEPS,
    }


def _cycle(session: Session, name: str) -> dict[str, Any]:
    cycle = session.get(Cycle, name)
    if cycle is None:
        raise NothingHereError("There is no measurement and no cycle of that name")
    found = session.execute(
        select(Measurement, State)
        .outerjoin(State, State.measurement_id == Measurement.measurement_id)
        .where(Measurement.cycle_id == name)
        .order_by(Measurement.chain_seq)
        .limit(MEASUREMENTS)
    ).all()
    return {"title": f"A cycle of {cycle.vantage_id}", "cycle": cycle, "measurements": [tuple(one) for one in found]}
