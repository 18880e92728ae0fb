"""From read measurements to rows in the store: chained like our own, many at a time, and none twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from analysis.facts import IMPORTED_FROM_OONI
from probe.record import Recorder
from probe.store import models
from probe.vantage import LAB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from analysis.exchange.ooni.measurement import Imported, Pass
    from probe.store.database import Database

TOGETHER: Final = 200
"""Measurements written in one transaction a vantage."""
_ASKED_AT_ONCE: Final = 500
"""Identifiers in one query."""


@dataclass(slots=True)
class Storing:
    """Writes measurements as they come; :meth:`finish` writes the rest."""

    database: Database
    stored: int = 0
    known: int = 0
    """Measurements that were in the database already, or came twice."""
    vantages: set[str] = field(default_factory=set)
    _waiting: list[Imported] = field(default_factory=list)

    def add(self, imported: Imported) -> None:
        """Take one measurement."""
        self._waiting.append(imported)
        if len(self._waiting) >= TOGETHER:
            self.finish()

    def finish(self) -> None:
        """Write what waits. The helpers' passes go first, so that no probe's stands without them."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        passes = [each for imported in waiting for each in imported.passes]
        with self.database.session() as session:
            measurements = _held(session, models.Measurement, [_measurement_id(each) for each in passes])
            cycles = _held(session, models.Cycle, [each.cycle_id for each in passes])
            vantages = set(session.scalars(select(models.Vantage.vantage_id)))
        rows: dict[str, list[models.Base]] = defaultdict(list)
        blobs: dict[str, dict[str, models.Blob]] = defaultdict(dict)
        for imported in waiting:
            is_new = False
            for each in imported.passes:
                if _measurement_id(each) in measurements:
                    continue
                measurements.add(_measurement_id(each))
                is_new = True
                mine = rows[each.vantage.vantage_id]
                if each.vantage.vantage_id not in vantages:
                    vantages.add(each.vantage.vantage_id)
                    mine.append(_vantage(each))
                if each.cycle_id not in cycles:
                    cycles.add(each.cycle_id)
                    mine.append(_cycle(imported, each))
                made, kept = _rows(imported, each)
                mine += made
                blobs[each.vantage.vantage_id] |= {blob.sha256: blob for blob in kept}
            self.stored += is_new
            self.known += not is_new
        for vantage_id in sorted(rows, key=lambda name: (not name.startswith("ooni-helper-"), name)):
            self.database.append(vantage_id, rows[vantage_id], list(blobs[vantage_id].values()))
            self.vantages.add(vantage_id)


def _measurement_id(each: Pass) -> str:
    return f"{each.key}.m1"


def _held(session: Session, table: type[models.Measurement | models.Cycle], wanted: Sequence[str]) -> set[str]:
    """Give those of the identifiers that the database holds."""
    column = models.Measurement.measurement_id if table is models.Measurement else models.Cycle.cycle_id
    found: set[str] = set()
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        found |= set(session.scalars(select(column).where(column.in_(wanted[start : start + _ASKED_AT_ONCE]))))
    return found


def _vantage(each: Pass) -> models.Vantage:
    vantage = each.vantage
    return models.Vantage(
        vantage_id=vantage.vantage_id,
        country=vantage.country,
        network=vantage.network,
        bearer=vantage.bearer,
        role=vantage.role,
    )


def _cycle(imported: Imported, each: Pass) -> models.Cycle:
    """Give the start of the pass. It has no seed, because nothing in it was drawn, and its end is not known."""
    return models.Cycle(
        cycle_id=each.cycle_id,
        slot_at=imported.started_at,
        started_at=imported.started_at,
        schedule=f"ooni/{imported.test_name}",
        schedule_sha256="",
        seed_commitment="",
        software_version=f"{imported.software}; {imported.test_name} {imported.test_version or ''}".strip(),
        clock_source=LAB if imported.is_of_lab else IMPORTED_FROM_OONI,
    )


def _rows(imported: Imported, each: Pass) -> tuple[list[models.Base], list[models.Blob]]:
    recorder = Recorder(each.key)
    rows: list[models.Base] = []
    blobs: list[models.Blob] = []
    for measured in each.measured:
        made, kept = recorder.rows(measured)
        rows += made
        blobs += kept
    for row in rows:
        if isinstance(row, models.Measurement):
            row.cycle_id = each.cycle_id
        if isinstance(row, models.Observation) and each.vantage.role == "control":
            row.body_sha256 = None  # the helper tells a page's length, and not what it holds
    rows.append(
        models.Imported(
            measurement_id=_measurement_id(each),
            source=IMPORTED_FROM_OONI,
            test_name=imported.test_name,
            test_version=imported.test_version,
            software=imported.software,
            report_id=imported.report_id,
            measurement_uid=imported.measurement_uid,
            content_sha256=imported.content_sha256,
        )
    )
    return rows, blobs
