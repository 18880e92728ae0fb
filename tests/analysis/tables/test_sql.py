"""Anyone may ask anything, and nothing that is asked changes a byte or lasts for ever."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from analysis.tables import asking
from nameblind.cli import main
from probe.errors import UserError
from probe.store.database import Database
from tests.probe.store.conftest import postgres_server, postgres_url  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
BLOCKED = """
SELECT DISTINCT target FROM v_state
WHERE network = 'AS9198' AND date(slot_at) = '2011-12-16' AND state = 'blocked'
"""


def ask(told: Path, question: str, *options: str) -> int:
    return main(["sql", question, "--db", str(told), *options])


def test_which_targets_were_blocked_in_this_network_on_that_day(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(told, BLOCKED, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"columns": ["target"], "rows": [["x.com"]]}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM state",
        "UPDATE state SET state = 'ok'",
        "INSERT INTO blob VALUES ('a', 'b', x'00')",
        "DROP VIEW v_state",
        "CREATE TEMP TABLE mine (a)",
        "ATTACH 'beside.db' AS beside",
        "VACUUM INTO 'copy.db'",
        "PRAGMA query_only = OFF",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('/tmp/x.so')",
    ],
)
def test_nothing_but_reading_is_allowed(
    statement: str, told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "results.db"
    shutil.copy(told, copy)
    monkeypatch.chdir(tmp_path)
    before = copy.read_bytes()
    assert ask(copy, statement) == 1
    assert "only a SELECT is answered here" in capsys.readouterr().err
    assert copy.read_bytes() == before
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {"results.db"}


@pytest.mark.parametrize("statement", ["DELETE FROM state", "UPDATE analysis SET ruleset = 'mine'"])
def test_the_first_two_locks_hold_without_the_third(
    statement: str, told: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asking, "_allowed", lambda *_: sqlite3.SQLITE_OK)
    assert ask(told, statement) == 1
    assert "only a SELECT is answered here" in capsys.readouterr().err


def test_a_question_that_lasts_too_long_is_stopped(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(told, ENDLESS, "--timeout", "0.2") == 1
    assert "took longer than 0.2 s" in capsys.readouterr().err


def test_a_question_that_breaks_off_while_its_rows_are_read_puts_nothing_out(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless_rows = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"
    assert ask(told, endless_rows, "--timeout", "0.2", "--csv") == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("selec 1", 'not understood: near "selec": syntax error. The tables'),
        ("SELECT absent FROM v_state", "no such column: absent"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("  ", "There is no question"),
        ("SELECT length(randomblob(100000000))", "too big"),
    ],
)
def test_a_mistake_is_one_sentence(question: str, words: str, told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(told, question) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_two_ways_of_printing_are_refused(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(told, "SELECT 1", "--json", "--csv") == 1
    assert "choose one" in capsys.readouterr().err


@pytest.mark.parametrize("way", [(), ("--csv",)])
def test_hostile_text_is_inert_on_a_terminal_and_in_csv(
    way: tuple[str, ...], told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(told, "SELECT title FROM v_step WHERE title LIKE '=HYPER%'", *way) == 0
    shown = capsys.readouterr().out
    assert "<U+001B>" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    if way:
        assert next(row for row in csv.reader(io.StringIO(shown)) if "HYPER" in row[0])[0].startswith("'=")


def test_a_wide_row_is_shown_as_a_list_in_80_columns(
    told: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert ask(told, "SELECT * FROM v_state WHERE state = 'blocked'") == 0
    shown = capsys.readouterr().out
    assert "         state  blocked" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_not_shown_is_told(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(told, "SELECT observation_id FROM v_step") == 0
    assert "The first 100 rows; all of them: --csv or --json." in capsys.readouterr().out


def test_every_column_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "--about", "v_slot"]) == 0
    assert "`ran`, `interrupted` or `missed`" in capsys.readouterr().out
    assert main(["sql", "--about", "all"]) == 0
    assert "v_outage" in capsys.readouterr().out
    assert main(["sql", "--about", "nothing"]) == 1


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM state", "only a SELECT"),
        ("COMMIT; SET default_transaction_read_only = off; DELETE FROM state", "not understood"),
        ("SELECT pg_sleep(60)", "took longer than 0.5 s"),
    ],
)
def test_a_server_refuses_as_well(statement: str, words: str, postgres_url: str) -> None:  # noqa: F811
    Database.open(postgres_url, create=True).close()
    with (
        Database.open_for_reading(postgres_url) as database,
        pytest.raises(UserError, match=words),
        asking.ask(database, statement, 0.5),
    ):
        pytest.fail("it was answered")


def test_a_server_answers(postgres_url: str) -> None:  # noqa: F811
    Database.open(postgres_url, create=True).close()
    with (
        Database.open_for_reading(postgres_url) as database,
        asking.ask(database, "SELECT count(*) AS n FROM v_state WHERE target LIKE '%x'") as answer,
    ):
        assert (answer.columns, list(answer.rows)) == (("n",), [(0,)])
