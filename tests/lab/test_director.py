"""A scenario from end to end: real cycles from inside the hosts, merged facts, nothing left behind."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from analysis.evaluate.grading import Grade
from lab import director, scenario_file
from lab.director import run_scenario
from lab.score import score
from probe.errors import UserError
from probe.store import chain
from probe.store.database import Database
from probe.store.models import Cycle, CycleEnd, Observation, Vantage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.view import View

pytestmark = pytest.mark.lab

ONE_SLOT = """\
family: blocking
summary: One slot with a reset by name.
topology: standard
schedule: standard
slots: {start: 2011-12-16T08:00Z, every: 15m, count: 1}
vantages: [vantage-a, sentinel]
timeline:
  - {middlebox: reset, at: gateway, with: {sni: [social.example]}}
truth:
  - {vantages: [vantage-a], targets: [social], state: blocked, mechanism: tls.reset.sni}
"""


@pytest.fixture
def one_slot(tmp_path: Path) -> str:
    path = tmp_path / "one-slot.yaml"
    path.write_text(ONE_SLOT, encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) <= before


def test_every_vantage_measures_in_the_slots_own_time_and_the_facts_come_together(
    one_slot: str, tmp_path: Path
) -> None:
    scenario = scenario_file.load(one_slot)
    seen: list[View] = []
    path = tmp_path / "results.db"
    run_scenario(scenario, path, watch=seen.append)
    shares = [view.share for view in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    (reset,) = seen[-1].in_force
    assert reset.acted is not None
    assert reset.seen is not None
    assert 0 < reset.acted < reset.seen, "what the box did is counted"
    with Database.open(str(path)) as database, database.session() as session:
        assert chain.verify(session) == []
        roles = {row.vantage_id: row.role for row in session.scalars(select(Vantage))}
        assert roles == {"vantage-a": "probe", "sentinel": "control"}
        for cycle in session.scalars(select(Cycle)):
            assert cycle.slot_at == scenario.slots[0]
            assert timedelta(0) <= cycle.started_at - cycle.slot_at < timedelta(seconds=30)
        assert set(session.scalars(select(CycleEnd.outcome))) == {"complete"}
        failures = session.execute(
            select(Observation.vantage_id, Observation.failure, func.count())
            .where(
                Observation.operation == "tls",
                Observation.name == "social.example",
                Observation.technique.is_(None),
            )
            .group_by(Observation.vantage_id, Observation.failure)
        ).all()
        assert {(vantage, failure) for vantage, failure, _ in failures} == {
            ("vantage-a", "connection_reset"),
            ("sentinel", None),
        }
    with Database.open(str(path)) as database:
        came_to = score(scenario, database)
    assert came_to.unmeasured == 0
    assert came_to.count(Grade.FALSE_ACCUSATION) == came_to.count(Grade.MISSED) == 0
    assert len(came_to.graded) == 2 * 4, "two vantages, four targets, one slot"
    # 13 discordant pairs that all point one way give E = 1,170; 12 give 630: (2 ** (m + 1) - 1) / (m + 1).
    assert came_to.pairs_to_decision == {"vantage-a social.example sni": 13}
    with pytest.raises(UserError, match="holds results of a lab with the same vantages"):
        run_scenario(scenario, path)


def test_a_slot_that_does_not_end_ends_the_scenario_and_leaves_nothing(
    one_slot: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(director, "SLOT_TIMEOUT_S", 0.5)
    path = tmp_path / "results.db"
    with pytest.raises(TimeoutError, match=r"slot 1 of 1.*no end after 0\.5 s"):
        run_scenario(scenario_file.load(one_slot), path)
    assert not path.exists()


def test_an_interrupt_ends_every_process(one_slot: str, tmp_path: Path) -> None:
    def interrupt(view: View) -> None:
        if view.slot:
            raise KeyboardInterrupt(view.label)

    path = tmp_path / "results.db"
    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario_file.load(one_slot), path, watch=interrupt)
    assert not path.exists()


def test_a_process_of_the_lab_that_dies_ends_the_scenario_at_once(one_slot: str, tmp_path: Path) -> None:
    name = "the lab's servers"
    others = set(multiprocessing.active_children())  # of the lab that the other tests share

    def kill(view: View) -> None:
        if view.slot:
            next(one for one in set(multiprocessing.active_children()) - others if one.name == name).kill()

    path = tmp_path / "results.db"
    with pytest.raises(RuntimeError, match=rf"{name} ended with status -9|a process of the lab itself has ended"):
        run_scenario(scenario_file.load(one_slot), path, watch=kill)
    assert not path.exists()
