"""How a probe does, from its database alone: nothing is written, nothing is sent, nothing is judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import typer
from rich.console import Console
from sqlalchemy import func, select
from typer.testing import CliRunner

from probe.commands.status import look, picture, status
from probe.errors import UserError
from probe.store import models
from probe.store.database import Database
from tests.probe.store.conftest import fill

if TYPE_CHECKING:
    from pathlib import Path

command = typer.Typer()
command.command()(status)


@pytest.fixture
def path(tmp_path: Path) -> str:
    place = str(tmp_path / "results.db")
    with Database.open(place, create=True) as database:
        fill(database)
    return place


def test_it_counts_what_the_database_holds(path: str) -> None:
    said = json.loads(CliRunner().invoke(command, ["--db", path, "--json"]).output)
    with Database.open_for_reading(path) as database, database.session() as session:
        spent = select(func.sum(models.CycleEnd.bytes_sent + models.CycleEnd.bytes_received))
        for one in said["vantages"]:
            assert one["spent_bytes"] == session.scalar(spent.where(models.CycleEnd.vantage_id == one["vantage"])) or 0
            slots = select(func.max(models.Cycle.slot_at)).where(models.Cycle.vantage_id == one["vantage"])
            assert datetime.fromisoformat(one["last_slot"]) == session.scalar(slots)
    assert [one["vantage"] for one in said["vantages"]] == sorted(one["vantage"] for one in said["vantages"])
    assert said["vantages"]


def test_what_answered_last_is_of_the_last_cycle_alone(path: str) -> None:
    with Database.open_for_reading(path) as database:
        found = look(database)
        for one in found["vantages"]:
            for counts in one["services"].values():
                assert 0 <= counts["answered"] <= counts["measured"]
        assert any(one["services"] for one in found["vantages"])


def test_it_fits_into_eighty_columns_and_runs_no_terminal_code(path: str) -> None:
    with Database.open_for_reading(path) as database:
        found = look(database)
    found["vantages"][0]["services"] = {"\x1b[31m[red]evil[/red]": {"answered": 0, "measured": 1}}
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(picture(found))
    text = capture.get()
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()[1:]) <= 80


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    place = str(tmp_path / "empty.db")
    Database.open(place, create=True).close()
    assert "nameblind run --once" in CliRunner().invoke(command, ["--db", place]).output


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"garbage" * 100)
    with pytest.raises(UserError, match="not a results database"):
        CliRunner().invoke(command, ["--db", str(tmp_path / "x.db")], standalone_mode=False, catch_exceptions=False)


def test_where_nobody_sees_it_renewed_watch_prints_once(path: str) -> None:
    result = CliRunner().invoke(command, ["--db", path, "--watch"])
    assert result.exit_code == 0
    assert "last heard" in result.output


def test_how_long_ago_is_told_in_the_words_of_a_person(path: str) -> None:
    class Later:
        def now(self) -> datetime:
            return datetime(2200, 1, 1, tzinfo=UTC)

    with Database.open_for_reading(path) as database:
        found = look(database, Later())  # type: ignore[arg-type]
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(picture(found))
    assert "days ago" in capture.get()
