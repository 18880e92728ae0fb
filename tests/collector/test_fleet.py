"""A fleet of twelve: a shutdown of two days, uploads that come late, a forger, a key that was stolen."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from analysis.analyse import analyse
from collector import probes
from collector.models import Standing
from collector.refusals import RefusedError, Why
from probe.store.chain import START, ends, verify
from probe.store.database import Database
from probe.store.writing import transaction
from tests.analysis.fact_builder import (
    RESET,
    TIMEOUT,
    CycleBuilder,
    append,
    failed,
    plus_pairs,
    reached,
    sentinel_cycle,
    store,
)
from tests.collector.conftest import over
from tests.collector.fleet import Sender, TestClock, enrol, token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.facts import CycleFacts
    from collector.service import Service

HOST = "x.example.com"
SITE = "8.80.0.1"
FLEET = [
    (f"v{number:02}", f"AS{100 + number // 3}", ("Almaty", "Aktau", "Shymkent")[number % 3]) for number in range(12)
]
EIGHT_HOURS = 32
"""In slots of a quarter of an hour."""


def cycles_of(name: str, network: str, region: str, fates: Sequence[str]) -> list[CycleFacts]:
    made = []
    for number, fate in enumerate(fates):
        builder = CycleBuilder(vantage=name, index=number * EIGHT_HOURS, network=network, region=region)
        dead = lambda target, address=SITE, round_=None: failed("tcp", TIMEOUT, target, address, attempts=1)  # noqa: E731
        builder.controls(dead, dead) if fate == "dark" else builder.controls()
        steps, pairs = {
            "ok": (reached(HOST, SITE), plus_pairs(0, alive=1)),
            "blocked": (failed("tls", RESET, HOST, SITE), plus_pairs(14)),
            "dark": (dead(HOST), ()),
        }[fate]
        made.append(builder.add(HOST, steps, service="x", pairs=pairs).build())
    return made


def blocked_then_dark_then_back() -> dict[str, list[CycleFacts]]:
    fates = ["ok", "blocked", "blocked", *["dark"] * 6, "blocked", "ok"]
    fleet = {name: cycles_of(name, network, region, fates) for name, network, region in FLEET}
    pair = [("sni", "helper", None, None)]
    fleet["frankfurt"] = [
        sentinel_cycle(reached(HOST, SITE), index=n * EIGHT_HOURS, target=HOST, pairs=pair, service="x")
        for n in range(len(fates))
    ]
    return fleet


def send_all(service: Service, stores: dict[str, Database]) -> dict[str, Sender]:
    """Send every store, the half of it days later than the rest."""
    clock = service.clock
    assert isinstance(clock, TestClock)
    senders = {}
    for name, facts in stores.items():
        key = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
        clock.seconds += 60.0
        probe_id = enrol(service, key, token(service), f"203.0.{len(senders)}.1")
        senders[name] = Sender(service, facts, key, probe_id, name)
    for name, sender in sorted(senders.items(), key=lambda item: item[0][::-1]):
        clock.wall += timedelta(hours=7)
        body, end = sender.batch()
        assert sender.send(body).end == end, name
    return senders


def judged(service: Service) -> dict[str, Any]:
    with service.store.session() as session:
        assert [breach for breach in verify(session) if breach.vantage_id] == []  # certificates are names alone here
    return analyse(service.store)


def states_of(found: dict[str, Any], *, without: str) -> list[tuple[str, str, str]]:
    states = ((one["vantage"], one["started_at"], one["state"]) for one in found["states"])
    return sorted(one for one in states if one[0] != without)


def test_what_a_fleet_sent_is_judged_alike_on_both_databases_whatever_a_forger_adds(
    tmp_path: Path, postgres_url: str
) -> None:
    fleet = blocked_then_dark_then_back()
    forged = cycles_of("zforger", "AS100", "Almaty", ["blocked"] * 11)
    with ExitStack() as stack:
        stores = {}
        for name, cycles in {**fleet, "zforger": forged}.items():
            stores[name] = stack.enter_context(Database.open(str(tmp_path / f"{name}.db"), create=True))
            store(stores[name], cycles)
        honest = {name: facts for name, facts in stores.items() if name != "zforger"}
        on_sqlite = stack.enter_context(over(str(tmp_path / "collector.db"), tmp_path / "a"))
        on_postgres = stack.enter_context(over(postgres_url, tmp_path / "b"))
        with_forger = stack.enter_context(over(str(tmp_path / "forged.db"), tmp_path / "c"))
        send_all(on_sqlite, honest)
        send_all(on_postgres, honest)
        send_all(with_forger, stores)
        found = judged(on_sqlite)
        assert json.dumps(found) == json.dumps(judged(on_postgres))
        beside = judged(with_forger)

    causes = {event["cause"]: event for event in found["events"]}
    assert set(causes) == {"selective-blocking", "dark-undetermined"}
    names = {name for name, _, _ in FLEET}
    assert {name for event in found["events"] for name in event["scope"]["vantages"]} == names
    assert states_of(beside, without="zforger") == states_of(found, without="zforger")
    of_dark = [event for event in beside["events"] if event["cause"] == "dark-undetermined"]
    assert [event["scope"]["vantages"] for event in of_dark] == [sorted(names)]


def test_a_stolen_key_sends_nothing_more_and_takes_nothing_back(tmp_path: Path) -> None:
    with (
        over(str(tmp_path / "collector.db"), tmp_path / "state") as service,
        Database.open(str(tmp_path / "v00.db"), create=True) as facts,
    ):
        store(facts, cycles_of("v00", "AS100", "Almaty", ["ok", "ok"]))
        sender = send_all(service, {"v00": facts})["v00"]
        with service.store.session() as session:
            before = ends(session)
        with transaction(service.store.engine) as connection:
            assert probes.set_standing(connection, sender.probe_id, Standing.REVOKED)
        append(facts, cycles_of("v00", "AS100", "Almaty", ["ok"] * 3)[2])
        with pytest.raises(RefusedError) as caught:
            sender.send(sender.batch(before["v00"])[0])
        assert caught.value.why is Why.REVOKED
        with service.store.session() as session:
            assert ends(session) == before
            assert before["v00"] != START
