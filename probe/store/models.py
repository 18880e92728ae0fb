"""The tables. Facts are append-only; conclusions are replaceable.

A *fact* row carries its place in its vantage's hash chain (:mod:`probe.store.chain`)
and two clocks: when it happened, in columns of its own, and when it arrived in
this database (``received_at``, outside the hash, because a collector receives
later than the probe wrote).

A *conclusion* row is derived: deleting all of them and running the analysis
again gives the same rows.

Every identifier is text and unique in the world (a cycle's is random, the rest
count within their cycle), so that databases of many vantages merge by copying.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from probe.store.types import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


class Base(DeclarativeBase):
    """Of all tables."""

    metadata = MetaData(
        naming_convention={  # a migration can only change what has a name
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        },
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way to declare it
        int: BigInteger,
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        bytes: LargeBinary,
    }


class Fact:
    """What every fact table has: the vantage, the place in its chain, the hash, and the arrival."""

    @declared_attr
    @classmethod
    def vantage_id(cls) -> Mapped[str]:
        """Whose fact it is."""
        return mapped_column(ForeignKey("vantage.vantage_id"))

    chain_seq: Mapped[int]
    """Place in the vantage's chain, from 1, without gaps over all fact tables."""
    chain_sha256: Mapped[str]
    """SHA-256 over the previous row's hash and this row's canonical JSON, in hex."""
    received_at: Mapped[datetime]
    """When the row arrived in this database; not part of the hash."""

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[SchemaItem, ...]:
        """One row a place; the index also serves every question about one vantage."""
        return (UniqueConstraint("vantage_id", "chain_seq"),)


# ---------------------------------------------------------------- facts


class Vantage(Base):
    """A place that measures. Nothing here identifies a person."""

    __tablename__ = "vantage"
    vantage_id: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str]
    """ISO 3166-1 alpha-2."""
    region: Mapped[str | None]
    """Coarse, and only where the volunteer wrote one."""
    network: Mapped[str | None]
    """Autonomous system, as ``AS9198``."""
    bearer: Mapped[str]
    """``fixed``, ``mobile``, ``satellite`` or ``unknown``."""
    role: Mapped[str]
    """``probe``, or ``control`` for a sentinel."""
    chain_seq: Mapped[int]
    chain_sha256: Mapped[str]
    received_at: Mapped[datetime]


class Cycle(Fact, Base):
    """The start of one pass over a schedule, written before its first packet."""

    __tablename__ = "cycle"
    cycle_id: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(index=True)
    """The time at which the schedule wanted it."""
    started_at: Mapped[datetime]
    schedule: Mapped[str]
    schedule_sha256: Mapped[str]
    seed_commitment: Mapped[str]
    """SHA-256 of the seed from which every random choice of the cycle is drawn."""
    software_version: Mapped[str]
    clock_source: Mapped[str]


class CycleEnd(Fact, Base):
    """The end of a pass, with the seed that its start had committed to."""

    __tablename__ = "cycle_end"
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycle.cycle_id"), primary_key=True)
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    """``complete`` or ``interrupted``."""
    seed: Mapped[str]
    """Hex."""
    bytes_sent: Mapped[int]
    bytes_received: Mapped[int]


class Measurement(Fact, Base):
    """One target, measured once in a cycle (retries and pairs included)."""

    __tablename__ = "measurement"
    measurement_id: Mapped[str] = mapped_column(primary_key=True)
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycle.cycle_id"), index=True)
    service: Mapped[str]
    target: Mapped[str]
    url: Mapped[str]
    kind: Mapped[str]
    """``target``, ``control-home``, ``control-abroad`` or ``portal-check``."""
    video: Mapped[str | None]
    expect_status: Mapped[int | None]
    """The status that a portal check must return."""
    role: Mapped[str | None]
    """What its service needs the target for."""
    need: Mapped[str | None]
    """``all`` where the service cannot do without the role, ``any`` where it is one of several that will do."""
    round: Mapped[str]
    """``first``, ``main`` or ``last``: controls are measured before and after the targets."""
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("vantage_id", "chain_seq"),
        Index("ix_measurement_target", "target", "vantage_id", "started_at"),
    )


class Observation(Fact, Base):
    """One step: one flat row."""

    __tablename__ = "observation"
    observation_id: Mapped[str] = mapped_column(primary_key=True)
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), index=True)
    pair_id: Mapped[str | None] = mapped_column(index=True)
    """The pair that the step is part of; empty for the routine pass."""
    arm: Mapped[str | None]
    """``target`` or ``control``, within a pair."""
    attempt: Mapped[int]
    """From 1; above 1 for a retry."""
    redirect: Mapped[int]
    """0 for the target's own URL, then 1 for each redirect that was followed."""
    operation: Mapped[str]
    """``dns``, ``tcp``, ``tls``, ``http``, ``hop`` or ``quic``."""
    started_at: Mapped[datetime]
    duration_s: Mapped[float]
    started_mono_s: Mapped[float]
    """Monotonic clock of the probe's process; orders the rows of one cycle, means nothing beyond it."""
    failure: Mapped[str | None]
    error_text: Mapped[str | None]
    name: Mapped[str | None]
    """The name that was sent: DNS question, SNI, Host."""
    address: Mapped[str | None]
    """The peer's; never the volunteer's. Empty for the volunteer's own resolver and gateway."""
    port: Mapped[int | None]
    source_port: Mapped[int | None]
    bytes_sent: Mapped[int]
    bytes_received: Mapped[int]

    resolver: Mapped[str | None]
    transport: Mapped[str | None]
    query_type: Mapped[str | None]

    tls_version: Mapped[str | None]
    tls_cipher: Mapped[str | None]
    alpn: Mapped[str | None]
    certificates: Mapped[list[str] | None]
    """SHA-256 of each certificate's DER, the leaf first; the bytes are in ``blob``."""
    certificate_failure: Mapped[str | None]
    is_peer_hello_received: Mapped[bool | None]

    url: Mapped[str | None]
    status: Mapped[int | None]
    headers: Mapped[list[Any] | None]
    """Pairs of name and value, allow-listed."""
    location: Mapped[str | None]
    body_length_bytes: Mapped[int | None]
    body_sha256: Mapped[str | None]
    is_body_truncated: Mapped[bool | None]
    title: Mapped[str | None]
    is_genuine: Mapped[bool | None]
    hop_limit: Mapped[int | None]

    technique: Mapped[str | None]
    """The closer look that it is part of; empty for the routine pass and its retries."""
    variant: Mapped[str | None]
    """Which of the technique's steps it is."""
    way: Mapped[str | None]
    """The other way round that it went; empty for the vantage's own path."""
    icmp_type: Mapped[int | None]
    icmp_code: Mapped[int | None]
    icmp_errors: Mapped[int | None]
    """How many came for a packet with a small hop limit; of TCP the system does not say whose."""
    first_byte_s: Mapped[float | None]
    progress: Mapped[list[Any] | None]
    """Pairs of seconds since the request and bytes received by then."""
    body_sketch: Mapped[str | None]
    fingerprint: Mapped[str | None]
    playability: Mapped[str | None]
    playability_reason: Mapped[str | None]
    countries: Mapped[list[str] | None]
    kept_body_sha256: Mapped[str | None]
    """Of the body of a known block page, with addresses taken out: in ``blob``."""
    packet_kinds: Mapped[list[str] | None]
    """Of QUIC: kinds of the peer's packets, each once, in the order seen."""


class TechniqueRun(Fact, Base):
    """One closer look that was called for: made, left out, or cut short, and why."""

    __tablename__ = "technique_run"
    technique_run_id: Mapped[str] = mapped_column(primary_key=True)
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), index=True)
    technique: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    outcome: Mapped[str]
    """``done``, ``skipped``, ``cut-short`` or ``failed``."""
    reason: Mapped[str | None]
    spent_bytes: Mapped[int]


class Capture(Fact, Base):
    """Packets that a closer look kept, as a pcap blob without the volunteer's addresses."""

    __tablename__ = "capture"
    capture_id: Mapped[str] = mapped_column(primary_key=True)
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), index=True)
    technique: Mapped[str]
    variant: Mapped[str | None]
    started_at: Mapped[datetime]
    packets: Mapped[int]
    pcap_sha256: Mapped[str]


class DnsAnswer(Fact, Base):
    """One datagram or message that came back for one DNS question, late ones too."""

    __tablename__ = "dns_answer"
    observation_id: Mapped[str] = mapped_column(ForeignKey("observation.observation_id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """From 0, in order of arrival."""
    delay_s: Mapped[float]
    rcode: Mapped[str | None]
    addresses: Mapped[list[str]]
    cnames: Mapped[list[str]]
    is_valid: Mapped[bool]
    raw: Mapped[bytes]
    sending: Mapped[int | None]
    """Which sending of the question it answers, from 1; empty where it answers none."""
    networks: Mapped[list[Any] | None]
    """Autonomous system of each address, as ``AS15133``, null for one that is not known; empty where nobody looked."""
    identity: Mapped[str | None]
    """What the server that answered calls itself, with every run of letters as ``a`` and of digits as ``9``."""


class Pair(Fact, Base):
    """Two steps, back to back in random order, that differ in nothing but the name."""

    __tablename__ = "pair"
    pair_id: Mapped[str] = mapped_column(primary_key=True)
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), index=True)
    number: Mapped[int]
    """Counts the pairs of the cycle, and with the seed gives the order and the scramble."""
    name_kind: Mapped[str]
    """``sni``, ``host``, ``path``, ``qname`` or ``quic``."""
    peer: Mapped[str]
    """``target`` (its own address) or ``helper`` (a server of ours that answers every name alike)."""
    address: Mapped[str]
    port: Mapped[int]
    target_name: Mapped[str]
    control_name: Mapped[str]
    is_target_first: Mapped[bool]
    is_negative_control: Mapped[bool]
    """Both names innocuous: the standing calibration."""
    target_observation_id: Mapped[str]
    """The last step of the target's arm: its failure is the arm's."""
    control_observation_id: Mapped[str]
    technique: Mapped[str | None]
    """The closer look that made it; empty for the routine pass."""


class LinkSample(Fact, Base):
    """One look at the vantage's own link: the flight recorder's row. No address and no name of a network is kept.

    The recorder looks each minute, and stores a look that differs from the one before, and every tenth.
    """

    __tablename__ = "link_sample"
    link_sample_id: Mapped[str] = mapped_column(primary_key=True)
    cycle_id: Mapped[str | None] = mapped_column(ForeignKey("cycle.cycle_id"), index=True)
    """The cycle at whose start or end it was taken; empty for the recorder's own looks."""
    sampled_at: Mapped[datetime]
    is_interface_up: Mapped[bool | None]
    """Some interface other than loopback is up and has carrier."""
    has_default_route: Mapped[bool | None]
    is_gateway_answering: Mapped[bool | None]
    """The first hop said that a packet's hop limit ran out there; null where the system does not tell."""
    last_hop_answering: Mapped[int | None]
    """The furthest hop, of those asked, that answered; 0 for none."""
    has_ipv6_route: Mapped[bool | None]
    hash_key: Mapped[str | None]
    """Names the key of the hashes: under another one, they cannot be compared."""
    addresses_hash: Mapped[str | None]
    """Keyed hash of the vantage's own addresses: it changes when they do, and does not say what they are."""
    gateway_hash: Mapped[str | None]
    is_gateway_neighbour: Mapped[bool | None]
    """The gateway last said where it is on the local network (ARP)."""
    hops: Mapped[list[Any] | None]
    """Keyed hash of each hop that answered, in order; null for one that did not."""
    is_resolver_answering: Mapped[bool | None]
    power: Mapped[str | None]
    """``mains`` or ``battery``."""
    battery_percent: Mapped[int | None]
    boot_hash: Mapped[str | None]
    modem_state: Mapped[str | None]
    modem_registration: Mapped[str | None]
    modem_access: Mapped[str | None]
    modem_signal_percent: Mapped[int | None]
    modem_failure: Mapped[str | None]
    """Why a registered modem was given no data session."""
    since_last_s: Mapped[float | None]
    """Since the look before, stored or not, suspension included."""
    suspended_s: Mapped[float | None]
    clock_step_s: Mapped[float | None]
    unchanged_looks: Mapped[int | None]
    """Looks between the recorder's row before and this one that saw what that row says."""


class SelfCheck(Fact, Base):
    """What a vantage knew of itself in one cycle: its way out, its clock, its resolver, its network."""

    __tablename__ = "self_check"
    cycle_id: Mapped[str] = mapped_column(ForeignKey("cycle.cycle_id"), primary_key=True)
    checked_at: Mapped[datetime]
    way_out: Mapped[str | None]
    """Kind of the interface that packets leave by: ``line``, ``tunnel`` or ``ppp``."""
    has_other_line: Mapped[bool | None]
    """Another interface, no tunnel, is up, with an address: a tunnel may run over it."""
    has_proxy_settings: Mapped[bool | None]
    clock_offset_s: Mapped[float | None]
    """How far this machine's clock is ahead; below zero, behind."""
    clock_offset_source: Mapped[str | None]
    clock_witnesses: Mapped[int | None]
    resolver_kind: Mapped[str | None]
    """``loopback``, ``private`` or ``public``."""
    resolver_network: Mapped[str | None]
    network: Mapped[str | None]
    """Autonomous system of the vantage's public address, by the table that the volunteer gave."""
    network_country: Mapped[str | None]
    network_source: Mapped[str | None]
    as_table_sha256: Mapped[str | None]


class MissedSlot(Fact, Base):
    """A slot in which the vantage did not measure, and why, computed by us from the schedule."""

    __tablename__ = "missed_slot"
    missed_slot_id: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(index=True)
    noticed_at: Mapped[datetime]
    reason: Mapped[str]
    """``asleep``, ``overrun``, ``stopped``, ``clock_stepped`` or ``disk_full``."""


class Imported(Fact, Base):
    """Where a measurement that another program made comes from. Rows of our own probes have none."""

    __tablename__ = "imported"
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), primary_key=True)
    source: Mapped[str]
    """``ooni``."""
    test_name: Mapped[str]
    test_version: Mapped[str | None]
    software: Mapped[str]
    report_id: Mapped[str | None] = mapped_column(index=True)
    measurement_uid: Mapped[str | None]
    content_sha256: Mapped[str]
    """Of the measurement as canonical JSON, without what the source's own servers added."""


class OutsideSeries(Base):
    """A series of values that somebody else measured: facts from elsewhere, in no vantage's chain."""

    __tablename__ = "outside_series"
    series_id: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 over what it is of and the file's hash, in hex."""
    source: Mapped[str]
    """``ioda``, ``ripestat``, ``csv`` or ``ripe-atlas``."""
    kind: Mapped[str]
    """What was counted, in the source's own word."""
    scope_kind: Mapped[str]
    """``country``, ``region``, ``asn`` or ``target``."""
    scope: Mapped[str]
    step_s: Mapped[int]
    file_sha256: Mapped[str]
    received_at: Mapped[datetime]


class OutsidePoint(Base):
    """One value of such a series. A gap is a row with an empty value: it is no zero."""

    __tablename__ = "outside_point"
    series_id: Mapped[str] = mapped_column(ForeignKey("outside_series.series_id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float | None]


class ReferenceFile(Base):
    """A file that conclusions rest on beside facts and rules, one of each kind; the last one that was given."""

    __tablename__ = "reference_file"
    kind: Mapped[str] = mapped_column(primary_key=True)
    """``plant``."""
    sha256: Mapped[str]
    name: Mapped[str]
    """As it was called when it was given, without its folder."""
    content: Mapped[bytes]
    received_at: Mapped[datetime]


class Blob(Base):
    """Bytes under their own hash: certificates (DER) and bodies. The rows that name the hash are chained."""

    __tablename__ = "blob"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """``certificate``, ``body`` or ``pcap``."""
    content: Mapped[bytes]


class ChainEnd(Base):
    """Where a vantage's chain ends: the one row that each append moves on.

    Without it, rows deleted from the end of a chain would not be missed.
    """

    __tablename__ = "chain_end"
    vantage_id: Mapped[str] = mapped_column(ForeignKey("vantage.vantage_id"), primary_key=True)
    chain_seq: Mapped[int]
    chain_sha256: Mapped[str]


# ---------------------------------------------------------------- conclusions


class Analysis(Base):
    """One run of the analysis: what the conclusions in this database were computed with."""

    __tablename__ = "analysis"
    analysis_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1: conclusions are replaced as a whole."""
    ruleset: Mapped[str]
    software_version: Mapped[str]
    facts_sha256: Mapped[str]
    """Hash over the ends of all chains: which facts were read."""
    reference: Mapped[dict[str, Any] | None]
    """Hash of each file of reference data that conclusions rest on, by name; empty in rows of older versions."""


class State(Base):
    """What one measurement shows."""

    __tablename__ = "state"
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), primary_key=True)
    state: Mapped[str] = mapped_column(index=True)
    mechanisms: Mapped[list[str]]
    reason: Mapped[str]
    """One sentence."""


class Evidence(Base):
    """A rule that fired for a measurement; every one, not just the one that decided."""

    __tablename__ = "evidence"
    measurement_id: Mapped[str] = mapped_column(ForeignKey("measurement.measurement_id"), primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    log10_lr: Mapped[float]
    observations: Mapped[list[str]]
    text: Mapped[str]


class PairTest(Base):
    """The e-value of all pairs of one vantage, target, kind of name and peer."""

    __tablename__ = "pair_test"
    vantage_id: Mapped[str] = mapped_column(ForeignKey("vantage.vantage_id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    name_kind: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(primary_key=True)
    is_negative_control: Mapped[bool] = mapped_column(primary_key=True)
    pairs: Mapped[int]
    discordant: Mapped[int]
    target_failed: Mapped[int]
    """Of the discordant pairs, those in which the target's arm failed."""
    log10_e: Mapped[float]


class PairChange(Base):
    """An onset or an end that the pairs of one series show, where their e-value passed the bar."""

    __tablename__ = "pair_change"
    vantage_id: Mapped[str] = mapped_column(ForeignKey("vantage.vantage_id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    name_kind: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """In order of time, from 0."""
    is_onset: Mapped[bool]
    changed_after: Mapped[datetime | None]
    """The last pair surely before the change; empty where the pairs may have begun with it."""
    changed_before: Mapped[datetime]
    """The first pair surely after it."""
    log10_detector: Mapped[float]
    """Of an onset at the last pair before its end, or of all; of an end when it was called."""
    pairs: Mapped[int]
    """From that first pair to that last one."""


class GridCell(Base):
    """One vantage, target and slot: what came of it, whether anything was heard or not."""

    __tablename__ = "grid"
    vantage_id: Mapped[str] = mapped_column(ForeignKey("vantage.vantage_id"), primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """``ran``, ``failed``, ``missed`` or ``not-yet-heard``."""
    why: Mapped[str]
    """The state where it was measured, the reason where it was missed."""
    late_s: Mapped[int | None]
    """From the slot to the arrival in this database; empty where nothing arrived."""


class Daily(Base):
    """How many cells of the grid a service had in each state on one day, at one vantage; controls have no rows."""

    __tablename__ = "daily"
    service: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    """In UTC, as ``2011-12-16``."""
    state: Mapped[str] = mapped_column(primary_key=True)
    """The state of what was measured; of the rest ``missed`` or ``not-yet-heard``."""
    vantage_id: Mapped[str] = mapped_column(ForeignKey("vantage.vantage_id"), primary_key=True)
    cells: Mapped[int]

    __table_args__ = (
        Index("ix_daily_vantage_id", "vantage_id", "state", "day", "cells"),
        {"sqlite_with_rowid": False},  # it is read in the order of its key
    )


class Event(Base):
    """Something that began, had a scope and perhaps ended."""

    __tablename__ = "event"
    event_id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(index=True)
    scope: Mapped[dict[str, Any]]
    """``vantages``, ``networks``, ``regions``, ``services``: lists."""
    onset_after: Mapped[datetime | None]
    """The last good measurement before; empty where there was none."""
    onset_before: Mapped[datetime]
    """The first bad one."""
    end_after: Mapped[datetime | None]
    """The last bad one, where the event has ended."""
    end_before: Mapped[datetime | None]
    """The first good one after it."""
    mechanisms: Mapped[list[str]]
    ledger: Mapped[list[Any]]
    members: Mapped[list[Any] | None]
    """The series that it is made of: ``vantage``, ``target``, ``onset``, ``end``, ``relapses``."""
    hypotheses: Mapped[list[Any] | None]
    """Both readings, deliberate and not: ``text``, sums of ``log10_lr`` by channel, ``kinds``, ``witness``."""
    would_change: Mapped[list[Any] | None]
    """Sentences on what is missing."""


FACTS: tuple[type[Base], ...] = (
    Vantage,
    Cycle,
    Measurement,
    Observation,
    DnsAnswer,
    Pair,
    TechniqueRun,
    Capture,
    LinkSample,
    SelfCheck,
    CycleEnd,
    MissedSlot,
    Imported,
)
"""In an order in which foreign keys hold. ``Blob`` stands beside them: its rows are named by hash."""

OUTSIDE: tuple[type[Base], ...] = (OutsideSeries, OutsidePoint, ReferenceFile)
"""Facts and files from elsewhere, in an order in which foreign keys hold."""

CONCLUSIONS: tuple[type[Base], ...] = (Event, Daily, GridCell, PairChange, PairTest, Evidence, State, Analysis)
"""In an order in which they can be deleted."""
