"""Reads the store's facts, one query a table, and puts them together.

No judgement: what a row says is what the value says. Rows are ordered here, so
that the order in which a database returns them changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from analysis.causes.plant_store import read_plant
from analysis.facts import (
    Answer,
    CaptureFacts,
    CycleFacts,
    LookFacts,
    MeasurementFacts,
    MissedFacts,
    PairFacts,
    Step,
    Surroundings,
    VantageFacts,
)
from analysis.flight import clock_error, put_right, read_flights, read_self_checks
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

_STEP_COLUMNS = (
    "observation_id", "operation", "attempt", "redirect", "started_mono_s", "failure", "name", "address",
    "port", "source_port", "bytes_received", "resolver", "transport", "query_type", "certificate_failure",
    "is_peer_hello_received", "url", "status", "location", "body_length_bytes", "body_sha256", "title",
    "duration_s", "bytes_sent", "tls_version", "is_body_truncated", "is_genuine", "hop_limit", "icmp_type",
    "icmp_code", "icmp_errors", "technique", "variant", "way", "first_byte_s", "body_sketch", "fingerprint",
    "playability", "playability_reason",
)  # fmt: skip
_LISTS = ("certificates", "headers", "progress", "countries", "packet_kinds")
_CONTINUING = frozenset({None, "retry", "resolvers"})
"""Techniques whose steps continue the routine pass: the outcome is read from them too."""
_OTHER_PAIRS = frozenset({"transfers", "video"})
"""Techniques whose pairs ask something else than whether the target's own name is read."""


def read_cycles(
    session: Session,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    are_measurements_read: bool = True,
) -> list[CycleFacts]:
    """Read every cycle that started in [since, until), with all that belongs to it, in order of time."""
    wanted = _wanted(since, until)
    measurements: dict[str, list[MeasurementFacts]] = defaultdict(list)
    if are_measurements_read:
        measurements = _read_measurements(session, _in_wanted_cycles(wanted))
    flights, checks = read_flights(session), read_self_checks(session, wanted)
    vantages = read_vantages(session)
    end = models.CycleEnd
    rows = session.execute(
        select(
            models.Cycle,
            end.outcome,
            end.seed,
            end.ended_at,
            func.coalesce(end.received_at, models.Cycle.received_at),
        )
        .outerjoin(end, end.cycle_id == models.Cycle.cycle_id)
        .where(*wanted)
        .order_by(models.Cycle.started_at, models.Cycle.cycle_id)
    )
    cycles = [
        put_right(
            CycleFacts(
                cycle_id=cycle.cycle_id,
                vantage=vantages[cycle.vantage_id],
                started_at=cycle.started_at,
                slot_at=cycle.slot_at,
                received_at=received_at,
                software_version=cycle.software_version,
                schedule_sha256=cycle.schedule_sha256,
                seed_commitment=cycle.seed_commitment,
                clock_source=cycle.clock_source,
                outcome=outcome,
                seed=seed,
                links=flights.of_cycle.get(cycle.cycle_id, ()),
                flight=flights.around(cycle.vantage_id, cycle.started_at, ended_at),
                itself=checks.get(cycle.cycle_id),
                measurements=tuple(measurements[cycle.cycle_id]),
            ),
            clock_error(cycle.started_at, cycle.slot_at, checks.get(cycle.cycle_id)),
        )
        for cycle, outcome, seed, ended_at, received_at in rows
    ]
    return sorted(cycles, key=lambda cycle: (cycle.started_at, cycle.cycle_id))


def read_measurements(session: Session, identifiers: Sequence[str]) -> dict[str, MeasurementFacts]:
    """Read some measurements, each with all that belongs to it; times are as they were stored."""
    found = _read_measurements(session, [models.Measurement.measurement_id.in_(identifiers)])
    return {measurement.measurement_id: measurement for several in found.values() for measurement in several}


def _read_measurements(session: Session, wanted: list[ColumnElement[bool]]) -> dict[str, list[MeasurementFacts]]:
    """Read measurements by cycle; ``wanted`` are conditions on ``Measurement``."""
    steps = _steps(session, wanted, _answers(session, wanted))
    return _measurements(session, wanted, steps, _pairs(session, wanted, steps))


def read_vantages(session: Session) -> dict[str, VantageFacts]:
    """Read every vantage."""
    return {
        row.vantage_id: VantageFacts(
            vantage_id=row.vantage_id,
            country=row.country,
            region=row.region,
            network=row.network,
            bearer=row.bearer,
            role=row.role,
        )
        for row in session.scalars(select(models.Vantage))
    }


def read_surroundings(session: Session, since: datetime | None = None, until: datetime | None = None) -> Surroundings:
    """Read what is known beside the cycles of [since, until)."""
    vantages, slot = read_vantages(session), models.MissedSlot
    wanted = [*([slot.slot_at >= since] if since else []), *([slot.slot_at < until] if until else [])]
    rows = session.scalars(select(slot).where(*wanted).order_by(slot.slot_at, slot.vantage_id, slot.missed_slot_id))
    return Surroundings(
        missed=tuple(
            MissedFacts(
                vantage=vantages[row.vantage_id],
                slot_at=row.slot_at,
                reason=row.reason,
                received_at=row.received_at,
            )
            for row in rows
        ),
        flights=read_flights(session).of_vantage,
        plant=read_plant(session),
    )


def chain_ends(session: Session) -> list[tuple[str, int, str]]:
    """Give vantage, place and hash of the last row of every vantage's chain: which facts there are."""
    ends: dict[str, tuple[int, str]] = {}
    for table in models.FACTS:
        columns = table.__table__.c
        last = select(columns.vantage_id, func.max(columns.chain_seq).label("seq")).group_by(columns.vantage_id)
        latest = last.subquery()
        query = select(columns.vantage_id, columns.chain_seq, columns.chain_sha256).join(
            latest, (columns.vantage_id == latest.c.vantage_id) & (columns.chain_seq == latest.c.seq)
        )
        for vantage_id, seq, sha256 in session.execute(query):
            ends[vantage_id] = max(ends.get(vantage_id, (0, "")), (seq, sha256))
    return [(vantage_id, *ends[vantage_id]) for vantage_id in sorted(ends)]


def _wanted(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if since is not None:
        wanted.append(models.Cycle.started_at >= since)
    if until is not None:
        wanted.append(models.Cycle.started_at < until)
    return wanted


def _in_wanted_cycles(wanted: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Give the condition on ``Measurement`` that narrows a query to the cycles that are wanted."""
    if not wanted:
        return []
    return [models.Measurement.cycle_id.in_(select(models.Cycle.cycle_id).where(*wanted))]


def _answers(session: Session, wanted: list[ColumnElement[bool]]) -> dict[str, list[Answer]]:
    answer, observation, measurement = models.DnsAnswer, models.Observation, models.Measurement
    query = (
        select(
            answer.observation_id,
            answer.delay_s,
            answer.rcode,
            answer.addresses,
            answer.is_valid,
            answer.sending,
            answer.networks,
            answer.identity,
        )  # not `raw`: no rule reads it
        .join(observation, observation.observation_id == answer.observation_id)
        .join(measurement, measurement.measurement_id == observation.measurement_id)
        .where(*wanted)
        .order_by(answer.observation_id, answer.position)
    )
    found: dict[str, list[Answer]] = defaultdict(list)
    for observation_id, delay_s, rcode, addresses, is_valid, sending, networks, identity in session.execute(query):
        found[observation_id].append(
            Answer(
                delay_s=delay_s,
                rcode=rcode,
                addresses=tuple(addresses),
                is_valid=is_valid,
                sending=sending,
                networks=tuple(networks or ()),
                identity=identity,
            )
        )
    return found


def _steps(
    session: Session, wanted: list[ColumnElement[bool]], answers: dict[str, list[Answer]]
) -> dict[str, list[tuple[str | None, Step]]]:
    """Give every measurement's steps, with the pair that each is part of."""
    columns = models.Observation.__table__.c
    query = (
        select(
            columns.measurement_id,
            columns.pair_id,
            *(columns[name] for name in _LISTS),
            *(columns[name] for name in _STEP_COLUMNS),
        )
        .join(models.Measurement, models.Measurement.measurement_id == columns.measurement_id)
        .where(*wanted)
        .order_by(columns.measurement_id, columns.attempt, columns.started_mono_s, columns.observation_id)
    )
    found: dict[str, list[tuple[str | None, Step]]] = defaultdict(list)
    for measurement_id, pair_id, certificates, headers, progress, countries, kinds, *values in session.execute(query):
        fields = dict(zip(_STEP_COLUMNS, values, strict=True))
        step = Step(
            **fields,
            certificates=tuple(certificates or ()),
            headers=tuple((name, value) for name, value in headers or ()),
            progress=tuple((at_s, count) for at_s, count in progress or ()),
            countries=None if countries is None else tuple(countries),
            packet_kinds=tuple(kinds or ()),
            answers=tuple(answers.get(fields["observation_id"], ())),
        )
        found[measurement_id].append((pair_id, step))
    return found


def _pairs(
    session: Session,
    wanted: list[ColumnElement[bool]],
    steps: dict[str, list[tuple[str | None, Step]]],
) -> dict[str, list[PairFacts]]:
    pair, measurement = models.Pair, models.Measurement
    query = (
        select(pair)
        .join(measurement, measurement.measurement_id == pair.measurement_id)
        .where(*wanted)
        .order_by(pair.number, pair.pair_id)
    )
    found: dict[str, list[PairFacts]] = defaultdict(list)
    for row in session.scalars(query):
        arms = {step.observation_id: step for pair_id, step in steps[row.measurement_id] if pair_id == row.pair_id}
        found[row.measurement_id].append(
            PairFacts(
                pair_id=row.pair_id,
                number=row.number,
                name_kind=row.name_kind,
                peer=row.peer,
                address=row.address,
                port=row.port,
                target_name=row.target_name,
                control_name=row.control_name,
                is_target_first=row.is_target_first,
                is_negative_control=row.is_negative_control,
                target_arm=arms.get(row.target_observation_id),
                control_arm=arms.get(row.control_observation_id),
                technique=row.technique,
            )
        )
    return found


def _measurements(
    session: Session,
    wanted: list[ColumnElement[bool]],
    steps: dict[str, list[tuple[str | None, Step]]],
    pairs: dict[str, list[PairFacts]],
) -> dict[str, list[MeasurementFacts]]:
    query = (
        select(models.Measurement)
        .where(*wanted)
        .order_by(models.Measurement.started_at, models.Measurement.measurement_id)
    )
    looks, captures = _looks(session, wanted), _captures(session, wanted)
    found: dict[str, list[MeasurementFacts]] = defaultdict(list)
    for row in session.scalars(query):
        outside = [step for pair_id, step in steps[row.measurement_id] if pair_id is None]
        made = pairs[row.measurement_id]
        found[row.cycle_id].append(
            MeasurementFacts(
                measurement_id=row.measurement_id,
                cycle_id=row.cycle_id,
                vantage_id=row.vantage_id,
                service=row.service,
                target=row.target,
                url=row.url,
                kind=row.kind,
                round=row.round,
                started_at=row.started_at,
                video=row.video,
                expect_status=row.expect_status,
                role=row.role,
                need=row.need,
                steps=tuple(step for step in outside if _continues(step)),
                closer=tuple(step for step in outside if not _continues(step)),
                looks=tuple(looks[row.measurement_id]),
                captures=tuple(captures[row.measurement_id]),
                pairs=tuple(pair for pair in made if pair.technique not in _OTHER_PAIRS),
                host_pairs=tuple(pair for pair in made if pair.technique == "video"),
                transfers=tuple(pair for pair in made if pair.technique == "transfers"),
            )
        )
    return found


def _continues(step: Step) -> bool:
    return step.technique in _CONTINUING and step.way is None


def _looks(session: Session, wanted: list[ColumnElement[bool]]) -> dict[str, list[LookFacts]]:
    run, measurement = models.TechniqueRun, models.Measurement
    query = (
        select(run)
        .join(measurement, measurement.measurement_id == run.measurement_id)
        .where(*wanted)
        .order_by(run.started_at, run.technique_run_id)
    )
    found: dict[str, list[LookFacts]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.measurement_id].append(LookFacts(technique=row.technique, outcome=row.outcome, reason=row.reason))
    return found


def _captures(session: Session, wanted: list[ColumnElement[bool]]) -> dict[str, list[CaptureFacts]]:
    capture, measurement = models.Capture, models.Measurement
    query = (
        select(capture, models.Blob.content)
        .join(measurement, measurement.measurement_id == capture.measurement_id)
        .join(models.Blob, models.Blob.sha256 == capture.pcap_sha256)
        .where(*wanted)
        .order_by(capture.started_at, capture.capture_id)
    )
    found: dict[str, list[CaptureFacts]] = defaultdict(list)
    for row, content in session.execute(query):
        found[row.measurement_id].append(CaptureFacts(technique=row.technique, variant=row.variant, pcap=content))
    return found
