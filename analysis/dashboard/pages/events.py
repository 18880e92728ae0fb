"""Every event within the filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.dashboard import happened

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from analysis.dashboard.asked import Asked

MOST = 300


def page(session: Session, asked: Asked, name: str) -> dict[str, Any]:
    """Give the events, the latest onset first."""
    del name
    found = happened.rows_of(session, asked)
    return {"title": "Events", "events": found[:MOST], "more_events": max(0, len(found) - MOST)}
