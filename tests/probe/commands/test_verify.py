from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from probe.commands.verify import verify
from probe.errors import UserError
from probe.store.chain import ends
from probe.store.database import Database
from tests.probe.store.conftest import fill
from tests.probe.store.example_facts import vantage

command = typer.Typer()
command.command()(verify)


@pytest.fixture
def path(tmp_path: Path) -> str:
    place = str(tmp_path / "results.db")
    with Database.open(place, create=True) as database:
        fill(database)
    return place


def tamper(path: str) -> None:
    with Database.open(path) as database, database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER observation_no_update"))
        connection.execute(text("UPDATE observation SET failure = NULL WHERE observation_id = 'aktau.1.o2'"))


def test_a_whole_database_ends_with_status_0_and_the_ends_of_its_chains(path: str) -> None:
    result = CliRunner().invoke(command, ["--db", path])
    with Database.open(path) as database, database.session() as session:
        lines = [f"vantage {name}: {end.chain_seq} rows, end {end.chain_sha256}" for name, end in ends(session).items()]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [*lines, "2 chains, 3 blobs: every row is as it was written"]


def test_a_changed_row_ends_with_status_1_and_is_named(path: str) -> None:
    tamper(path)
    result = CliRunner().invoke(command, ["--db", path])
    assert result.exit_code == 1
    first, *_, last = result.stdout.splitlines()
    assert first == "BROKEN vantage aktau, place 19: observation aktau.1.o2: content changed"
    assert last == "2 chains, 3 blobs: this database is not as it was written"


def test_json_says_the_same_for_programs(path: str) -> None:
    whole = json.loads(CliRunner().invoke(command, ["--db", path, "--json"]).stdout)
    assert whole["is_whole"]
    assert whole["breaches"] == []
    tamper(path)
    result = CliRunner().invoke(command, ["--db", path, "--json"])
    assert result.exit_code == 1
    (breach,) = json.loads(result.stdout)["breaches"]
    assert breach["table"] == "observation"
    assert breach["row_id"] == "aktau.1.o2"
    assert breach["what"] == "content changed"


def test_a_missing_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        verify(str(tmp_path / "nothing.db"))


def test_a_damaged_page_is_reported_or_refused_but_never_whole(path: str) -> None:
    size = Path(path).stat().st_size
    for place in range(8192, size, 4096):
        damaged = Path(path).with_name("damaged.db")
        raw = bytearray(Path(path).read_bytes())
        raw[place : place + 8] = b"\xa5" * 8
        damaged.write_bytes(raw)
        result = CliRunner().invoke(command, ["--db", str(damaged)])
        assert result.exit_code == 1, place
        assert isinstance(result.exception, SystemExit | UserError), place


def test_escape_codes_in_a_strangers_database_do_not_reach_the_terminal(path: str) -> None:
    with Database.open(path) as database:
        database.append("\x1b[2Jevil\u202e", [vantage("\x1b[2Jevil\u202e")])
    printed = CliRunner().invoke(command, ["--db", path]).stdout
    assert r"vantage \x1b[2Jevil\u202e: 1 rows" in printed
    assert "\x1b" not in printed
