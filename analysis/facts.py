"""What the rules read: the stored facts as frozen values, and how a measurement stands among others.

The shapes here repeat the store's, without what no rule needs (raw packets,
headers), and with what belongs together held together: a step with its DNS
answers, a pair with its two arms, a cycle with its link samples. Nothing here
judges; :mod:`analysis.reading` fills it from a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from analysis.causes.plant import Plant
from analysis.outcome import outcome_of
from probe.model import Operation, Peer, TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.instrument import Defect
    from analysis.outcome import Outcome
    from analysis.pairs import Standing
    from analysis.runs import PairRun
    from analysis.transfer_runs import TransferRun

CONTROL_KINDS = (TargetKind.CONTROL_HOME, TargetKind.CONTROL_ABROAD)
ROUNDS = ("first", "last")
IMPORTED_FROM_OONI = "ooni"
"""Where the time of a cycle comes from that a probe of OONI's made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageFacts:
    """A place that measures."""

    vantage_id: str
    country: str = "ZZ"
    region: str | None = None
    network: str | None = None
    bearer: str = "unknown"
    role: str = "probe"

    @property
    def is_sentinel(self) -> bool:
        """Whether it stands outside the censor's reach."""
        return self.role == "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message that came back for one DNS question."""

    delay_s: float = 0.0
    rcode: str | None = "NOERROR"
    addresses: tuple[str, ...] = ()
    is_valid: bool = True
    sending: int | None = None
    """Which sending of the question it answers, from 1; rows of older probes, which sent once, do not say."""
    networks: tuple[str | None, ...] = ()
    """Autonomous system of each address, where whoever measured it looked."""
    identity: str | None = None
    """What the server that answered calls itself, with every run of letters as ``a`` and of digits as ``9``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One observation."""

    observation_id: str
    operation: str
    attempt: int = 1
    redirect: int = 0
    started_mono_s: float = 0.0
    failure: str | None = None
    name: str | None = None
    address: str | None = None
    port: int | None = None
    source_port: int | None = None
    bytes_received: int = 0
    resolver: str | None = None
    transport: str | None = None
    query_type: str | None = None
    answers: tuple[Answer, ...] = ()
    certificates: tuple[str, ...] = ()
    certificate_failure: str | None = None
    is_peer_hello_received: bool | None = None
    url: str | None = None
    status: int | None = None
    location: str | None = None
    body_length_bytes: int | None = None
    body_sha256: str | None = None
    title: str | None = None
    duration_s: float = 0.0
    bytes_sent: int = 0
    tls_version: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    is_body_truncated: bool | None = None
    is_genuine: bool | None = None
    hop_limit: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_errors: int | None = None
    technique: str | None = None
    variant: str | None = None
    way: str | None = None
    first_byte_s: float | None = None
    progress: tuple[tuple[float, int], ...] = ()
    body_sketch: str | None = None
    fingerprint: str | None = None
    playability: str | None = None
    playability_reason: str | None = None
    countries: tuple[str, ...] | None = None
    packet_kinds: tuple[str, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether it is a TLS handshake whose chain was found right for the name."""
        return self.operation == Operation.TLS and self.failure is None and self.certificate_failure is None

    @property
    def is_helper_page(self) -> bool:
        """Whether it is a page that one of our helpers signed."""
        return self.operation == Operation.HTTP and self.failure is None and bool(self.is_genuine)

    @property
    def valid_answers(self) -> tuple[Answer, ...]:
        """The DNS messages with our id and our question, in the order in which they arrived."""
        return tuple(answer for answer in self.answers if answer.is_valid)

    @property
    def addresses(self) -> frozenset[str]:
        """Every address of every valid DNS answer."""
        return frozenset(address for answer in self.valid_answers for address in answer.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """Two arms that differ in nothing but the name; ``None`` for an arm whose last row is missing."""

    pair_id: str
    number: int
    name_kind: str
    peer: str
    address: str
    port: int
    target_name: str
    control_name: str
    is_target_first: bool
    is_negative_control: bool
    target_arm: Step | None
    control_arm: Step | None
    technique: str | None = None
    """The closer look that made it; ``None`` for the routine pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookFacts:
    """Whether one closer look was made, and why not."""

    technique: str
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFacts:
    """Packets that a closer look kept."""

    technique: str
    variant: str | None
    pcap: bytes


@dataclass(frozen=True, kw_only=True)
class MeasurementFacts:
    """One target, measured once in a cycle."""

    measurement_id: str
    cycle_id: str
    vantage_id: str
    service: str
    target: str
    url: str
    kind: str
    round: str
    started_at: datetime
    video: str | None = None
    expect_status: int | None = None
    role: str | None = None
    """What its service needs the target for."""
    need: str | None = None
    """``all`` or ``any``: whether the service cannot do without the role, or the role is one of several."""
    steps: tuple[Step, ...] = ()
    """What the outcome is read from, in the order in which it began: the routine pass, its retries, and what other
    resolvers led to. No step of a pair, of any other closer look, or of another way round."""
    closer: tuple[Step, ...] = ()
    """The steps of all other closer looks."""
    looks: tuple[LookFacts, ...] = ()
    captures: tuple[CaptureFacts, ...] = ()
    pairs: tuple[PairFacts, ...] = ()
    """Name-swap pairs: whether an arm fails is what counts."""
    transfers: tuple[PairFacts, ...] = ()
    """Pairs of timed transfers: how fast an arm is, is what counts."""
    host_pairs: tuple[PairFacts, ...] = ()
    """Name-swap pairs of the hosts that send a video's film and thumbnail."""

    @cached_property
    def outcome(self) -> Outcome:
        """How far the measurement came (:mod:`analysis.outcome`)."""
        return outcome_of(self)

    def of_look(self, technique: str) -> tuple[Step, ...]:
        """Give the steps of one closer look."""
        return tuple(step for step in self.closer if step.technique == technique)

    def of(self, operation: Operation, redirect: int | None = None) -> tuple[Step, ...]:
        """Give the steps of one operation, of one hop where ``redirect`` is given."""
        return tuple(
            step
            for step in self.steps
            if step.operation == operation and (redirect is None or step.redirect == redirect)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What the vantage knew of its own link at one moment."""

    sampled_at: datetime
    is_interface_up: bool | None = None
    has_default_route: bool | None = None
    is_gateway_answering: bool | None = None
    last_hop_answering: int | None = None
    has_ipv6_route: bool | None = None
    is_gateway_neighbour: bool | None = None
    is_resolver_answering: bool | None = None
    power: str | None = None
    hash_key: str | None = None
    boot_hash: str | None = None
    modem_registration: str | None = None
    modem_failure: str | None = None
    since_last_s: float | None = None
    suspended_s: float | None = None
    clock_step_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfFacts:
    """What the vantage knew of itself in one cycle."""

    way_out: str | None = None
    has_other_line: bool | None = None
    has_proxy_settings: bool | None = None
    clock_offset_s: float | None = None
    clock_offset_source: str | None = None
    resolver_kind: str | None = None
    resolver_network: str | None = None
    network: str | None = None


@dataclass(frozen=True, kw_only=True)
class CycleFacts:
    """One pass of one vantage."""

    cycle_id: str
    vantage: VantageFacts
    started_at: datetime
    slot_at: datetime | None = None
    """The time at which the schedule wanted it; as written, never put right."""
    received_at: datetime | None = None
    """When its last row arrived in the database that was read: late is not missing."""
    software_version: str = ""
    schedule_sha256: str = ""
    """Of the schedule's file: what it was to measure."""
    seed_commitment: str = ""
    clock_source: str = "system"
    outcome: str | None = None
    """``complete``, ``interrupted``, or empty where the end was never written."""
    seed: str | None = None
    links: tuple[LinkFacts, ...] = ()
    """The looks at its start and its end."""
    flight: tuple[LinkFacts, ...] = ()
    """All looks from well before it to well after it, these two and the flight recorder's, in order of time."""
    itself: SelfFacts | None = None
    measurements: tuple[MeasurementFacts, ...] = ()

    @property
    def is_imported(self) -> bool:
        """Whether another program made it: one try, no pairs, no rounds of controls."""
        return self.clock_source == IMPORTED_FROM_OONI

    @property
    def is_through_tunnel(self) -> bool:
        """Whether its packets left through a tunnel over another line: then it shows another network.

        A tunnel without another line is the line itself, as in a container. PPP carries tunnels and modems alike;
        beside another line it is taken for a tunnel, which costs a cycle and accuses nobody.
        """
        return self.itself is not None and self.itself.way_out in {"tunnel", "ppp"} and bool(self.itself.has_other_line)

    def controls(self, kind: TargetKind | None = None, round_: str | None = None) -> tuple[MeasurementFacts, ...]:
        """Give the control measurements, at home or abroad, of one round or of both."""
        return self._controls.get((kind, round_), ())

    @cached_property
    def _controls(self) -> dict[tuple[str | None, str | None], tuple[MeasurementFacts, ...]]:
        controls = [m for m in self.measurements if m.kind in CONTROL_KINDS]
        return {
            (kind, name): tuple(m for m in controls if kind in {None, m.kind} and name in {None, m.round})
            for kind in (None, *CONTROL_KINDS)
            for name in (None, *ROUNDS)
        }

    @cached_property
    def is_well_connected(self) -> bool:
        """Whether a control answered in every round that had one, and in at least one round."""
        measured = [controls for controls in (self.controls(round_=name) for name in ROUNDS) if controls]
        return bool(measured) and all(any(m.outcome.is_reached for m in controls) for controls in measured)

    @cached_property
    def portal_checks(self) -> tuple[MeasurementFacts, ...]:
        """The portal checks of both rounds."""
        return tuple(m for m in self.measurements if m.kind == TargetKind.PORTAL_CHECK)

    @cached_property
    def helper_pages(self) -> frozenset[str | None]:
        """The hashes of the pages that helpers gave in the pairs of the pass."""
        pairs = [pair for m in self.measurements for pair in m.pairs if pair.peer == Peer.HELPER]
        arms = [arm for pair in pairs for arm in (pair.target_arm, pair.control_arm) if arm is not None]
        return frozenset(arm.body_sha256 for arm in arms if arm.is_helper_page)

    @cached_property
    def is_anything_reached(self) -> bool:
        """Whether any measurement of the pass got an answer from its server."""
        return any(m.outcome.is_reached for m in self.measurements)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedFacts:
    """A slot in which a vantage says that it did not measure, and why."""

    vantage: VantageFacts
    slot_at: datetime
    reason: str
    received_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is known beside the cycles themselves."""

    missed: tuple[MissedFacts, ...] = ()
    """In order of time."""
    flights: Mapping[str, tuple[LinkFacts, ...]] = field(default_factory=dict)
    """Every look of each vantage's flight recorder, in order of time: also while no cycle ran."""
    plant: Plant = field(default_factory=Plant)
    """What the vantages' lines hang on, as far as anybody gave it (:mod:`analysis.causes.plant`)."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A measurement of the same target, elsewhere or at another time, with its cycle."""

    measurement: MeasurementFacts
    cycle: CycleFacts


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a rule may read about one measurement."""

    measurement: MeasurementFacts
    cycle: CycleFacts
    sentinels: tuple[Witness, ...] = ()
    """Sentinels' measurements of the same target within the window, the nearest in time first."""
    elsewhere: Sequence[Witness] = ()
    """The same target at other vantages that are no sentinels, within the window, the nearest first."""
    neighbours: tuple[Witness, ...] = ()
    """The same target at this vantage in its previous and next cycle."""
    pair_runs: tuple[PairRun, ...] = ()
    """The pairs of the run of cycles that this measurement belongs to, by kind of name and peer."""
    host_runs: tuple[PairRun, ...] = ()
    """The same of the hosts that send a video's film and thumbnail."""
    last_film: Witness | None = None
    """The latest measurement of this video here, up to this one and not long before, that read whether it plays."""
    films: tuple[Witness, ...] = ()
    """Of each other vantage the measurement of this video, nearest in time and not a day away, that read it."""
    transfer_runs: tuple[TransferRun, ...] = ()
    """The transfers of the run of cycles that this measurement belongs to, by kind of name and peer."""
    negative_transfers_log10_e: float = 0.0
    """log10 of the e-value of all transfers of two innocuous names, of this vantage."""
    pairs_not_counted: Mapping[str, Standing] = field(default_factory=dict)
    """Pairs of this measurement that may not be counted, by identifier, with the reason."""
    negative_log10_e: float = 0.0
    """log10 of the e-value of all negative-control pairs of this vantage."""
    defect: Defect | None = None
    """Of our own software, by which this measurement failed (:mod:`analysis.instrument`)."""
    is_gateway_known_silent: bool = False
    """Whether this vantage's gateway kept silent while something was reached: then its silence says nothing."""

    @property
    def usable_sentinels(self) -> tuple[Witness, ...]:
        """Those sentinels whose own controls answered in every round: the others say nothing on a target."""
        return tuple(witness for witness in self.sentinels if witness.cycle.is_well_connected)

    @property
    def sentinel(self) -> Witness | None:
        """The usable sentinel's measurement that is nearest in time."""
        return next(iter(self.usable_sentinels), None)


def ids(steps: Iterable[Step]) -> tuple[str, ...]:
    """Give the identifiers of steps, each once, in order."""
    return tuple(dict.fromkeys(step.observation_id for step in steps))
