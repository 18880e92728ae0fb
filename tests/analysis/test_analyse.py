"""From a database to conclusions: the contract of ``analyze --json``, and that the same facts give the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from analysis.analyse import analyse, as_dict, conclude
from analysis.rules import RULESET
from probe.errors import UserError
from probe.store import models
from probe.store.database import Database
from tests.analysis.fact_builder import T0, CycleBuilder, failed, plus_pairs, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.facts import CycleFacts


def blocked_then_free() -> list[CycleFacts]:
    """A name that is reset in cycles 1 and 2 of 4, with a sentinel that never sees anything."""
    cycles = []
    for index in range(4):
        builder = CycleBuilder(index=index).controls(pairs=[("sni", "helper", None, None)]).portal_check()
        if index in {1, 2}:
            builder.add("news.example.com", failed("tls", "connection_reset"), pairs=plus_pairs(14))
        else:
            builder.add("news.example.com", reached(), pairs=plus_pairs(0, alive=1))
        builder.add("weather.example.com", reached("weather.example.com", "8.40.1.1"))
        cycles += [builder.build(), sentinel_cycle(index=index)]
    return cycles


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "facts.db"), create=True) as opened:
        yield opened


def test_database_end_to_end_gives_the_contract(database: Database) -> None:
    store(database, blocked_then_free())
    found = analyse(database)
    assert set(found) == {
        "ruleset", "reference", "states", "pairs", "calibration", "transfers", "events", "services", "grid", "silences",
        "collapses", "defects",
    }  # fmt: skip
    assert found["ruleset"] == RULESET
    states = {
        (s["vantage"], s["target"], s["started_at"]): s["state"] for s in found["states"] if s["kind"] == "target"
    }
    assert sorted(states.values()).count("blocked") == 2
    assert all(state == "ok" for (vantage, *_), state in states.items() if vantage == "frankfurt")
    for state in found["states"]:
        assert {"measurement", "vantage", "service", "target", "started_at", "state", "mechanisms", "evidence"} <= set(
            state
        )
        assert state["started_at"].endswith("Z")
        for evidence in state["evidence"]:
            assert set(evidence) == {"rule", "log10_lr", "observations", "text"}
    (event,) = found["events"]
    assert event["cause"] == "selective-blocking"
    assert event["scope"] == {
        "vantages": ["almaty"],
        "networks": [],
        "regions": [],
        "services": ["news.example.com"],
        "targets": ["news.example.com"],
    }
    assert event["mechanisms"] == ["tls.reset.sni"]
    assert event["onset"][0] < event["onset"][1] < event["end"][0] < event["end"][1]
    assert event["ledger"][0]["channel"] == "A"
    assert event["ledger"][0]["log10_lr"] >= 3.0


def test_conclusions_are_stored_and_replaced_not_added(database: Database) -> None:
    store(database, blocked_then_free())
    analyse(database)
    with database.session() as session:
        once = session.scalars(select(models.State.measurement_id)).all()
    analyse(database)
    with database.session() as session:
        again = session.scalars(select(models.State.measurement_id)).all()
        events = session.scalars(select(models.Event)).all()
        run = session.scalars(select(models.Analysis)).one()
        pairs = session.scalars(select(models.PairTest).where(models.PairTest.vantage_id == "almaty")).all()
    assert sorted(once) == sorted(again)
    assert [event.cause for event in events] == ["selective-blocking"]
    assert run.ruleset == RULESET
    assert len(run.facts_sha256) == 64
    blocked = next(p for p in pairs if p.target == "news.example.com")
    assert (blocked.pairs, blocked.discordant, blocked.target_failed) == (30, 28, 28)


def test_stored_facts_and_facts_in_memory_give_the_same_bytes(database: Database) -> None:
    cycles = blocked_then_free()
    store(database, cycles)
    assert json.dumps(analyse(database)) == json.dumps(as_dict(conclude(cycles)))


def test_order_of_cycles_changes_nothing() -> None:
    cycles = blocked_then_free()
    expected = json.dumps(as_dict(conclude(cycles)))
    shuffled = list(cycles)
    random.Random(3).shuffle(shuffled)
    assert json.dumps(as_dict(conclude(shuffled))) == expected


def test_hash_seed_changes_nothing(database: Database, tmp_path: Path) -> None:
    store(database, blocked_then_free())
    command = "import sys; from nameblind.cli import main; sys.exit(main(sys.argv[1:]))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", command, "analyze", "--db", str(tmp_path / "facts.db"), "--json"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in ("1", "7")
    }
    assert len(outputs) == 1
    assert json.loads(outputs.pop())["states"]


def test_since_and_until_narrow_what_is_read(database: Database) -> None:
    store(database, blocked_then_free())
    found = analyse(database, since=T0 + timedelta(minutes=40))
    assert {s["started_at"] >= "2026-01-10T06:40" for s in found["states"]} == {True}
    assert {s["vantage"] for s in found["states"]} == {"almaty", "frankfurt"}
    with pytest.raises(UserError, match="no measurement in the time asked for"):
        analyse(database, until=T0 - timedelta(days=1))


def test_empty_database_is_refused_with_what_to_do(database: Database) -> None:
    with pytest.raises(UserError, match="run a probe first"):
        analyse(database)
