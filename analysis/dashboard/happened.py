"""Events as lists show them; their ledgers, which may be long, stay in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import load_only

from analysis.dashboard import source, words
from analysis.report.appearance import LOOK, LOOK_OF_CAUSE
from probe.store.models import Event

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked


def rows_of(session: Session, asked: Asked, *, is_open: bool = False) -> list[dict[str, Any]]:
    """Give the events within the filters, the latest onset first."""
    places = source.vantages(session)
    query = select(Event).options(
        load_only(
            Event.cause,
            Event.scope,
            Event.mechanisms,
            Event.onset_after,
            Event.onset_before,
            Event.end_after,
            Event.end_before,
        )
    )
    if is_open:
        query = query.where(Event.end_before.is_(None))
    found = session.scalars(query.order_by(Event.onset_before.desc(), Event.event_id))
    return [
        {
            "event": event,
            "look": LOOK[LOOK_OF_CAUSE.get(event.cause, "insufficient")],
            "title": words.cause(event.cause),
            "scope": words.scope(event, places),
            "began": words.interval(event.onset_after, event.onset_before),
            "ended": words.interval(event.end_after, event.end_before),
        }
        for event in found
        if asked.admits(event, places)
    ]
