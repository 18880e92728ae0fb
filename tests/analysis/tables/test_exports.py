"""Exports are whole or not there, the same for the same rows, and harmless to who opens them."""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from analysis.tables import writing
from analysis.tables.dictionary import offered, tables
from analysis.tables.writing import DICTIONARY
from nameblind.cli import main
from probe.store.database import Database
from tests.analysis.tables.conftest import HOSTILE, STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_view_and_conclusion_has_a_file_and_every_column_its_meaning(
    form: str, told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", form, str(tmp_path / "out"), "--db", str(told)]) == 0
    assert set(hashes(tmp_path / "out")) == {DICTIONARY, *(f"{table.name}.{form}" for table in offered())}
    shown = cells(tmp_path / "out" / DICTIONARY)
    assert shown[0] == ["table", "column", "type", "unit", "meaning"]
    assert [row[:2] for row in shown[1:]] == [[t.name, column.name] for t in offered() for column in t.columns]
    assert all(row[4] for row in shown)
    assert "dictionary.csv says what each column means" in capsys.readouterr().out


def test_both_forms_hold_what_the_database_holds(told: Path, tmp_path: Path) -> None:
    for form in ("csv", "parquet"):
        assert main(["export", form, str(tmp_path / form), "--db", str(told)]) == 0
    with Database.open_for_reading(str(told)) as database, database.engine.connect() as connection:
        for table in offered():
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar_one()
            assert len(cells(tmp_path / "csv" / f"{table.name}.csv")) == rows + 1, table.name
            assert pq.read_metadata(tmp_path / "parquet" / f"{table.name}.parquet").num_rows == rows, table.name


def test_the_same_rows_give_the_same_bytes_a_few_at_a_time_or_all_at_once(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["export", "csv", str(tmp_path / "one"), "--db", str(told)]) == 0
    monkeypatch.setattr("analysis.tables.reading.AT_ONCE", 3)
    assert main(["export", "csv", str(tmp_path / "two"), "--db", str(told)]) == 0
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_the_order_of_words_of_a_process_changes_nothing(told: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "nameblind", "export", "parquet", str(tmp_path / seed), "--db", str(told)]
        subprocess.run(
            [*command, "--table", "v_state", "--table", "analysis"], env={"PYTHONHASHSEED": seed}, check=True
        )
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    assert len(hashes(tmp_path / "1")) == 3


def test_rows_are_sorted_by_their_columns(told: Path, tmp_path: Path) -> None:
    assert main(["export", "csv", str(tmp_path / "out"), "--db", str(told), "--table", "v_state"]) == 0
    rows = cells(tmp_path / "out" / "v_state.csv")[1:]
    assert rows == sorted(rows)
    assert len(rows) == 51


def test_no_cell_of_csv_runs_in_a_spreadsheet_or_hides_anything(told: Path, tmp_path: Path) -> None:
    assert main(["export", "csv", str(tmp_path / "out"), "--db", str(told), "--table", "v_step"]) == 0
    text = (tmp_path / "out" / "v_step.csv").read_text(encoding="utf-8")
    assert {unicodedata.category(character) for character in set(text) - {"\n"}}.isdisjoint({"Cc", "Cf"})
    heading, *rows = cells(tmp_path / "out" / "v_step.csv")
    titles = [row[heading.index("title")] for row in rows if row[0].startswith("bad.")]
    assert len(titles) == 1 + len(STARTS)
    assert [title for title in titles if re.match(r"\s*[=+\-@\t\r]", title)] == []
    assert sum("<U+202E>" in title and title.startswith("'=HYPERLINK") for title in titles) == 1


def test_parquet_has_the_text_and_the_types_as_they_are(told: Path, tmp_path: Path) -> None:
    assert main(["export", "parquet", str(tmp_path / "out"), "--db", str(told), "--table", "v_step"]) == 0
    table = pq.read_table(tmp_path / "out" / "v_step.parquet")
    assert HOSTILE.replace("\x00", "\ufffd") in table.column("title").to_pylist()
    assert str(table.schema.field("started_at").type) == "timestamp[us, tz=UTC]"
    assert table.schema.field("duration_s").metadata[b"unit"] == b"seconds"
    documented = {column.name: column.meaning for column in tables()["v_step"].columns}
    meant = {name: table.schema.field(name).metadata[b"meaning"].decode() for name in table.schema.names}
    assert meant == documented


def test_numbers_below_zero_stay_numbers(told: Path) -> None:
    assert writing.csv_line([-1.5, -2, "-2", None, "", True, b"\x01", [1]]) == '-1.5,-2,"\'-2",,"",true,01,"[1]"\n'


def test_what_stands_there_is_not_overwritten_unless_asked(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["export", "csv", str(out), "--db", str(told), "--table", "v_slot"]
    assert main(command) == 0
    (out / "note.txt").write_text("mine")
    assert main(command) == 1
    assert "exists already" in capsys.readouterr().err
    assert (out / "note.txt").exists()
    assert main([*command, "--force"]) == 0
    assert set(hashes(out)) == {DICTIONARY, "v_slot.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_force_does_not_remove_a_folder_that_is_no_export(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["export", "csv", str(tmp_path), "--db", str(told), "--force"]) == 1
    assert "not an earlier export" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


def test_an_export_that_breaks_off_leaves_nothing_and_keeps_the_earlier_one(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "csv", str(tmp_path / "out"), "--db", str(told), "--table", "v_slot", "--force"]
    assert main(command) == 0
    before = hashes(tmp_path / "out")

    def full(*_: Any) -> Iterator[Any]:
        yield [("a row",)]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "batches", full)
    assert main(command) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert hashes(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--table", "v_nothing"], "There is no table 'v_nothing'; choose among: "),
        (["--db", "missing.db"], "missing.db does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], words: str, told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "csv", str(tmp_path / "out"), "--db", str(told), *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_without_an_analysis_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Database.open(str(tmp_path / "results.db"), create=True).close()
    assert main(["export", "csv", str(tmp_path / "out"), "--db", str(tmp_path / "results.db")]) == 0
    assert "There are no conclusions among them yet: run `nameblind analyze" in capsys.readouterr().out
