"""The whole way from stored facts to conclusions: the one function behind the command, the views and the reports.

The same facts give the same bytes: rows are sorted, sets are never printed,
and nothing here reads the clock.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from analysis.calibration import calibrations
from analysis.collapse import collapses
from analysis.context import facts_of_all
from analysis.events import Event, events_of
from analysis.grid import as_values, daily_values, grid_of, summary_of
from analysis.heartbeat import silences
from analysis.instrument import defects_of
from analysis.reading import chain_ends, read_cycles, read_surroundings
from analysis.reference import reference_files
from analysis.rules import RULESET, find_all
from analysis.runs import place_bets
from analysis.services import services_of
from analysis.states import decide
from analysis.times import iso
from analysis.transfer_runs import place_transfers
from analysis.transfers import bounds
from probe.errors import UserError
from probe.model import TargetKind
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.facts import CycleFacts, Facts, Surroundings
    from analysis.grid import Grid
    from analysis.instrument import Defect
    from analysis.rules.evidence import Evidence
    from analysis.runs import Bets, Series
    from analysis.states import Decision
    from analysis.transfer_runs import TransferBets
    from analysis.transfers import Sample
    from probe.store.database import Database


@dataclass(frozen=True, slots=True)
class Judged:
    """One measurement with its evidence and its state."""

    facts: Facts
    evidence: tuple[Evidence, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All that the analysis concludes."""

    judged: tuple[Judged, ...]
    bets: Bets
    transfers: TransferBets
    events: tuple[Event, ...]
    grid: Grid
    defects: tuple[Defect, ...] = ()
    reference: Mapping[str, str] = field(default_factory=reference_files)
    """Hash of each file of reference data, by name."""


def conclude(cycles: Sequence[CycleFacts], beside: Surroundings | None = None) -> Conclusions:
    """Draw every conclusion from facts; a pure function. ``beside``: what is known beside the cycles."""
    bets = place_bets(cycles)
    transfers = place_transfers(cycles, bets.standing_of)
    defects = defects_of(cycles)
    judged = tuple(judge(facts) for facts in facts_of_all(cycles, bets, transfers, defects=defects))
    states = {j.facts.measurement.measurement_id: j.decision.state.value for j in judged}
    grid = grid_of(cycles, beside.missed if beside else (), states)
    events = events_of(
        [(j.facts, j.evidence, j.decision) for j in judged], cycles, beside, grid=grid, changes_of=bets.changes_of
    )
    plant = {"plant": beside.plant.sha256} if beside and beside.plant.sha256 else {}
    return Conclusions(judged, bets, transfers, events, grid, defects, {**reference_files(), **plant})


def judge(facts: Facts) -> Judged:
    """Look for every rule's evidence in the facts of one measurement, and decide."""
    evidence = find_all(facts)
    return Judged(facts, evidence, decide(evidence, facts))


def analyse(database: Database, *, since: datetime | None = None, until: datetime | None = None) -> dict[str, Any]:
    """Recompute every conclusion from the facts of cycles begun in [since, until), store and return them.

    Conclusions of an earlier run are replaced as a whole. ``UserError`` where
    there is nothing to conclude from.
    """
    with database.session() as session:
        cycles = read_cycles(session, since, until)
        beside = read_surroundings(session, since, until)
        ends = chain_ends(session)
    if not any(cycle.measurements for cycle in cycles):
        where = " in the time asked for" if since or until else ""
        raise UserError(f"The database holds no measurement{where}: run a probe first, or widen the time.")
    conclusions = conclude(cycles, beside)
    database.replace_conclusions(rows_of(conclusions, facts_sha256(ends)), values_of(conclusions))
    return as_dict(conclusions)


def facts_sha256(ends: Iterable[tuple[str, int, str]]) -> str:
    """Give one hash over the ends of all vantages' chains: it names the facts that were read."""
    lines = "".join(f"{vantage_id} {seq} {sha256}\n" for vantage_id, seq, sha256 in ends)
    return hashlib.sha256(lines.encode()).hexdigest()


def as_dict(conclusions: Conclusions) -> dict[str, Any]:
    """Give the object that ``nameblind analyze --json`` prints; times are ISO 8601 in UTC."""
    return {
        "ruleset": RULESET,
        "reference": dict(sorted(conclusions.reference.items())),
        "states": [_state(judged) for judged in conclusions.judged],
        "pairs": [
            {
                "vantage": vantage,
                "target": target,
                "name_kind": kind,
                "peer": peer,
                "is_negative_control": is_negative,
                "pairs": tally.pairs,
                "discordant": tally.discordant,
                "target_failed": tally.target_failed,
                "log10_e": round(tally.log10_e, 6),
                "changes": [] if is_negative else _changes(conclusions.bets, (vantage, target, kind, peer)),
            }
            for ((vantage, target, kind, peer), is_negative), tally in sorted(conclusions.bets.totals.items())
        ],
        "calibration": [
            calibration.as_dict() for calibration in calibrations(conclusions.bets.totals, conclusions.transfers.totals)
        ],
        "transfers": [
            _transfers(series, sample, is_negative=is_negative)
            for (series, is_negative), sample in sorted(conclusions.transfers.totals.items(), key=lambda item: item[0])
        ],
        "events": [event.as_dict() for event in conclusions.events],
        "grid": summary_of(conclusions.grid),
        "silences": [silence.as_dict() for silence in silences(conclusions.grid)],
        "collapses": [collapse.as_dict() for collapse in collapses(conclusions.grid)],
        "defects": [defect.as_dict() for defect in conclusions.defects],
        "services": [
            service.as_dict()
            for service in services_of((j.facts.measurement, j.decision.state) for j in conclusions.judged)
        ],
    }


def _changes(bets: Bets, series: Series) -> list[dict[str, Any]]:
    return [
        {
            "kind": "onset" if change.is_onset else "end",
            "interval": [iso(change.after) if change.after else None, iso(change.before)],
            "log10_detector": round(change.log10, 6),
            "pairs": change.pairs,
        }
        for change in bets.changes_of.get(series, ())
    ]


def _transfers(series: Series, sample: Sample, *, is_negative: bool) -> dict[str, Any]:
    vantage, target, kind, peer = series
    low, high = bounds(sample.log_ratios)
    return {
        "vantage": vantage,
        "target": target,
        "name_kind": kind,
        "peer": peer,
        "is_negative_control": is_negative,
        "pairs": sample.pairs,
        "target_slower": sample.target_slower,
        "log10_e": round(sample.log10_e, 6),
        "ratio": round(sample.ratio, 6),
        "ratio_from": round(low, 6),
        "ratio_to": round(high, 6) if math.isfinite(high) else None,
    }


def _state(judged: Judged) -> dict[str, Any]:
    measurement = judged.facts.measurement
    return {
        "measurement": measurement.measurement_id,
        "vantage": measurement.vantage_id,
        "service": measurement.service,
        "target": measurement.target,
        "kind": measurement.kind,
        "role": measurement.role,
        "round": measurement.round,
        "started_at": iso(measurement.started_at),
        "state": judged.decision.state.value,
        "mechanisms": list(judged.decision.mechanisms),
        "reason": judged.decision.reason,
        "evidence": [
            {"rule": e.rule, "log10_lr": e.log10_lr, "observations": list(e.observations), "text": e.text}
            for e in judged.evidence
        ],
    }


def rows_of(conclusions: Conclusions, facts_hash: str) -> list[models.Base]:
    """Give the rows of the conclusion tables that have few; :func:`values_of` has the others."""
    rows: list[models.Base] = [
        models.Analysis(
            analysis_id=1,
            ruleset=RULESET,
            software_version=version("nameblind"),
            facts_sha256=facts_hash,
            reference=dict(sorted(conclusions.reference.items())),
        )
    ]
    for ((vantage_id, target, kind, peer), is_negative), tally in sorted(conclusions.bets.totals.items()):
        rows.append(
            models.PairTest(
                vantage_id=vantage_id,
                target=target,
                name_kind=kind,
                peer=peer,
                is_negative_control=is_negative,
                pairs=tally.pairs,
                discordant=tally.discordant,
                target_failed=tally.target_failed,
                log10_e=round(tally.log10_e, 6),
            )
        )
    rows += [
        models.PairChange(
            vantage_id=vantage_id,
            target=target,
            name_kind=kind,
            peer=peer,
            position=position,
            is_onset=change.is_onset,
            changed_after=change.after,
            changed_before=change.before,
            log10_detector=round(change.log10, 6),
            pairs=change.pairs,
        )
        for (vantage_id, target, kind, peer), found in sorted(conclusions.bets.changes_of.items())
        for position, change in enumerate(found)
    ]
    rows += [event.as_row() for event in conclusions.events]
    return rows


def _services(judged: Iterable[Judged]) -> dict[tuple[str, str], str]:
    measurements = (one.facts.measurement for one in judged)
    return {(m.vantage_id, m.target): m.service for m in measurements if m.kind == TargetKind.TARGET}


def values_of(conclusions: Conclusions) -> dict[type[models.Base], Iterable[Mapping[str, object]]]:
    """Give the values of the rows of the conclusion tables that have a row a measurement or more."""
    return {
        models.GridCell: as_values(conclusions.grid),
        models.Daily: daily_values(conclusions.grid, _services(conclusions.judged)),
        models.State: (
            {
                "measurement_id": judged.facts.measurement.measurement_id,
                "state": judged.decision.state.value,
                "mechanisms": list(judged.decision.mechanisms),
                "reason": judged.decision.reason,
            }
            for judged in conclusions.judged
        ),
        models.Evidence: (
            {
                "measurement_id": judged.facts.measurement.measurement_id,
                "rule": item.rule,
                "log10_lr": item.log10_lr,
                "observations": list(item.observations),
                "text": item.text,
            }
            for judged in conclusions.judged
            for item in judged.evidence
        ),
    }
