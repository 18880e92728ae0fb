"""What is happening now: open events, each service over the days, each network and region on the last one."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func

from analysis.dashboard import happened, source
from analysis.dashboard.heat import GAPS, days_of, gravest, rows_of
from probe.store.models import Daily

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

OPEN_EVENTS = 40


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give the counts by service and day, and by network and region on the last day shown."""
    del name
    known = source.days(session)
    if known is None:
        return {"is_empty": True, "title": "What is happening"}
    span = asked.span(known)
    cells = func.sum(Daily.cells)
    counted = session.execute(asked.counted(Daily.service, Daily.day, Daily.state, span=span).add_columns(cells))
    open_events = happened.rows_of(session, asked, is_open=True)
    return {
        "title": "What is happening",
        "span": span,
        "days": days_of(span),
        "rows": rows_of([(s, d, w, n) for s, d, w, n in counted], span),
        "open_events": open_events[:OPEN_EVENTS],
        "more_events": max(0, len(open_events) - OPEN_EVENTS),
        "areas": _areas(session, asked, (span[1], span[1])),
    }


def _areas(session: Session, asked: Asked, day: tuple[str, str]) -> list[dict[str, Any]]:
    """Count a day's cells by network and region, those with the smallest share of ``ok`` first."""
    query = asked.counted(Daily.vantage_id, Daily.state, span=day).add_columns(func.sum(Daily.cells))
    places = source.vantages(session)
    found: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for vantage_id, state, cells in session.execute(query):
        place = places[vantage_id]
        found[place.country, place.region or "", place.network or ""][state] += cells
    areas = []
    for (country, region, network), counts in found.items():
        measured = sum(cells for state, cells in counts.items() if state not in GAPS)
        areas.append(
            {
                "country": country,
                "region": region,
                "network": network,
                "measured": measured,
                "everything": sum(counts.values()),
                "ok": counts.get("ok", 0),
                "worst": gravest(counts),
            }
        )
    return sorted(
        areas,
        key=lambda a: (a["ok"] / a["measured"] if a["measured"] else -1, a["country"], a["region"], a["network"]),
    )
