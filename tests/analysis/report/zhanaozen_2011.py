"""A small database that looks like Zhanaozen in December 2011: six vantages, five services, eight irregular slots."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from probe.clock import SystemClock
from probe.store.database import Database
from probe.store.models import (
    FACTS,
    Analysis,
    Base,
    Cycle,
    DnsAnswer,
    Event,
    Evidence,
    Measurement,
    MissedSlot,
    Observation,
    PairTest,
    State,
    Vantage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ARRIVED = datetime(2011, 12, 21, 8, 30, tzinfo=UTC)
SLOTS = [
    datetime(2011, 12, day, hour, tzinfo=UTC)
    for day, hour in ((16, 2), (16, 9), (17, 1), (17, 12), (18, 6), (19, 5), (20, 3), (20, 14))
]
VANTAGES = [
    ("almaty-fixed", "KZ", "Almaty", "AS9198", "fixed", "probe"),
    ("almaty-mobile", "KZ", "Almaty", "AS29355", "mobile", "probe"),
    ("astana-fixed", "KZ", "Astana", "AS9198", "fixed", "probe"),
    ("aktau-mobile", "KZ", "Mangystau", "AS48503", "mobile", "probe"),
    ("zhanaozen-fixed", "KZ", "Zhanaozen", "AS9198", "fixed", "probe"),
    ("sentinel-helsinki", "FI", None, "AS1759", "fixed", "control"),
]
TARGETS = [
    ("Twitter", "twitter.com", "target"),
    ("YouTube", "y4De4CSEvAU", "target"),
    ("Respublika", "respublika-kz.info", "target"),
    ("K+", "kplus-tv.net", "target"),
    ("Azattyq", "www.azattyq.org", "target"),
    ("control", "nic.kz", "control-home"),
    ("control", "example.org", "control-abroad"),
]


def state_of(vantage: str, slot: int, service: str) -> str:
    if vantage == "sentinel-helsinki":
        return "ok"
    if vantage == "zhanaozen-fixed" and 2 <= slot <= 5:
        return "dark"
    if vantage == "aktau-mobile" and slot in {4, 5}:
        return "dark"
    if vantage == "almaty-mobile" and slot == 6:
        return "local"
    if service == "Twitter" and 1 <= slot <= 4:
        return "blocked"
    if service == "YouTube" and slot >= 2:
        return "blocked" if vantage.startswith("a") else "suspected"
    if service == "Respublika":
        return "suspected" if slot in {0, 7} else "blocked"
    if service == "K+" and slot >= 3:
        return "suspected"
    if service == "Azattyq" and slot == 4:
        return "insufficient"
    return "ok"


def is_missed(vantage: str, slot: int) -> bool:
    return (vantage, slot) in {("astana-fixed", 3), ("zhanaozen-fixed", 6)}


def is_unheard(vantage: str, slot: int) -> bool:
    return vantage == "aktau-mobile" and slot == 6


def zhanaozen_rows() -> list[Base]:
    rows: list[Base] = []
    for vantage, country, region, network, bearer, role in VANTAGES:
        rows.append(
            Vantage(
                vantage_id=vantage,
                country=country,
                region=region,
                network=network,
                bearer=bearer,
                role=role,
            )
        )
        for number, slot in enumerate(SLOTS):
            if is_missed(vantage, number):
                rows.append(
                    MissedSlot(
                        missed_slot_id=f"{vantage}-{number}",
                        vantage_id=vantage,
                        slot_at=slot,
                        noticed_at=slot,
                        reason="asleep",
                    )
                )
            elif not is_unheard(vantage, number):
                rows += cycle_rows(vantage, number, slot)
        rows += pair_tests(vantage)
    rows += events()
    rows.append(Analysis(analysis_id=1, ruleset="1", software_version="0.1.0", facts_sha256="ab" * 32))
    return rows


def cycle_rows(vantage: str, number: int, slot: datetime) -> Iterator[Base]:
    cycle = f"{vantage}-c{number}"
    yield Cycle(
        cycle_id=cycle,
        vantage_id=vantage,
        slot_at=slot,
        started_at=slot,
        schedule="zhanaozen",
        schedule_sha256="cd" * 32,
        seed_commitment="ef" * 32,
        software_version="0.1.0",
        clock_source="system",
    )
    for position, (service, target, kind) in enumerate(TARGETS):
        state = state_of(vantage, number, service)
        yield from measurement_rows(
            f"{cycle}-m{position}",
            cycle,
            vantage,
            slot + timedelta(seconds=30 * position),
            service,
            target,
            kind,
            state,
        )


def measurement_rows(
    measurement: str,
    cycle: str,
    vantage: str,
    at: datetime,
    service: str,
    target: str,
    kind: str,
    state: str,
    title: str = "Genuine page",
) -> Iterator[Base]:
    yield Measurement(
        measurement_id=measurement,
        cycle_id=cycle,
        vantage_id=vantage,
        service=service,
        target=target,
        url=f"http://{target}/",
        kind=kind,
        video=None,
        expect_status=None,
        round="main",
        started_at=at,
        ended_at=at + timedelta(seconds=20),
    )
    failure = None if state == "ok" else "connection_reset" if state == "blocked" else "generic_timeout_error"
    common = {
        "measurement_id": measurement,
        "vantage_id": vantage,
        "pair_id": None,
        "arm": None,
        "attempt": 1,
        "redirect": 0,
        "bytes_sent": 120,
        "bytes_received": 0 if failure else 900,
        "started_mono_s": 10.0,
        "error_text": None,
    }
    yield Observation(
        observation_id=f"{measurement}-o1",
        operation="dns",
        started_at=at,
        duration_s=0.041,
        failure=None,
        name=target,
        address="192.0.2.53",
        port=53,
        resolver="isp",
        transport="udp",
        query_type="A",
        **common,
    )
    yield DnsAnswer(
        observation_id=f"{measurement}-o1",
        vantage_id=vantage,
        position=0,
        delay_s=0.04,
        rcode="NOERROR",
        addresses=["198.51.100.7"],
        cnames=[],
        is_valid=True,
        raw=b"",
    )
    yield Observation(
        observation_id=f"{measurement}-o2",
        operation="http",
        started_at=at,
        duration_s=0.3,
        failure=failure,
        name=target,
        address="198.51.100.7",
        port=80,
        status=None if failure else 200,
        title=None if failure else title,
        **common,
    )
    yield State(
        measurement_id=measurement,
        state=state,
        mechanisms=["http.reset.host"] if state == "blocked" else [],
        reason=f"The steps of this measurement end as {failure or 'a genuine page'}.",
    )
    if failure:
        yield Evidence(
            measurement_id=measurement,
            rule="pairs.host" if state == "blocked" else "steps.timeout",
            log10_lr=4.2 if state == "blocked" else 0.3,
            observations=[f"{measurement}-o2"],
            text="The real name was reset in 14 of 14 pairs with one failure.",
        )


def pair_tests(vantage: str) -> Iterator[Base]:
    for service, target, kind in TARGETS:
        is_negative = kind != "target"
        is_struck = service in {"Twitter", "YouTube", "Respublika"} and vantage not in {
            "sentinel-helsinki",
            "zhanaozen-fixed",
        }
        yield PairTest(
            vantage_id=vantage,
            target=target,
            name_kind="host",
            peer="helper",
            is_negative_control=is_negative,
            pairs=40 if is_struck else 8,
            discordant=20 if is_struck else 1,
            target_failed=20 if is_struck else 0,
            log10_e=4.9 if is_struck else -0.3,
        )


def events() -> list[Base]:
    return [
        Event(
            event_id="e1",
            cause="selective-blocking",
            scope={
                "vantages": ["almaty-fixed", "almaty-mobile", "astana-fixed", "aktau-mobile"],
                "networks": ["AS9198", "AS29355", "AS48503"],
                "regions": ["Almaty", "Astana", "Mangystau"],
                "services": ["Twitter"],
            },
            onset_after=SLOTS[0],
            onset_before=SLOTS[1],
            end_after=SLOTS[4],
            end_before=SLOTS[5],
            mechanisms=["http.reset.host"],
            ledger=[
                {
                    "channel": "A",
                    "kind": "pairs",
                    "log10_lr": 4.9,
                    "witness": ["almaty-fixed/twitter.com"],
                    "text": "In 20 of 20 pairs with one failure it was the real name.",
                },
                {
                    "channel": "B",
                    "kind": "sentinel",
                    "log10_lr": 0.5,
                    "witness": ["sentinel-helsinki-c2-m0"],
                    "text": "The sentinel reached the name in the same rounds.",
                },
                {
                    "channel": "C",
                    "kind": "onset-on-the-hour",
                    "log10_lr": -0.1,
                    "witness": [],
                    "text": "It did not begin on the hour, as far as the interval tells.",
                },
            ],
        ),
        Event(
            event_id="e2",
            cause="dark-undetermined",
            scope={"vantages": ["zhanaozen-fixed"], "networks": ["AS9198"], "regions": ["Zhanaozen"], "services": []},
            onset_after=SLOTS[1],
            onset_before=SLOTS[2],
            end_after=SLOTS[5],
            end_before=SLOTS[7],
            mechanisms=[],
            ledger=[
                {
                    "channel": "B",
                    "kind": "recorder",
                    "log10_lr": -0.4,
                    "witness": ["zhanaozen-fixed-c3"],
                    "text": "The gateway answered, and no hop beyond it.",
                },
            ],
        ),
    ]


def filled(rows: list[Base]) -> Database:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    database = Database(engine, SystemClock())
    for chain_seq, row in enumerate((row for row in rows if isinstance(row, FACTS)), start=1):
        row.chain_seq = chain_seq
        row.chain_sha256 = hashlib.sha256(str(chain_seq).encode()).hexdigest()
        row.received_at = ARRIVED
    with database.session() as session:
        session.add_all(rows)
        session.commit()
    return database
