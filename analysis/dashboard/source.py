"""The database behind the pages: opened so that it cannot be written, and asked first whether there is news."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from probe.store import models

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def version_of(session: Session) -> str:
    """Name what the database holds at the moment: another name, another page. Costs two lookups."""
    drawn = session.execute(select(models.Analysis.facts_sha256, models.Analysis.ruleset)).one_or_none()
    heard = session.execute(select(models.ChainEnd.vantage_id, models.ChainEnd.chain_seq)).all()
    rows = sum(seq for _, seq in heard)
    return f"{drawn[0][:16]}-{drawn[1]}-{rows}" if drawn else f"none-{rows}"


def days(session: Session) -> tuple[date, date] | None:
    """Give the first and the last day of which anything is counted."""
    first, last = session.execute(select(func.min(models.Daily.day), func.max(models.Daily.day))).one()
    return (date.fromisoformat(first), date.fromisoformat(last)) if last else None


def vantages(session: Session) -> dict[str, models.Vantage]:
    """Give every vantage by its name, in order."""
    found = session.scalars(select(models.Vantage).order_by(models.Vantage.vantage_id))
    return {one.vantage_id: one for one in found}
