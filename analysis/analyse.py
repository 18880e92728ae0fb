"""The whole way from stored facts to conclusions: the one function behind the command, the views and the reports.

The same facts give the same bytes: rows are sorted, sets are never printed,
and nothing here reads the clock.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from analysis.context import facts_of_all
from analysis.events import Event, events_of
from analysis.reading import chain_ends, read_cycles, read_surroundings
from analysis.rules import RULESET, find_all
from analysis.runs import place_bets
from analysis.services import services_of
from analysis.states import decide
from analysis.times import iso
from analysis.transfer_runs import place_transfers
from analysis.transfers import bounds
from probe.errors import UserError
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analysis.facts import CycleFacts, Facts, Surroundings
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


def conclude(cycles: Sequence[CycleFacts], beside: Surroundings | None = None) -> Conclusions:
    """Draw every conclusion from facts; a pure function. ``beside``: what is known beside the cycles."""
    del beside
    bets = place_bets(cycles)
    transfers = place_transfers(cycles, bets.standing_of)
    judged = tuple(judge(facts) for facts in facts_of_all(cycles, bets, transfers))
    return Conclusions(judged, bets, transfers, events_of([(j.facts, j.evidence, j.decision) for j in judged]))


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
    database.replace_conclusions(rows_of(conclusions, facts_sha256(ends)))
    return as_dict(conclusions)


def facts_sha256(ends: Iterable[tuple[str, int, str]]) -> str:
    """Give one hash over the ends of all vantages' chains: it names the facts that were read."""
    lines = "".join(f"{vantage_id} {seq} {sha256}\n" for vantage_id, seq, sha256 in ends)
    return hashlib.sha256(lines.encode()).hexdigest()


def as_dict(conclusions: Conclusions) -> dict[str, Any]:
    """Give the object that ``nameblind analyze --json`` prints; times are ISO 8601 in UTC."""
    return {
        "ruleset": RULESET,
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
            }
            for ((vantage, target, kind, peer), is_negative), tally in sorted(conclusions.bets.totals.items())
        ],
        "transfers": [
            _transfers(series, sample, is_negative=is_negative)
            for (series, is_negative), sample in sorted(conclusions.transfers.totals.items(), key=lambda item: item[0])
        ],
        "events": [event.as_dict() for event in conclusions.events],
        "services": [
            service.as_dict()
            for service in services_of((j.facts.measurement, j.decision.state) for j in conclusions.judged)
        ],
    }


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
    """Give the rows of the conclusion tables."""
    rows: list[models.Base] = [
        models.Analysis(
            analysis_id=1,
            ruleset=RULESET,
            software_version=version("nameblind"),
            facts_sha256=facts_hash,
        )
    ]
    for judged in conclusions.judged:
        measurement_id = judged.facts.measurement.measurement_id
        rows.append(
            models.State(
                measurement_id=measurement_id,
                state=judged.decision.state.value,
                mechanisms=list(judged.decision.mechanisms),
                reason=judged.decision.reason,
            )
        )
        rows += [
            models.Evidence(
                measurement_id=measurement_id,
                rule=e.rule,
                log10_lr=e.log10_lr,
                observations=list(e.observations),
                text=e.text,
            )
            for e in judged.evidence
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
    rows += [event.as_row() for event in conclusions.events]
    return rows
