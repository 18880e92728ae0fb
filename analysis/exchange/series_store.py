"""Series from elsewhere in the store: written once, read back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from analysis.exchange.outside import Series
from probe.store.models import OutsidePoint, OutsideSeries
from probe.store.writing import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from probe.store.database import Database


def store_series(database: Database, several: Iterable[Series], received_at: datetime) -> int:
    """Store those that are not there yet, all or none; give their count."""
    wanted = {series.series_id: series for series in several}
    with transaction(database.engine) as connection:
        held = set(connection.scalars(select(OutsideSeries.series_id)))
        new = [series for series_id, series in wanted.items() if series_id not in held]
        for series in new:
            connection.execute(
                insert(OutsideSeries),
                [
                    {
                        "series_id": series.series_id,
                        "source": series.source,
                        "kind": series.kind,
                        "scope_kind": series.scope_kind,
                        "scope": series.scope,
                        "step_s": series.step_s,
                        "file_sha256": series.file_sha256,
                        "received_at": received_at,
                    }
                ],
            )
            points = [{"series_id": series.series_id, "at": at, "value": value} for at, value in series.points]
            if points:
                connection.execute(insert(OutsidePoint), points)
    return len(new)


def read_stored(session: Session) -> list[Series]:
    """Give every stored series, in order of what it is of."""
    points: dict[str, list[tuple[datetime, float | None]]] = {}
    columns = (OutsidePoint.series_id, OutsidePoint.at, OutsidePoint.value)
    for series_id, at, value in session.execute(select(*columns).order_by(OutsidePoint.series_id, OutsidePoint.at)):
        points.setdefault(series_id, []).append((at, value))
    rows = session.scalars(select(OutsideSeries).order_by(OutsideSeries.series_id))
    found = [
        Series(
            source=row.source,
            kind=row.kind,
            scope_kind=row.scope_kind,
            scope=row.scope,
            step_s=row.step_s,
            points=tuple(points.get(row.series_id, ())),
            file_sha256=row.file_sha256,
        )
        for row in rows
    ]
    return sorted(found, key=lambda s: (s.scope_kind, s.scope, s.source, s.kind, s.series_id))
