"""From what steps saw to rows of the store. Nothing is concluded here, and what must not be kept is dropped.

Dropped: bodies (their hash, length, title and a sketch of their words stay; a
page may carry the volunteer's own address back) but those of known block pages,
the query of a redirect's target (the same), the address of the volunteer's own
resolver, headers that are not on the HTTP step's allow-list, and in all that is
kept of an answer whatever looks like an address (:mod:`probe.scrub`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probe.fingerprints import kept_body
from probe.model import Arm, DnsTransport, Operation
from probe.scrub import scrub
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from probe.model import NameKind, Observation, Peer, Target


_TOLD = frozenset({"allow", "content-language", "server", "via", "x-cache", "x-powered-by"})
"""Headers whose text a server makes up, and may repeat an address in; lengths and dates are numbers that stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One observation and its place in a measurement."""

    observation: Observation
    attempt: int = 1
    redirect: int = 0
    technique: str | None = None
    """The closer look that it is part of; ``None`` for the routine pass and its retries."""
    variant: str | None = None
    """Which of the technique's steps it is, in the technique's own words."""
    way: str | None = None
    """The other way round that it went, by its name in the schedule; ``None`` for the vantage's own path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOfSteps:
    """Two arms that differ in nothing but the name; each is the steps it took, the decisive one last."""

    number: int
    name_kind: NameKind
    peer: Peer
    address: str
    port: int
    target_name: str
    control_name: str
    is_target_first: bool
    is_negative_control: bool
    target_arm: tuple[Observation, ...]
    control_arm: tuple[Observation, ...]
    technique: str | None = None
    """The closer look that made it; ``None`` for the routine pass."""


@dataclass(frozen=True, slots=True)
class TechniqueRun:
    """One closer look: whether it was made, and why not."""

    technique: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    reason: str | None
    spent_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Packets that a closer look kept, with the volunteer's address already taken out of them."""

    technique: str
    variant: str | None
    started_at: datetime
    packets: int
    pcap: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that one measurement of one target brought."""

    target: Target
    round: str
    started_at: datetime
    ended_at: datetime
    steps: tuple[Step, ...]
    pairs: tuple[PairOfSteps, ...] = ()
    runs: tuple[TechniqueRun, ...] = ()
    captures: tuple[Capture, ...] = ()

    def observations(self) -> Iterator[Observation]:
        """Give every observation, those of the pairs included."""
        for step in self.steps:
            yield step.observation
        for pair in self.pairs:
            yield from pair.target_arm
            yield from pair.control_arm


@dataclass(slots=True)
class Recorder:
    """Gives rows their identifiers, which count within one cycle."""

    cycle_id: str
    _counts: dict[str, int] = field(default_factory=dict)

    def identifier(self, letter: str) -> str:
        """Give the next identifier of a kind, such as ``c1f0….o7``."""
        self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{self.cycle_id}.{letter}{self._counts[letter]}"

    def rows(self, measured: Measured) -> tuple[list[models.Base], list[models.Blob]]:
        """Give a measurement's rows in an order in which foreign keys hold, and the blobs that they name."""
        measurement = models.Measurement(
            measurement_id=self.identifier("m"),
            cycle_id=self.cycle_id,
            service=measured.target.service,
            target=measured.target.name,
            url=measured.target.url,
            kind=measured.target.kind.value,
            video=measured.target.video,
            expect_status=measured.target.expect_status,
            role=measured.target.role,
            need=measured.target.need,
            round=measured.round,
            started_at=measured.started_at,
            ended_at=measured.ended_at,
        )
        rows: list[models.Base] = [measurement]
        for step in measured.steps:
            rows += self._observation(measurement.measurement_id, step)
        for pair in measured.pairs:
            rows += self._pair(measurement.measurement_id, pair)
        rows += [self._run(measurement.measurement_id, run) for run in measured.runs]
        rows += [self._capture(measurement.measurement_id, capture) for capture in measured.captures]
        certificates = {der for observation in measured.observations() for der in observation.certificates}
        blobs = [models.Blob(sha256=_sha256(der), kind="certificate", content=der) for der in sorted(certificates)]
        blobs += [models.Blob(sha256=_sha256(c.pcap), kind="pcap", content=c.pcap) for c in measured.captures]
        kept = {kept_body(seen) for seen in measured.observations() if seen.fingerprint is not None}
        blobs += [models.Blob(sha256=_sha256(body), kind="body", content=body) for body in sorted(kept)]
        return rows, blobs

    def _run(self, measurement_id: str, run: TechniqueRun) -> models.Base:
        return models.TechniqueRun(
            technique_run_id=self.identifier("t"),
            measurement_id=measurement_id,
            technique=run.technique,
            started_at=run.started_at,
            ended_at=run.ended_at,
            outcome=run.outcome,
            reason=run.reason,
            spent_bytes=run.spent_bytes,
        )

    def _capture(self, measurement_id: str, capture: Capture) -> models.Base:
        return models.Capture(
            capture_id=self.identifier("k"),
            measurement_id=measurement_id,
            technique=capture.technique,
            variant=capture.variant,
            started_at=capture.started_at,
            packets=capture.packets,
            pcap_sha256=_sha256(capture.pcap),
        )

    def _pair(self, measurement_id: str, pair: PairOfSteps) -> list[models.Base]:
        pair_id = self.identifier("p")
        rows: list[models.Base] = []
        last: dict[Arm, str] = {}
        for arm, observations in ((Arm.TARGET, pair.target_arm), (Arm.CONTROL, pair.control_arm)):
            for observation in observations:
                rows += self._observation(
                    measurement_id, Step(observation=observation, technique=pair.technique), pair_id, arm
                )
                last[arm] = f"{self.cycle_id}.o{self._counts['o']}"
        rows.append(
            models.Pair(
                pair_id=pair_id,
                measurement_id=measurement_id,
                number=pair.number,
                name_kind=pair.name_kind.value,
                peer=pair.peer.value,
                address=pair.address,
                port=pair.port,
                target_name=pair.target_name,
                control_name=pair.control_name,
                is_target_first=pair.is_target_first,
                is_negative_control=pair.is_negative_control,
                target_observation_id=last[Arm.TARGET],
                control_observation_id=last[Arm.CONTROL],
                technique=pair.technique,
            )
        )
        return rows

    def _observation(
        self, measurement_id: str, step: Step, pair_id: str | None = None, arm: Arm | None = None
    ) -> list[models.Base]:
        seen = step.observation
        is_system_resolver = seen.operation is Operation.DNS and seen.transport is DnsTransport.SYSTEM
        row = models.Observation(
            observation_id=self.identifier("o"),
            measurement_id=measurement_id,
            pair_id=pair_id,
            arm=arm.value if arm else None,
            attempt=step.attempt,
            redirect=step.redirect,
            operation=seen.operation.value,
            started_at=seen.started_at,
            duration_s=round(seen.duration_s, 6),
            started_mono_s=round(seen.started_mono_s, 6),
            failure=seen.failure.value if seen.failure else None,
            error_text=seen.error_text,
            name=seen.name,
            address=None if is_system_resolver else seen.address,
            port=seen.port,
            source_port=seen.source_port,
            bytes_sent=seen.bytes_sent,
            bytes_received=seen.bytes_received,
            resolver=seen.resolver,
            transport=seen.transport.value if seen.transport else None,
            query_type=seen.query_type,
            tls_version=seen.tls_version,
            tls_cipher=seen.tls_cipher,
            alpn=seen.alpn,
            certificates=[_sha256(der) for der in seen.certificates] or None,
            certificate_failure=seen.certificate_failure.value if seen.certificate_failure else None,
            is_peer_hello_received=seen.is_peer_hello_received,
            url=_redirect_kept(seen.url) if step.redirect else seen.url,
            status=seen.status,
            headers=[[name, scrub(value) if name in _TOLD else value] for name, value in seen.headers] or None,
            location=_redirect_kept(seen.location),
            body_length_bytes=seen.body_length_bytes,
            body_sha256=_sha256(seen.body) if seen.body_length_bytes is not None else None,
            is_body_truncated=seen.is_body_truncated,
            title=seen.title,
            is_genuine=seen.is_genuine,
            hop_limit=seen.hop_limit,
            technique=step.technique,
            variant=step.variant,
            way=step.way,
            icmp_type=seen.icmp_type,
            icmp_code=seen.icmp_code,
            icmp_errors=seen.icmp_errors,
            first_byte_s=None if seen.first_byte_s is None else round(seen.first_byte_s, 6),
            progress=[[round(at_s, 6), count] for at_s, count in seen.progress] or None,
            body_sketch=seen.body_sketch,
            fingerprint=seen.fingerprint,
            playability=seen.playability,
            playability_reason=None if seen.playability_reason is None else scrub(seen.playability_reason),
            countries=None if seen.countries is None else list(seen.countries),
            kept_body_sha256=None if seen.fingerprint is None else _sha256(kept_body(seen)),
            packet_kinds=list(seen.packet_kinds) or None,
        )
        answers = [
            models.DnsAnswer(
                observation_id=row.observation_id,
                position=position,
                delay_s=round(answer.delay_s, 6),
                rcode=answer.rcode,
                addresses=list(answer.addresses),
                cnames=list(answer.cnames),
                is_valid=answer.is_valid,
                raw=answer.raw,
                sending=answer.sending,
                networks=list(answer.networks) or None,
                identity=answer.identity,
            )
            for position, answer in enumerate(seen.answers)
        ]
        return [row, *answers]


def total_bytes(observations: Sequence[Observation]) -> tuple[int, int]:
    """Give the bytes sent and received by all steps, above TCP and UDP."""
    return sum(o.bytes_sent for o in observations), sum(o.bytes_received for o in observations)


def _redirect_kept(url: str | None) -> str | None:
    """Drop what a portal or a block page hangs on its address: often the client's own, in the query or in the path."""
    if url is None:
        return None
    kept, question, _ = url.partition("?")
    kept = kept.partition("#")[0]
    start = kept.find("/", kept.find("//") + 2 if "//" in kept else 0)  # the host may be an address: it is the peer's
    kept = kept if start < 0 else kept[:start] + scrub(kept[start:])
    return kept + ("?…" if question else "")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
