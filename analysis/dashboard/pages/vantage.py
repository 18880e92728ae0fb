"""One vantage: its health, its gaps and why, its clock, and each service over the days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from analysis.dashboard import happened, source
from analysis.dashboard.heat import days_of, rows_of
from analysis.dashboard.nothing import NothingHereError
from analysis.dashboard.pages.vantages import last_cycle
from probe.store.models import Cycle, Daily, GridCell, LinkSample, SelfCheck, Vantage

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

CYCLES = 20


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give what is known of a vantage itself."""
    vantage = session.get(Vantage, name)
    if vantage is None:
        raise NothingHereError("There is no vantage of that name")
    known = source.days(session)
    here = replace(asked, vantage=name)
    rows, days, span = [], [], ("", "")
    if known is not None:
        span = asked.span(known)
        query = (
            select(Daily.service, Daily.day, Daily.state, Daily.cells)
            .where(Daily.vantage_id == name, Daily.day >= span[0], Daily.day <= span[1])
            .order_by(Daily.day)
        )
        rows, days = rows_of([(s, d, w, n) for s, d, w, n in session.execute(query)], span), days_of(span)
    gaps = session.execute(
        select(GridCell.kind, GridCell.why, func.count(func.distinct(GridCell.slot_at)))
        .where(GridCell.vantage_id == name, GridCell.kind.in_(["missed", "not-yet-heard"]))
        .group_by(GridCell.kind, GridCell.why)
        .order_by(GridCell.kind, GridCell.why)
    ).all()
    cycles = session.scalars(
        select(Cycle).where(Cycle.vantage_id == name).order_by(Cycle.chain_seq.desc()).limit(CYCLES)
    ).all()
    return {
        "title": name,
        "vantage": vantage,
        "heard": last_cycle(session, name),
        "span": span,
        "days": days,
        "rows": rows,
        "gaps": [tuple(gap) for gap in gaps],
        "check": session.scalars(
            select(SelfCheck).where(SelfCheck.vantage_id == name).order_by(SelfCheck.chain_seq.desc()).limit(1)
        ).one_or_none(),
        "link": session.scalars(
            select(LinkSample).where(LinkSample.vantage_id == name).order_by(LinkSample.chain_seq.desc()).limit(1)
        ).one_or_none(),
        "cycles": cycles,
        "events": happened.rows_of(session, here)[:CYCLES],
    }
