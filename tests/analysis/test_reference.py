"""Conclusions name what they rest on: the rule set, and every file of reference data by its hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select

from analysis.analyse import analyse
from analysis.reference import PACKAGED, reference_files
from probe.store.database import Database
from probe.store.models import Analysis, GridCell
from tests.analysis.fact_builder import CycleBuilder, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from pathlib import Path


def test_every_packaged_file_is_there_and_known_by_its_hash() -> None:
    for name, path in PACKAGED.items():
        assert reference_files()[name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_is_given_stands_beside_them(tmp_path: Path) -> None:
    plant = tmp_path / "plant.yaml"
    plant.write_text("elements: []\n")
    before = reference_files({"plant": plant})
    plant.write_text("elements: [one]\n")
    after = reference_files({"plant": plant})
    assert set(after) == {*PACKAGED, "plant"}
    assert {name for name in after if after[name] != before[name]} == {"plant"}


def test_one_vantage_and_one_cycle_give_an_honest_answer_and_a_stored_grid(tmp_path: Path) -> None:
    cycle = CycleBuilder().controls().add("news.example.com", reached()).build()
    with Database.open(str(tmp_path / "facts.db"), create=True) as database:
        store(database, [cycle])
        found = analyse(database)
        with database.session() as session:
            cells = session.scalars(select(GridCell).where(GridCell.target == "news.example.com")).all()
            run = session.scalars(select(Analysis)).one()
    assert [(cell.vantage_id, cell.kind, cell.why) for cell in cells] == [("almaty", "ran", "ok")]
    assert cells[0].slot_at == cycle.started_at
    assert cells[0].late_s is not None
    assert (found["silences"], found["collapses"], found["defects"], found["events"]) == ([], [], [], [])
    assert run.reference == found["reference"] == reference_files()


def test_the_grid_is_replaced_as_a_whole_and_every_sum_is_that_of_the_rows(tmp_path: Path) -> None:
    cycles = [sentinel_cycle(index=i) for i in range(4)]
    cycles += [CycleBuilder(index=i).controls().add("news.example.com", reached()).build() for i in (0, 1, 3)]
    with Database.open(str(tmp_path / "facts.db"), create=True) as database:
        store(database, cycles)
        found = analyse(database)
        assert analyse(database) == found
        with database.session() as session:
            cells = session.scalars(select(GridCell)).all()
    for line in found["grid"]["vantages"]:
        own = [cell.kind for cell in cells if cell.vantage_id == line["vantage"]]
        assert own.count("ran") == line["ran"]
        assert own.count("not-yet-heard") == line["not_yet_heard"]
    silent = [cell for cell in cells if cell.kind == "not-yet-heard"]
    assert {(cell.vantage_id, cell.why, cell.late_s) for cell in silent} == {("almaty", "", None)}
    assert len(silent) == 5
