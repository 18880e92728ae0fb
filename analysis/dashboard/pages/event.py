"""One event: its sentence, when and where, the ledger with both readings, its series and the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from analysis.dashboard import source, words
from analysis.dashboard.nothing import NothingHereError
from analysis.report.appearance import LOOK, LOOK_OF_CAUSE
from probe.store.models import Event, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

ENTRIES, WITNESSES, MEMBERS = 60, 12, 200


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give an event in full, its lists cut where they grow long."""
    del asked
    event = session.get(Event, name)
    if event is None:
        raise NothingHereError("There is no event of that name: events are drawn anew by each analysis")
    places = source.vantages(session)
    inside = [places[one] for one in event.scope.get("vantages", []) if one in places]
    entries = sorted(event.ledger, key=lambda entry: (str(entry["channel"]), -abs(float(entry["log10_lr"]))))
    found = _measurements(session, entries[:ENTRIES])
    members = event.members or []
    return {
        "title": f"{words.cause(event.cause)}: {words.scope(event, places)}",
        "event": event,
        "look": LOOK[LOOK_OF_CAUSE.get(event.cause, "insufficient")],
        "reading": words.cause(event.cause, "reading"),
        "other": words.cause(event.cause, "other"),
        "began": words.interval(event.onset_after, event.onset_before),
        "began_locally": words.locally(event.onset_before, inside),
        "ended": words.interval(event.end_after, event.end_before),
        "ended_locally": words.locally(event.end_before, inside),
        "entries": [
            {**entry, "shown": [(row, found.get(row)) for row in _first(entry)]} for entry in entries[:ENTRIES]
        ],
        "witnesses": WITNESSES,
        "more_entries": max(0, len(entries) - ENTRIES),
        "hypotheses": event.hypotheses or [],
        "would_change": event.would_change or [],
        "members": members[:MEMBERS],
        "more_members": max(0, len(members) - MEMBERS),
        "places": places,
    }


def _first(entry: Mapping[str, Any]) -> list[str]:
    return [str(row) for row in entry.get("witness", [])[:WITNESSES]]


def _measurements(session: Session, entries: list[dict[str, Any]]) -> dict[str, str]:
    """Give the measurement of each observation among the witnesses shown; other rows have no page."""
    rows = {row for entry in entries for row in _first(entry)}
    query = select(Observation.observation_id, Observation.measurement_id).where(Observation.observation_id.in_(rows))
    return {row: measurement for row, measurement in session.execute(query)}  # noqa: C416 - mypy sees rows, not pairs
