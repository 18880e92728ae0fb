"""What the database says of every round of every vantage: measured, missed, or not heard.

A *round* is one slot of one vantage's schedule. A *reading* is one measurement with the state that the
analysis gave it. Nothing is concluded here, and nothing that did not happen gets a reading.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from analysis.report.zones import local_zone
from probe.errors import UserError
from probe.model import Operation, TargetKind
from probe.store.models import (
    FACTS,
    Analysis,
    Cycle,
    Measurement,
    MissedSlot,
    Observation,
    State,
    Vantage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy import Exists
    from sqlalchemy.orm import Session

_CONTROLS = (TargetKind.CONTROL_HOME.value, TargetKind.CONTROL_ABROAD.value)

Area = tuple[str, str | None]
"""A country's code, and the region where one was written."""

_HEARD_ELSEWHERE = 2
"""Other vantages of the same schedule that must have measured a slot before its absence here means that
this vantage was not heard: one of them may have measured by hand, at a time that nobody else had."""


@dataclass(frozen=True, slots=True)
class Place:
    """A vantage, as a report speaks of it."""

    vantage_id: str
    country: str
    region: str | None
    network: str | None
    bearer: str
    is_sentinel: bool
    zone: ZoneInfo | None

    @property
    def area(self) -> Area:
        """Give what two vantages of one place have in common."""
        return (self.country, self.region)


@dataclass(frozen=True, slots=True)
class Slot:
    """One round. ``kind`` is ``ran``, ``missed`` (the vantage says why) or ``unheard``."""

    at: datetime
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement of one target in one round; ``state`` is empty where the analysis gave none."""

    measurement_id: str
    vantage_id: str
    slot_at: datetime
    started_at: datetime
    service: str
    target: str
    kind: str
    state: str
    mechanisms: tuple[str, ...]
    is_answered: bool
    """Whether an HTTP answer arrived, whatever it was: a fact, where the state is a conclusion."""

    @property
    def is_control(self) -> bool:
        """Whether this is one of the sites that nobody would block."""
        return self.kind in _CONTROLS


@dataclass(frozen=True, slots=True)
class Controls:
    """Measurements of control sites in one round or in several: all of them, and those with an HTTP answer."""

    home_answered: int = 0
    home: int = 0
    abroad_answered: int = 0
    abroad: int = 0

    def __add__(self, other: Controls) -> Controls:
        return Controls(
            self.home_answered + other.home_answered,
            self.home + other.home,
            self.abroad_answered + other.abroad_answered,
            self.abroad + other.abroad,
        )


@dataclass(frozen=True, slots=True)
class Versions:
    """What the facts were measured with and the conclusions computed with."""

    ruleset: str
    software: str
    facts_sha256: str
    schedules: tuple[tuple[str, str], ...]
    """Name and hash of each schedule that was followed."""
    last_arrival: datetime | None
    """When the last fact reached this database."""
    reference: Mapping[str, str] | None = None
    """Hash of each file of reference data, by name."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Everything a report counts."""

    places: tuple[Place, ...]
    """Probes first, sentinels last; each by place and name."""
    slots: Mapping[str, tuple[Slot, ...]]
    readings: tuple[Reading, ...]
    """Of targets and controls, in order of time."""
    controls: Mapping[tuple[str, datetime], Controls]
    """By vantage and slot."""
    versions: Versions

    @property
    def targets(self) -> tuple[Reading, ...]:
        """Give the readings of what the report is about."""
        return tuple(reading for reading in self.readings if not reading.is_control)

    def rounds(self, kind: str) -> int:
        """Count the rounds of one kind over all vantages."""
        return sum(slot.kind == kind for slots in self.slots.values() for slot in slots)


def read_grid(session: Session, service: str | None) -> Grid:
    """Read the whole database, or one service and the controls.

    ``UserError`` where the database has targets and none of them belongs to ``service``.
    """
    services = session.scalars(
        select(Measurement.service).where(Measurement.kind == TargetKind.TARGET.value).distinct()
    ).all()
    if service is not None and services and service not in services:
        raise UserError(f"The database has no service {service!r}; it has: {', '.join(sorted(services)[:20])}.")
    readings = _read_readings(session, service)
    places = tuple(
        sorted(
            (
                Place(
                    row.vantage_id,
                    row.country,
                    row.region,
                    row.network,
                    row.bearer,
                    row.role == "control",
                    local_zone(row.country, row.region),
                )
                for row in session.scalars(select(Vantage))
            ),
            key=lambda place: (place.is_sentinel, place.country, place.region or "", place.vantage_id),
        )
    )
    return Grid(places, _read_slots(session), readings, _count_controls(readings), _read_versions(session))


def _read_readings(session: Session, service: str | None) -> tuple[Reading, ...]:
    wanted = Measurement.kind == TargetKind.TARGET.value
    if service is not None:
        wanted &= Measurement.service == service
    rows = session.execute(
        select(
            Measurement.measurement_id,
            Measurement.vantage_id,
            Cycle.slot_at,
            Measurement.started_at,
            Measurement.service,
            Measurement.target,
            Measurement.kind,
            State.state,
            State.mechanisms,
            _is_answered(),
        )
        .join(Cycle, Cycle.cycle_id == Measurement.cycle_id)
        .outerjoin(State, State.measurement_id == Measurement.measurement_id)
        .where(wanted | Measurement.kind.in_(_CONTROLS))
        .order_by(Measurement.started_at, Measurement.measurement_id)
    )
    return tuple(Reading(*row[:7], row[7] or "", tuple(row[8] or ()), bool(row[9])) for row in rows)


def _read_slots(session: Session) -> dict[str, tuple[Slot, ...]]:
    known: defaultdict[str, dict[datetime, Slot]] = defaultdict(dict)
    for vantage_id, slot_at, reason in session.execute(
        select(MissedSlot.vantage_id, MissedSlot.slot_at, MissedSlot.reason)
    ):
        known[vantage_id][slot_at] = Slot(slot_at, "missed", reason)
    followed: defaultdict[str, set[str]] = defaultdict(set)
    ran: defaultdict[str, Counter[datetime]] = defaultdict(Counter)
    for vantage_id, slot_at, schedule in session.execute(select(Cycle.vantage_id, Cycle.slot_at, Cycle.schedule)):
        known[vantage_id][slot_at] = Slot(slot_at, "ran")
        followed[vantage_id].add(schedule)
        ran[schedule][slot_at] += 1
    for vantage_id, slots in known.items():
        first = min(slots)
        for schedule in followed[vantage_id]:
            for slot_at, vantages in ran[schedule].items():
                if slot_at > first and vantages >= _HEARD_ELSEWHERE:
                    slots.setdefault(slot_at, Slot(slot_at, "unheard"))
    return {vantage_id: tuple(slots[at] for at in sorted(slots)) for vantage_id, slots in known.items()}


def _is_answered() -> Exists:
    return (
        select(Observation.measurement_id)
        .where(
            Observation.measurement_id == Measurement.measurement_id,
            Observation.operation == Operation.HTTP.value,
            Observation.failure.is_(None),
            Observation.pair_id.is_(None),
        )
        .exists()
    )


def _count_controls(readings: tuple[Reading, ...]) -> dict[tuple[str, datetime], Controls]:
    counted: defaultdict[tuple[str, datetime], Controls] = defaultdict(Controls)
    for reading in readings:
        if reading.is_control:
            answered = int(reading.is_answered)
            is_home = reading.kind == TargetKind.CONTROL_HOME.value
            one = Controls(answered, 1) if is_home else Controls(0, 0, answered, 1)
            counted[reading.vantage_id, reading.slot_at] += one
    return dict(counted)


def _read_versions(session: Session) -> Versions:
    analysis = session.scalar(select(Analysis))
    arrivals = [session.scalar(select(func.max(table.__table__.c.received_at))) for table in FACTS]
    schedules = session.execute(select(Cycle.schedule, Cycle.schedule_sha256).distinct())
    return Versions(
        ruleset=analysis.ruleset if analysis else "",
        software=analysis.software_version if analysis else "",
        facts_sha256=analysis.facts_sha256 if analysis else "",
        schedules=tuple(sorted(schedules)),
        last_arrival=max((arrival for arrival in arrivals if arrival), default=None),
        reference=analysis.reference if analysis else None,
    )
