"""The rows behind each finding, to a bounded length, with the query that gives all of them.

A paired test never stands alone here: beside it stand the sentinel's own value for the same target and the
calibration's, because a claim needs both to be quiet.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from analysis.report import bounds
from probe.model import TargetKind
from probe.store.models import DnsAnswer, Evidence, Measurement, Observation, PairTest, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from analysis.report.findings import Finding
    from analysis.report.grid import Grid, Reading

_LARGEST_LOG10 = 300.0  # beyond it a float overflows; the instrument is at fault long before


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """One paired test beside its two guards; a guard that was not measured is ``None``."""

    vantage_id: str
    target: str
    name_kind: str
    peer: str
    pairs: int
    discordant: int
    target_failed: int
    log10_e: float
    sentinel_log10_e: float | None
    negative_log10_e: float | None


@dataclass(frozen=True, slots=True)
class RuleRow:
    """How often one rule fired in a finding, and the range of its weight."""

    rule: str
    measurements: int
    lowest_log10_lr: float
    highest_log10_lr: float


@dataclass(frozen=True, slots=True)
class Step:
    """One observation, with the answers of a DNS question."""

    row: Observation
    answers: tuple[DnsAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One measurement in full."""

    reading: Reading
    url: str
    reason: str
    rules: tuple[Evidence, ...]
    steps: tuple[Step, ...]
    steps_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything shown beneath one finding."""

    finding: Finding
    pair_rows: tuple[PairRow, ...]
    pair_rows_left_out: int
    rule_rows: tuple[RuleRow, ...]
    rule_rows_left_out: int
    witnesses: tuple[Witness, ...]
    query: str
    """SQL that lists every measurement of the finding with its rules."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All pairs of two innocuous names, taken together."""

    pairs: int
    discordant: int
    vantages: int
    mean_e: float
    highest_log10_e: float


def pair_rows(tests: Sequence[PairTest], sentinels: set[str]) -> list[PairRow]:
    """Set every vantage's paired tests beside their guards, the heaviest first."""
    outside: dict[tuple[str, str, str], float] = {}
    negative: dict[tuple[str, str, str], float] = {}
    for test in tests:
        if test.is_negative_control:
            key = (test.vantage_id, test.name_kind, test.peer)
            negative[key] = max(test.log10_e, negative.get(key, test.log10_e))
        elif test.vantage_id in sentinels:
            key = (test.target, test.name_kind, test.peer)
            outside[key] = max(test.log10_e, outside.get(key, test.log10_e))
    rows = [
        PairRow(
            vantage_id=test.vantage_id,
            target=test.target,
            name_kind=test.name_kind,
            peer=test.peer,
            pairs=test.pairs,
            discordant=test.discordant,
            target_failed=test.target_failed,
            log10_e=test.log10_e,
            sentinel_log10_e=outside.get((test.target, test.name_kind, test.peer)),
            negative_log10_e=negative.get((test.vantage_id, test.name_kind, test.peer)),
        )
        for test in tests
        if not test.is_negative_control and test.vantage_id not in sentinels
    ]
    return sorted(rows, key=lambda row: (-row.log10_e, row.vantage_id, row.target, row.name_kind, row.peer))


def calibrate(tests: Sequence[PairTest]) -> Calibration | None:
    """Sum up the negative controls; ``None`` where there are none."""
    negative = [test for test in tests if test.is_negative_control and test.pairs]
    if not negative:
        return None
    return Calibration(
        pairs=sum(test.pairs for test in negative),
        discordant=sum(test.discordant for test in negative),
        vantages=len({test.vantage_id for test in negative}),
        mean_e=sum(10 ** min(test.log10_e, _LARGEST_LOG10) for test in negative) / len(negative),
        highest_log10_e=max(test.log10_e for test in negative),
    )


def gather(session: Session, grid: Grid, findings: Sequence[Finding]) -> tuple[Dossier, ...]:
    """Collect what each finding rests on."""
    sentinels = {place.vantage_id for place in grid.places if place.is_sentinel}
    tests = pair_rows(session.scalars(select(PairTest)).all(), sentinels)
    rules = _count_rules(session)
    return tuple(_dossier(session, finding, tests, rules) for finding in findings)


def of_finding(rows: Iterable[PairRow], finding: Finding) -> list[PairRow]:
    """Give the paired tests that bear on a finding, in the order they came."""
    return [row for row in rows if row.vantage_id in finding.vantages and row.target in finding.targets]


def _dossier(
    session: Session,
    finding: Finding,
    tests: Sequence[PairRow],
    rules: dict[tuple[str, str, str], list[RuleRow]],
) -> Dossier:
    own_tests = of_finding(tests, finding)
    own_rules = _merge_rules(finding, rules)
    return Dossier(
        finding=finding,
        pair_rows=tuple(own_tests[: bounds.PAIR_TESTS]),
        pair_rows_left_out=max(0, len(own_tests) - bounds.PAIR_TESTS),
        rule_rows=tuple(own_rules[: bounds.RULES]),
        rule_rows_left_out=max(0, len(own_rules) - bounds.RULES),
        witnesses=_witnesses(session, choose(finding.readings)),
        query=_query(finding),
    )


def _count_rules(session: Session) -> dict[tuple[str, str, str], list[RuleRow]]:
    counted: defaultdict[tuple[str, str, str], list[RuleRow]] = defaultdict(list)
    rows = session.execute(
        select(
            State.state,
            Measurement.service,
            Measurement.vantage_id,
            Evidence.rule,
            func.count(),
            func.min(Evidence.log10_lr),
            func.max(Evidence.log10_lr),
        )
        .join(Measurement, Measurement.measurement_id == Evidence.measurement_id)
        .join(State, State.measurement_id == Evidence.measurement_id)
        .where(Measurement.kind == TargetKind.TARGET.value)
        .group_by(State.state, Measurement.service, Measurement.vantage_id, Evidence.rule)
    )
    for state, service, vantage_id, rule, measurements, lowest, highest in rows:
        counted[state, service, vantage_id].append(RuleRow(rule, measurements, lowest, highest))
    return counted


def _merge_rules(finding: Finding, rules: dict[tuple[str, str, str], list[RuleRow]]) -> list[RuleRow]:
    services = {reading.service for reading in finding.readings}
    merged: dict[str, RuleRow] = {}
    for service in services:
        for vantage_id in finding.vantages:
            for row in rules.get((finding.state, service, vantage_id), ()):
                known = merged.get(row.rule, RuleRow(row.rule, 0, row.lowest_log10_lr, row.highest_log10_lr))
                merged[row.rule] = RuleRow(
                    row.rule,
                    known.measurements + row.measurements,
                    min(known.lowest_log10_lr, row.lowest_log10_lr),
                    max(known.highest_log10_lr, row.highest_log10_lr),
                )
    return sorted(merged.values(), key=lambda row: (-row.measurements, row.rule))


def choose(readings: Sequence[Reading]) -> list[Reading]:
    """Choose the witnesses: the first reading of each vantage, then the next ones in time."""
    first_of_each = list({reading.vantage_id: reading for reading in reversed(readings)}.values())
    chosen = sorted(first_of_each, key=lambda reading: reading.started_at)[: bounds.WITNESSES]
    for reading in readings:
        if len(chosen) == bounds.WITNESSES:
            break
        if reading not in chosen:
            chosen.append(reading)
    return sorted(chosen, key=lambda reading: (reading.started_at, reading.measurement_id))


def _witnesses(session: Session, readings: list[Reading]) -> tuple[Witness, ...]:
    wanted = [reading.measurement_id for reading in readings]
    facts = {
        row.measurement_id: row
        for row in session.scalars(select(Measurement).where(Measurement.measurement_id.in_(wanted)))
    }
    states = {row.measurement_id: row for row in session.scalars(select(State).where(State.measurement_id.in_(wanted)))}
    witnesses = []
    for reading in readings:
        rules = tuple(
            session.scalars(
                select(Evidence).where(Evidence.measurement_id == reading.measurement_id).order_by(Evidence.rule)
            )
        )
        named = {observation_id for rule in rules for observation_id in rule.observations}
        steps, left_out = _steps(session, reading.measurement_id, named)
        state = states.get(reading.measurement_id)
        witnesses.append(
            Witness(
                reading=reading,
                url=facts[reading.measurement_id].url,
                reason=state.reason if state else "",
                rules=rules,
                steps=steps,
                steps_left_out=left_out,
            )
        )
    return tuple(witnesses)


def _steps(session: Session, measurement_id: str, named: set[str]) -> tuple[tuple[Step, ...], int]:
    rows = session.scalars(
        select(Observation)
        .where(Observation.measurement_id == measurement_id)
        .order_by(Observation.started_mono_s, Observation.observation_id)
    ).all()
    by_weight = sorted(rows, key=lambda row: row.observation_id not in named)[: bounds.WITNESS_OBSERVATIONS]
    shown = sorted(by_weight, key=lambda row: (row.started_mono_s, row.observation_id))
    answers: defaultdict[str, list[DnsAnswer]] = defaultdict(list)
    for answer in session.scalars(
        select(DnsAnswer)
        .where(DnsAnswer.observation_id.in_([row.observation_id for row in shown]))
        .order_by(DnsAnswer.observation_id, DnsAnswer.position)
    ):
        answers[answer.observation_id].append(answer)
    steps = tuple(Step(row, tuple(answers[row.observation_id][: bounds.DNS_ANSWERS])) for row in shown)
    return steps, len(rows) - len(shown)


def _query(finding: Finding) -> str:
    scope = (
        f"m.service = {_quoted(finding.service)}"
        if finding.service is not None
        else "m.vantage_id IN (" + ", ".join(_quoted(name) for name in finding.vantages[: bounds.RULES]) + ")"
    )
    return (
        "SELECT m.*, s.reason, e.rule, e.log10_lr, e.observations, e.text FROM measurement m"  # noqa: S608 - printed for a reader, never run here
        " JOIN vantage v USING (vantage_id) JOIN state s USING (measurement_id)"
        " LEFT JOIN evidence e USING (measurement_id)"
        f" WHERE s.state = {_quoted(finding.state)} AND m.kind = 'target' AND v.role <> 'control' AND {scope}"
        " ORDER BY m.started_at;"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
