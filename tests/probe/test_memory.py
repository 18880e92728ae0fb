"""What a cycle remembers of those before it: the variants that one look tried often enough, and no sum over looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from probe.failures import Failure
from probe.memory import known_shapes
from probe.model import Observation, Operation, Target, TargetKind
from probe.record import Measured, Recorder, Step, TechniqueRun
from probe.schedule.model import VantageSpec
from probe.store import models
from probe.store.database import Database
from probe.techniques.technique import Known
from probe.vantage import enter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2011, 12, 16, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as opened:
        yield opened


def look(database: Database, hour: int, *steps: Step, target: str = "news", vantage: str = "v") -> None:
    """Store a cycle in which one target was looked into once."""
    at, cycle_id = START + hour * HOUR, f"c-{vantage}-{hour}-{target}"
    vantage_id = enter(VantageSpec(name=vantage, country="KZ"), database)
    cycle = models.Cycle(
        cycle_id=cycle_id,
        slot_at=at,
        started_at=at,
        schedule="s",
        schedule_sha256="0" * 64,
        seed_commitment="0" * 64,
        software_version="1",
        clock_source="system",
    )
    measured = Measured(
        target=Target(name=target, service="s", url="https://x.example/", kind=TargetKind.TARGET),
        round="main",
        started_at=at,
        ended_at=at,
        steps=steps,
        runs=(TechniqueRun("shape", at, at, "done", None, 0),),
    )
    rows, blobs = Recorder(cycle_id).rows(measured)
    database.append(vantage_id, [cycle, *rows], blobs)


def trials(count: int, variant: str, *, technique: str = "shape") -> list[Step]:
    """Give trials of a variant: a connect that came about, and the handshake."""
    made = [
        Observation(operation=operation, started_at=START, started_mono_s=0.0, ended_mono_s=0.1)
        for operation in (Operation.TCP, Operation.TLS)
    ]
    return [Step(observation=seen, technique=technique, variant=variant) for _ in range(count) for seen in made]


def refused(variant: str) -> Step:
    seen = Observation(
        operation=Operation.TCP,
        started_at=START,
        started_mono_s=0.0,
        ended_mono_s=0.1,
        failure=Failure.CONNECTION_REFUSED,
    )
    return Step(observation=seen, technique="shape", variant=variant)


def test_a_variant_counts_from_its_third_trial_in_one_look(database: Database) -> None:
    look(
        database,
        1,
        *trials(3, "helper/case"),
        *trials(2, "helper/split"),
        *trials(2, "helper/ech"),
        refused("helper/ech"),
    )
    assert known_shapes(database, "v", START) == {
        "news": [Known(START + HOUR, frozenset({"helper/case", "helper/ech"}))]
    }


def test_trials_of_two_looks_are_not_added_up(database: Database) -> None:
    look(database, 1, *trials(2, "helper/case"))
    look(database, 2, *trials(2, "helper/case"))
    assert known_shapes(database, "v", START) == {}


def test_looks_come_oldest_first_and_each_target_has_its_own(database: Database) -> None:
    look(database, 2, *trials(3, "helper/case"))
    look(database, 1, *trials(3, "helper/split"))
    look(database, 3, *trials(3, "helper/ech"), target="video")
    known = known_shapes(database, "v", START)
    assert [one.at for one in known["news"]] == [START + HOUR, START + 2 * HOUR]
    assert [one.variants for one in known["video"]] == [frozenset({"helper/ech"})]


def test_what_is_older_another_vantages_or_another_techniques_is_not_remembered(database: Database) -> None:
    look(database, 1, *trials(3, "helper/case"))
    look(database, 5, *trials(3, "helper/case"), vantage="other")
    look(database, 6, *trials(3, "helper/case", technique="chain"))
    assert known_shapes(database, "v", START + 2 * HOUR) == {}
