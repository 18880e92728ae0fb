"""The command line of the lab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lab import bank_view, commands, scenario_file
from lab.bank import Outcome
from lab.commands import app
from lab.scenario import FAMILIES
from lab.scorecard import Failure
from probe.errors import UserError
from tests.lab.scores import graded, scored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.scenario import Scenario

runner = CliRunner()


# ---------------------------------------------------------------- list


def test_the_list_names_every_scenario_under_its_family() -> None:
    shown = runner.invoke(app, ["list"], terminal_width=300)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    under: dict[str, str] = {}
    family = ""
    for line in lines:
        words = line.split()
        if words and words[0] in FAMILIES and not line.startswith(" "):
            family = words[0]
        elif words and words[0] in scenario_file.names():
            under[words[0]] = family
    assert under == {name: scenario_file.load(name).family for name in scenario_file.names()}


def test_the_list_can_be_narrowed_to_families_and_read_by_programs() -> None:
    shown = runner.invoke(app, ["list", "--json", "--family", "local", "--family", "calm"])
    listed = json.loads(shown.output)["scenarios"]
    assert {one["family"] for one in listed} == {"local", "calm"}
    assert [FAMILIES.index(one["family"]) for one in listed] == sorted(FAMILIES.index(one["family"]) for one in listed)
    calm = next(one for one in listed if one["scenario"] == "nothing-wrong")
    assert calm["slots"] == len(scenario_file.load("nothing-wrong").slots)


@pytest.mark.parametrize("command", ["list", "score"])
def test_a_family_that_does_not_exist_is_refused(command: str) -> None:
    result = runner.invoke(app, [command, "--family", "weather"])
    assert isinstance(result.exception, UserError)
    assert "no family 'weather'" in str(result.exception)


@pytest.mark.parametrize("arguments", [[], ["list"], ["run"], ["exec"], ["score"]])
def test_help_teaches_with_an_example(arguments: list[str]) -> None:
    shown = runner.invoke(app, [*arguments, "--help"])
    assert shown.exit_code == 0
    assert "nameblind lab" in shown.output


# ---------------------------------------------------------------- score


@pytest.fixture
def scored_as(monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, list[tuple[str, int]]]:
    """What the bank will give, and what it was asked for."""
    outcome = Outcome()
    asked: list[tuple[str, int]] = []

    def score_all(chosen: Sequence[tuple[str, Scenario]], **_: object) -> Outcome:
        asked.extend((name, scenario.seed) for name, scenario in chosen)
        return outcome

    monkeypatch.setattr(bank_view, "score_all", score_all)
    monkeypatch.setattr(commands, "require_lab", lambda: None)
    return outcome, asked


def test_scenarios_are_scored_under_every_seed_that_is_asked_for(
    scored_as: tuple[Outcome, list[tuple[str, int]]],
) -> None:
    runner.invoke(app, ["score", "sni-reset", "nothing-wrong", "--family", "calm", "--seed", "5", "--seed", "6"])
    assert scored_as[1] == [("nothing-wrong", 5), ("nothing-wrong", 6)]


@pytest.mark.parametrize(
    ("state", "failures", "status"),
    [
        ("down", [], 0),
        ("insufficient", [], 0),
        ("blocked", [], 1),
        ("down", [Failure(scenario="x", family="calm", seed=0, sentence="no end")], 1),
    ],
)
def test_a_false_accusation_or_a_failure_ends_with_status_1(
    scored_as: tuple[Outcome, list[tuple[str, int]]], state: str, failures: list[Failure], status: int
) -> None:
    scored_as[0].scores.append(scored(graded("ok", state)))
    scored_as[0].failures.extend(failures)
    assert runner.invoke(app, ["score"]).exit_code == status


def test_the_scorecard_is_json_where_that_is_asked_for(scored_as: tuple[Outcome, list[tuple[str, int]]]) -> None:
    scored_as[0].scores.append(scored(graded(), graded("blocked", "ok", slot=2)))
    shown = runner.invoke(app, ["score", "--json"])
    assert json.loads(shown.stdout)["total"]["grades"]["missed"] == 1


def test_the_scorecard_becomes_a_page_that_says_how_it_was_made(
    scored_as: tuple[Outcome, list[tuple[str, int]]], tmp_path: Path
) -> None:
    scored_as[0].scores.append(scored(graded()))
    runner.invoke(app, ["score", "--family", "calm", "--markdown", str(tmp_path / "docs" / "card.md")])
    page = (tmp_path / "docs" / "card.md").read_text(encoding="utf-8")
    assert "* command: `nameblind lab score --family calm --markdown docs/scorecard.md`" in page
    assert str(tmp_path) not in page


# ---------------------------------------------------------------- run and exec


@pytest.mark.parametrize("command", [["run", "sni-reset"], ["exec", "sni-reset", "vantage-a", "true"]])
@pytest.mark.parametrize(
    ("capture", "said"),
    [
        ("core-a--gateway", "give a link and a file"),
        ("core-a--gateway=", "give a link and a file"),
        ("a--b=x.pcap", "sni-reset has no link 'a--b': choose one of"),
    ],
)
def test_a_capture_names_a_link_and_a_file(command: list[str], capture: str, said: str) -> None:
    result = runner.invoke(app, [command[0], "--capture", capture, *command[1:]])
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)


@pytest.mark.lab
def test_exec_passes_on_the_exit_status(capfd: pytest.CaptureFixture[str]) -> None:
    command = ["exec", "sni-reset", "vantage-a", "--", "sh", "-c", "head -1 /etc/resolv.conf; exit 9"]
    assert runner.invoke(app, command).exit_code == 9
    assert capfd.readouterr().out == "nameserver 2.72.0.53\n"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sni-reset", "vantage-z", "--", "true"], "has no host 'vantage-z': choose one of"),
        (["sni-reset", "vantage-a", "--", "no-such-program"], "no program 'no-such-program'"),
        (["--slot", "9", "sni-reset", "vantage-a", "--", "true"], "has 3 slots"),
    ],
)
def test_exec_refuses_what_it_cannot_do(arguments: list[str], said: str) -> None:
    result = runner.invoke(app, ["exec", *arguments])
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)
