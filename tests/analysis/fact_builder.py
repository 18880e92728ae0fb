"""Tiny builders of facts for the tests of the analysis: a step, a measurement, a cycle, a database."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analysis.facts import Answer, CycleFacts, LinkFacts, MeasurementFacts, PairFacts, Step, VantageFacts
from probe.model import TargetKind
from probe.randomness import commitment, is_target_first, scramble
from probe.store import models

if TYPE_CHECKING:
    from typing import Any

    from probe.store.database import Database

T0 = datetime(2026, 1, 10, 6, 0, tzinfo=UTC)
CADENCE = timedelta(minutes=15)
SITE = "93.184.216.34"
SITE_SIX = "2606:2800:220:1::1"
HELPER = "45.33.32.156"
RESET, TIMEOUT, EOF = "connection_reset", "generic_timeout_error", "eof_error"
NOT_GENUINE = "response_not_genuine"

PairSpec = tuple[str, str, "str | None", "str | None"]
"""Kind of name, peer, failure of the target's arm, failure of the control's."""
Fate = Callable[[str, str, str], "Sequence[Step]"]
"""(name, address, round) -> the steps of a control's measurement."""

_numbers = itertools.count(1)


def new_id(letter: str = "o") -> str:
    return f"{letter}{next(_numbers):06d}"


# ---------------------------------------------------------------- steps


def dns(
    name: str = "news.example.com",
    *answers: Any,
    resolver: str = "isp",
    transport: str = "udp",
    query_type: str = "A",
    failure: str | None = None,
    **extra: Any,
) -> Step:
    """One question; every answer is a tuple of addresses, or an rcode such as ``"NXDOMAIN"``."""
    made = tuple(
        Answer(rcode=a, addresses=()) if isinstance(a, str) else Answer(rcode="NOERROR", addresses=tuple(a))
        for a in answers
    )
    if made and failure is None and made[0].rcode == "NXDOMAIN":
        failure = "dns_nxdomain_error"
    return Step(
        observation_id=new_id(),
        operation="dns",
        name=name,
        resolver=resolver,
        transport=transport,
        query_type=query_type,
        answers=made,
        failure=failure,
        **extra,
    )


def tcp(address: str = SITE, failure: str | None = None, port: int = 443, **extra: Any) -> Step:
    return Step(observation_id=new_id(), operation="tcp", address=address, port=port, failure=failure, **extra)


def tls(
    address: str = SITE,
    failure: str | None = None,
    certificate_failure: str | None = None,
    certificates: tuple[str, ...] = ("genuine-leaf", "root"),
    **extra: Any,
) -> Step:
    is_heard = failure is None or certificate_failure is not None
    fields = {"port": 443, "is_peer_hello_received": is_heard, **extra}
    return Step(
        observation_id=new_id(),
        operation="tls",
        address=address,
        failure=failure,
        certificate_failure=certificate_failure,
        certificates=certificates if is_heard else (),
        **fields,
    )


def http(
    url: str | None = "https://news.example.com/",
    status: int = 200,
    title: str | None = "News",
    address: str = SITE,
    failure: str | None = None,
    **extra: Any,
) -> Step:
    fields = {"body_sha256": None if title is None else f"sha-{title}", "body_length_bytes": 5000, "port": 443, **extra}
    return Step(
        observation_id=new_id(),
        operation="http",
        url=url,
        address=address,
        status=None if failure else status,
        title=None if failure else title,
        failure=failure,
        **fields,
    )


def reached(name: str = "news.example.com", address: str = SITE, **page: Any) -> list[Step]:
    """A name that resolves, connects, proves itself and gives its page."""
    return [dns(name, (address,)), tcp(address), tls(address), http(f"https://{name}/", address=address, **page)]


def reached_plain(name: str = "news.example.com", address: str = SITE, **page: Any) -> list[Step]:
    return [dns(name, (address,)), tcp(address, port=80), http(f"http://{name}/", address=address, port=80, **page)]


def failed(
    operation: str,
    failure: str | None = TIMEOUT,
    name: str = "news.example.com",
    address: str = SITE,
    attempts: int = 3,
    *,
    is_plain: bool = False,
) -> list[Step]:
    """A name that fails at one layer, in every attempt."""
    steps = []
    for attempt in range(1, attempts + 1):
        if operation == "dns":
            steps += [dns(name, failure=failure, attempt=attempt), dns(name, failure=failure, query_type="AAAA")]
            continue
        steps.append(dns(name, (address,), attempt=attempt))
        steps.append(tcp(address, failure if operation == "tcp" else None, attempt=attempt))
        if operation == "tcp":
            continue
        if not is_plain:
            steps.append(tls(address, failure if operation == "tls" else None, attempt=attempt))
        if operation == "http":
            steps.append(http(address=address, failure=failure, attempt=attempt))
    return steps


# ---------------------------------------------------------------- cycles


@dataclass
class CycleBuilder:
    """One pass. Controls that work are there unless other ones are given."""

    vantage: str = "almaty"
    index: int = 0
    role: str = "probe"
    network: str | None = "AS9198"
    region: str | None = None
    after: timedelta = timedelta()
    outcome: str | None = "complete"
    links: tuple[LinkFacts, ...] | None = None
    _measurements: list[MeasurementFacts] = field(default_factory=list)
    _pair_numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    @property
    def started_at(self) -> datetime:
        return T0 + self.index * CADENCE + self.after

    @property
    def cycle_id(self) -> str:
        return f"{self.vantage}-{self.index:03d}"

    @property
    def seed(self) -> bytes:
        return hashlib.sha256(self.cycle_id.encode()).digest()

    def add(
        self,
        target: str,
        steps: Sequence[Step],
        *,
        service: str | None = None,
        kind: str = "target",
        round_: str = "main",
        url: str | None = None,
        pairs: Sequence[PairSpec] = (),
        expect_status: int | None = None,
        video: str | None = None,
        closer: Sequence[Step] = (),
        host_pairs: Sequence[PairFacts] = (),
        role: str | None = None,
        need: str | None = None,
    ) -> CycleBuilder:
        """Add one measurement; ``pairs`` are tuples (kind, peer, target's failure, control's failure)."""
        made = tuple(self.pair(target, *spec, is_negative=kind != "target") for spec in pairs)
        places = {"first": 10, "main": 60, "last": 400}
        self._measurements.append(
            MeasurementFacts(
                measurement_id=f"{self.cycle_id}.m{len(self._measurements):03d}",
                cycle_id=self.cycle_id,
                vantage_id=self.vantage,
                service=service or target,
                target=target,
                url=url or f"https://{target}/",
                kind=kind,
                round=round_,
                started_at=self.started_at + timedelta(seconds=places[round_] + len(self._measurements) / 100),
                expect_status=expect_status,
                video=video,
                steps=tuple(replace(s, started_mono_s=float(i)) for i, s in enumerate(steps)),
                pairs=made,
                closer=tuple(closer),
                host_pairs=tuple(host_pairs),
                role=role,
                need=need,
            )
        )
        return self

    def pair(
        self,
        name: str,
        kind: str = "sni",
        peer: str = "helper",
        target_failure: str | None = None,
        control_failure: str | None = None,
        *,
        is_negative: bool = False,
    ) -> PairFacts:
        number = next(self._pair_numbers)
        first = is_target_first(self.seed, number)
        place = {"address": HELPER if peer == "helper" else SITE, "port": 443 if kind in {"sni", "quic"} else 80}
        operation = {"sni": "tls", "quic": "quic", "qname": "dns"}.get(kind, "http")
        arms = [
            Step(
                observation_id=new_id(),
                operation=operation,
                failure=failure,
                started_mono_s=number * 10.0 + (0 if (failure_is_target == first) else 1),
                is_peer_hello_received=failure in {None, NOT_GENUINE},
                **place,
            )
            for failure, failure_is_target in ((target_failure, True), (control_failure, False))
        ]
        return PairFacts(
            pair_id=f"{self.cycle_id}.p{number:04d}",
            number=number,
            name_kind=kind,
            peer=peer,
            **place,
            target_name=name,
            control_name=scramble(self.seed, number, name),
            is_target_first=first,
            is_negative_control=is_negative,
            target_arm=arms[0],
            control_arm=arms[1],
        )

    def controls(
        self,
        home: Fate | None = None,
        abroad: Fate | None = None,
        rounds: Sequence[str] = ("first", "last"),
        pairs: Sequence[PairSpec] = (),
    ) -> CycleBuilder:
        """Add two controls at home and two abroad; ``home`` and ``abroad`` make their steps (default: reached)."""
        for round_ in rounds:
            for kind, names, make in (
                (TargetKind.CONTROL_HOME, ("egov.example.kz", "post.example.kz"), home),
                (TargetKind.CONTROL_ABROAD, ("example.org", "example.net"), abroad),
            ):
                for i, name in enumerate(names):
                    address = f"{'8.20.1' if kind == TargetKind.CONTROL_HOME else '9.30.1'}.{i + 1}"
                    made = make(name, address, round_) if make else reached(name, address)
                    self.add(
                        name,
                        made,
                        service="controls",
                        kind=kind.value,
                        round_=round_,
                        url=f"https://{name}/",
                        pairs=pairs,
                    )
        return self

    def portal_check(self, status: int = 204, rounds: Sequence[str] = ("first", "last"), **extra: Any) -> CycleBuilder:
        for round_ in rounds:
            url = "http://check.example.org/"
            steps = [dns("check.example.org", ("9.30.1.9",)), tcp("9.30.1.9", port=80)]
            steps.append(http(url, status=status, title=None, address="9.30.1.9", **extra))
            self.add(
                "check.example.org",
                steps,
                service="controls",
                kind="portal-check",
                round_=round_,
                url=url,
                expect_status=204,
            )
        return self

    def build(self) -> CycleFacts:
        good = LinkFacts(
            sampled_at=self.started_at,
            is_interface_up=True,
            has_default_route=True,
            is_gateway_answering=True,
            last_hop_answering=6,
        )
        return CycleFacts(
            cycle_id=self.cycle_id,
            vantage=VantageFacts(
                vantage_id=self.vantage, country="KZ", region=self.region, network=self.network, role=self.role
            ),
            started_at=self.started_at,
            seed_commitment=commitment(self.seed),
            outcome=self.outcome,
            seed=self.seed.hex() if self.outcome else None,
            links=self.links if self.links is not None else (good, good),
            measurements=tuple(self._measurements),
        )


def sentinel_cycle(
    steps: Sequence[Step] | None = None,
    index: int = 0,
    vantage: str = "frankfurt",
    target: str = "news.example.com",
    pairs: Sequence[PairSpec] | None = None,
    **extra: Any,
) -> CycleFacts:
    """A sentinel that reaches the target (or does what ``steps`` say), with its routine pair."""
    builder = CycleBuilder(vantage=vantage, index=index, role="control", network="AS24940", after=timedelta(seconds=5))
    builder.controls().portal_check()
    routine = [("sni", "helper", None, None)] if pairs is None else pairs
    return builder.add(target, reached() if steps is None else steps, pairs=routine, **extra).build()


def plus_pairs(
    discordant: int,
    kind: str = "sni",
    peer: str = "helper",
    failure: str | None = RESET,
    control_failed: int = 0,
    alive: int = 0,
    both: int = 0,
) -> list[PairSpec]:
    """Pairs with the target's arm failing ``discordant`` times, and so on."""
    return [
        *[(kind, peer, failure, None)] * discordant,
        *[(kind, peer, None, failure)] * control_failed,
        *[(kind, peer, None, None)] * alive,
        *[(kind, peer, failure, failure)] * both,
    ]


# ---------------------------------------------------------------- a database


def store(database: Database, cycles: Sequence[CycleFacts]) -> None:
    """Append cycles to a database, as a probe would."""
    known = set()
    for cycle in cycles:
        vantage = cycle.vantage.vantage_id
        if vantage not in known:
            known.add(vantage)
            database.append(
                vantage,
                [
                    models.Vantage(
                        vantage_id=vantage,
                        country=cycle.vantage.country,
                        region=cycle.vantage.region,
                        network=cycle.vantage.network,
                        bearer=cycle.vantage.bearer,
                        role=cycle.vantage.role,
                    )
                ],
            )
        append(database, cycle)


def append(database: Database, cycle: CycleFacts) -> None:
    """Append one cycle of a vantage that is there."""
    rows = (row for measurement in cycle.measurements for row in _rows(measurement))
    database.append(cycle.vantage.vantage_id, [*_cycle_rows(cycle), *rows])


def _cycle_rows(cycle: CycleFacts) -> list[models.Base]:
    rows = [
        models.Cycle(
            cycle_id=cycle.cycle_id,
            slot_at=cycle.started_at,
            started_at=cycle.started_at,
            schedule="test",
            schedule_sha256="0" * 64,
            seed_commitment=cycle.seed_commitment,
            software_version="0",
            clock_source="system",
        )
    ]
    for number, link in enumerate(cycle.links):
        rows.append(
            models.LinkSample(
                link_sample_id=f"{cycle.cycle_id}.l{number}",
                cycle_id=cycle.cycle_id,
                sampled_at=link.sampled_at,
                is_interface_up=link.is_interface_up,
                has_default_route=link.has_default_route,
                is_gateway_answering=link.is_gateway_answering,
                last_hop_answering=link.last_hop_answering,
            )
        )
    if cycle.outcome:
        rows.append(
            models.CycleEnd(
                cycle_id=cycle.cycle_id,
                ended_at=cycle.started_at + timedelta(minutes=5),
                outcome=cycle.outcome,
                seed=cycle.seed,
                bytes_sent=0,
                bytes_received=0,
            )
        )
    return rows


def _rows(measurement: MeasurementFacts) -> list[models.Base]:
    rows = [
        models.Measurement(
            measurement_id=measurement.measurement_id,
            cycle_id=measurement.cycle_id,
            service=measurement.service,
            target=measurement.target,
            url=measurement.url,
            kind=measurement.kind,
            video=measurement.video,
            expect_status=measurement.expect_status,
            round=measurement.round,
            started_at=measurement.started_at,
            ended_at=measurement.started_at,
        )
    ]
    for step in measurement.steps:
        rows += _observation(measurement, step)
    for pair in measurement.pairs:
        for arm, step in (("target", pair.target_arm), ("control", pair.control_arm)):
            rows += _observation(measurement, step, pair.pair_id, arm)
        rows.append(
            models.Pair(
                pair_id=pair.pair_id,
                measurement_id=measurement.measurement_id,
                number=pair.number,
                name_kind=pair.name_kind,
                peer=pair.peer,
                address=pair.address,
                port=pair.port,
                target_name=pair.target_name,
                control_name=pair.control_name,
                is_target_first=pair.is_target_first,
                is_negative_control=pair.is_negative_control,
                target_observation_id=pair.target_arm.observation_id,
                control_observation_id=pair.control_arm.observation_id,
            )
        )
    return rows


def _observation(
    measurement: MeasurementFacts, step: Step, pair_id: str | None = None, arm: str | None = None
) -> list[models.Base]:
    row = models.Observation(
        observation_id=step.observation_id,
        measurement_id=measurement.measurement_id,
        pair_id=pair_id,
        arm=arm,
        attempt=step.attempt,
        redirect=step.redirect,
        operation=step.operation,
        started_at=measurement.started_at,
        duration_s=0.1,
        started_mono_s=step.started_mono_s,
        failure=step.failure,
        error_text=None,
        name=step.name,
        address=step.address,
        port=step.port,
        source_port=None,
        bytes_sent=0,
        bytes_received=step.bytes_received,
        resolver=step.resolver,
        transport=step.transport,
        query_type=step.query_type,
        tls_version=None,
        tls_cipher=None,
        alpn=None,
        certificates=list(step.certificates) or None,
        certificate_failure=step.certificate_failure,
        is_peer_hello_received=step.is_peer_hello_received,
        url=step.url,
        status=step.status,
        headers=None,
        location=step.location,
        body_length_bytes=step.body_length_bytes,
        body_sha256=step.body_sha256,
        is_body_truncated=None,
        title=step.title,
        is_genuine=None,
        hop_limit=None,
    )
    answers = [
        models.DnsAnswer(
            observation_id=step.observation_id,
            position=i,
            delay_s=a.delay_s,
            rcode=a.rcode,
            addresses=list(a.addresses),
            cnames=[],
            is_valid=a.is_valid,
            raw=b"",
        )
        for i, a in enumerate(step.answers)
    ]
    return [row, *answers]
