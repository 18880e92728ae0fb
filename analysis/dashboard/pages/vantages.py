"""Every vantage within the filters: when it was last heard, and what share of its rounds it measured."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from analysis.dashboard import source
from analysis.dashboard.heat import GAPS, gravest
from probe.store.models import Cycle, Daily, Vantage

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give the vantages, those that measured least first."""
    del name
    known = source.days(session)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    if known is not None:
        query = asked.counted(Daily.vantage_id, Daily.state, span=asked.span(known))
        for vantage_id, state, cells in session.execute(query.add_columns(func.sum(Daily.cells))):
            counts[vantage_id][state] = cells
    chosen = session.scalars(
        select(Vantage).where(Vantage.vantage_id.in_(asked.of_places())).order_by(Vantage.vantage_id)
    ).all()
    heard = {one.vantage_id: last_cycle(session, one.vantage_id) for one in chosen}
    rows: list[dict[str, Any]] = []
    for one in chosen:
        of_states = counts.get(one.vantage_id, {})
        everything = sum(of_states.values())
        measured = everything - sum(of_states.get(gap, 0) for gap in GAPS)
        rows.append(
            {
                "vantage": one,
                "heard": heard[one.vantage_id],
                "share": measured / everything if everything else None,
                "ok": of_states.get("ok", 0),
                "measured": measured,
                "worst": gravest(of_states),
            }
        )
    rows.sort(key=lambda row: (row["share"] is not None, row["share"] or 0.0, row["vantage"].vantage_id))
    return {"title": "Vantages", "rows": rows}


def last_cycle(session: Session, vantage_id: str) -> datetime | None:
    """Give the slot of the last cycle that arrived of a vantage: the end of its chain, so that no table is searched."""
    query = select(Cycle.slot_at).where(Cycle.vantage_id == vantage_id).order_by(Cycle.chain_seq.desc()).limit(1)
    return session.scalar(query)
