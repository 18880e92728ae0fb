"""What a baseline is given: one row a measurement of a target, as plain as the published methods read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.pairs import has_failed
from probe.model import NameKind, Operation, TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analysis.facts import CycleFacts, MeasurementFacts, Step

PLAIN = frozenset({None, "retry"})
"""What every method makes: the routine pass and its repetition."""

Seat = tuple[str, str, int]
"""Vantage, target, slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement of a target."""

    vantage: str
    country: str
    network: str
    target: str
    slot: int
    at: datetime
    is_failed: bool
    """No page came, or not the one that a sentinel got in the same slot, or a certificate was wrong."""
    trials: tuple[bool, ...]
    """Whether the target failed: each attempt of the measurement, then each target's arm of the pairs, in order."""
    control_trials: tuple[bool, ...]
    """Whether a control failed, in this cycle."""
    were_controls_alive: tuple[bool, bool]
    """Whether any control answered in the first and in the last round."""

    @property
    def seat(self) -> Seat:
        """Vantage, target, slot."""
        return self.vantage, self.target, self.slot


@dataclass(frozen=True, slots=True)
class Observed:
    """All rows of one episode, in order of time."""

    rows: tuple[Row, ...]
    sentinel_rows: tuple[Row, ...]
    cadence_s: int
    slots: int

    def series(self) -> dict[tuple[str, str], list[Row]]:
        """Give the rows of each vantage and target, in order of time."""
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.vantage, row.target), []).append(row)
        return found


def observe(cycles: Iterable[CycleFacts], start: datetime, cadence_s: int, slots: int) -> Observed:
    """Read the rows out of facts."""
    slot_of = {c.cycle_id: round(((c.slot_at or c.started_at) - start).total_seconds() / cadence_s) for c in cycles}
    pages = {
        (m.target, slot_of[c.cycle_id]): m.outcome.page for c in cycles if c.vantage.is_sentinel for m in c.measurements
    }
    made: list[tuple[bool, Row]] = []
    for cycle in cycles:
        slot = slot_of[cycle.cycle_id]
        control_trials = tuple(not m.outcome.is_reached for m in cycle.controls())
        rounds = tuple(any(m.outcome.is_reached for m in cycle.controls(round_=name)) for name in ("first", "last"))
        for measurement in cycle.measurements:
            if measurement.kind != TargetKind.TARGET:
                continue
            page, other = _page(measurement), pages.get((measurement.target, slot))
            differs = (
                page is not None and other is not None and (page.status, page.title) != (other.status, other.title)
            )
            made.append(
                (
                    cycle.vantage.is_sentinel,
                    Row(
                        vantage=cycle.vantage.vantage_id,
                        country=cycle.vantage.country,
                        network=cycle.vantage.network or "",
                        target=measurement.target,
                        slot=slot,
                        at=measurement.started_at,
                        is_failed=page is None or differs,
                        trials=_trials(measurement),
                        control_trials=control_trials,
                        were_controls_alive=(rounds[0], rounds[1]),
                    ),
                )
            )
    made.sort(key=lambda entry: (entry[1].at, entry[1].vantage, entry[1].target))
    return Observed(
        tuple(row for is_sentinel, row in made if not is_sentinel),
        tuple(row for is_sentinel, row in made if is_sentinel),
        cadence_s,
        slots,
    )


def _page(measurement: MeasurementFacts) -> Step | None:
    """Give the page that a program here would have got: by the system's own answers, without closer looks."""
    told = {a for step in measurement.of(Operation.DNS) if step.transport == "system" for a in step.addresses}
    return next((s for s in measurement.of(Operation.HTTP) if _is_plainly_made(s, told) and s.failure is None), None)


def _is_plainly_made(step: Step, told: set[str]) -> bool:
    return step.technique in PLAIN and step.address in told


def _trials(measurement: MeasurementFacts) -> tuple[bool, ...]:
    told = {a for step in measurement.of(Operation.DNS) if step.transport == "system" for a in step.addresses}
    attempts: dict[int, bool] = {}
    for step in measurement.steps:
        if step.technique in PLAIN:
            is_page = step.operation == Operation.HTTP and step.failure is None and _is_plainly_made(step, told)
            attempts[step.attempt] = attempts.get(step.attempt, True) and not is_page
    arms = [has_failed(p, p.target_arm) for p in measurement.pairs if p.target_arm and p.name_kind != NameKind.QNAME]
    return (*(attempts[number] for number in sorted(attempts)), *arms)
