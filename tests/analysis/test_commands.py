"""``nameblind analyze`` as a person and a program meet it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from analysis.commands import states_table
from analysis.times import iso, parse_time
from nameblind.cli import main
from probe.errors import UserError
from probe.store.database import Database
from tests.analysis.fact_builder import RESET, T0, CycleBuilder, failed, plus_pairs, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def results(tmp_path: Path) -> str:
    place = str(tmp_path / "results.db")
    here = CycleBuilder().controls()
    here.add("news.example.com", failed("tls", RESET), service="News", pairs=plus_pairs(14))
    here.add("weather.example.com", reached("weather.example.com", "8.40.1.1"), service="[bold]Weather")
    with Database.open(place, create=True) as database:
        store(database, [here.build(), sentinel_cycle(service="News")])
    return place


def test_table_names_the_gravest_state_and_its_evidence(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--db", results]) == 0
    shown = capsys.readouterr().out
    assert "blocked" in shown
    assert "tls.reset.sni" in shown
    assert "[bold]Weather" in shown  # what a schedule says is text, never markup


def test_json_is_one_object(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--db", results, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {state["state"] for state in found["states"]} == {"ok", "blocked"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--db", "no-such-folder/results.db"], "does not exist"),
        (["--since", "yesterday"], "--since: 'yesterday' is no time"),
        (["--until", "2001-01-01"], "no measurement in the time asked for"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    results: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = arguments if "--db" in arguments else ["--db", results, *arguments]
    assert main(["analyze", *chosen]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_foreign_database_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"not a database at all" * 50)
    assert main(["analyze", "--db", str(foreign)]) == 1
    assert "not a results database" in capsys.readouterr().err


def lines_of(states: list[dict[str, str]]) -> list[str]:
    common = {"kind": "target", "vantage": "almaty", "service": "youtube", "reason": ""}
    common |= {"mechanisms": [], "evidence": []}  # type: ignore[dict-item]
    console = Console(width=120)
    with console.capture() as shown:
        console.print(states_table({"states": [{**common, **state} for state in states], "pairs": []}))
    return [line for line in shown.get().splitlines() if line.startswith("│")]


def test_every_state_of_a_service_has_its_line_the_gravest_first() -> None:
    lines = lines_of(
        [
            {"target": "a", "state": "dark", "reason": "Nothing reached out: 5 controls."},
            {"target": "a", "state": "blocked"},
            {"target": "a", "state": "ok"},
        ]
    )
    assert ["blocked" in line or "dark" in line for line in lines] == [True, True]
    assert "blocked" in lines[0]
    assert "Nothing reached out" in lines[1]


def test_target_is_named_where_the_rest_of_its_service_is_spared() -> None:
    (line,) = lines_of(
        [
            {"target": "youtube/y4De4CSEvAU", "state": "blocked"},
            {"target": "youtube/jNQXAC9IVRw", "state": "ok"},
        ]
    )
    assert "youtube/y4De4CSEvAU:" in line
    assert "jNQXAC9IVRw" not in line


def test_table_of_nothing_is_empty_and_no_error() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(states_table({"states": [], "pairs": []}))
    assert "service" in shown.get()


def test_times_are_written_in_utc_and_read_with_or_without_a_zone() -> None:
    assert iso(T0) == "2026-01-10T06:00:00.000Z"
    assert parse_time("2026-01-10T11:00+05:00", "--since") == T0
    assert parse_time("2026-01-10T06:00", "--since") == T0
    with pytest.raises(UserError, match="--until"):
        parse_time("soon", "--until")
