"""The command: a scorecard that does not depend on the number of processes, and refusals in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nameblind.cli import main

if TYPE_CHECKING:
    from pathlib import Path

from analysis.evaluate import runs
from analysis.evaluate.command import BEGINS, ENDS
from analysis.evaluate.simulate.generators import GENERATORS


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of mechanisms, so that a test is done in seconds."""
    names = {"fibre-cut", "sni-eof", "feigned-cut"}
    monkeypatch.setattr(runs, "GENERATORS", tuple(g for g in GENERATORS if g.name in names))
    monkeypatch.setattr(runs, "LEAST", 1)


@pytest.mark.usefixtures("few")
def test_the_scorecard_comes_as_json_tables_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, out = tmp_path / "page.md", tmp_path / "pictures"
    arguments = ["evaluate", "--episodes", "2", "--jobs", "1", "--json"]
    assert main([*arguments, "--markdown", str(page), "--out", str(out)]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["damage_episodes"] == 2
    assert card["episodes"] == 4
    assert {bar["name"] for bar in card["bars"]} >= {"no false accusation in damage", "no shutdown on a shared fibre"}
    assert "### The bars" in page.read_text()
    assert {path.name for path in out.iterdir()} == {
        "reliability.svg", "recall-by-cause.svg", "false-accusations.svg", "f1-of-methods.svg",
    }  # fmt: skip


@pytest.mark.usefixtures("few")
def test_figures_take_their_place_in_a_page_and_leave_the_rest_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{BEGINS}\nold figures\n{ENDS}\n\nAfter.\n")
    assert main(["evaluate", "--episodes", "1", "--jobs", "1", "--json", "--markdown", str(page)]) == 0
    once = page.read_text()
    assert once.startswith(f"# Before\n\n{BEGINS}\n")
    assert once.endswith(f"{ENDS}\n\nAfter.\n")
    assert "old figures" not in once
    assert main(["evaluate", "--episodes", "1", "--jobs", "1", "--json", "--markdown", str(page)]) == 0
    assert page.read_text() == once
    capsys.readouterr()


def test_scores_do_not_depend_on_the_number_of_processes() -> None:
    some = (("fibre-cut", 1), ("sni-eof", 1), ("feigned-cut", 2))
    assert list(runs.run(some, 1)) == list(runs.run(some, 2))


def test_a_plan_holds_damage_alike_over_its_mechanisms_and_some_of_all_others() -> None:
    plan = runs.plan(120, 3)
    names = [name for name, _ in plan]
    assert len(set(plan)) == len(plan)
    assert {g.name for g in GENERATORS} == set(names)
    assert not set(plan) & set(runs.plan(120, 4))


@pytest.mark.parametrize(
    ("option", "make", "says"),
    [
        ("--lab", None, "is no folder"),
        ("--lab", "folder", "holds no kept run"),
        ("--markdown", "deep", "there is no folder"),
        ("--out", "file", "is a file"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_before_anything_is_simulated(
    option: str, make: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    if make == "folder":
        path.mkdir()
    elif make == "file":
        path.touch()
    elif make == "deep":
        path = path / "y"
    assert main(["evaluate", option, str(path)]) == 1
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("\n") == 1


def test_kept_runs_of_the_lab_are_counted(tmp_path: Path) -> None:
    from analysis.evaluate.kept import read_kept

    sheet = {
        "events": [{"grade": "found"}, {"grade": "weaker"}],
        "graded": [{"grade": "right"}, {"grade": "false-accusation"}],
        "false_events": [{"cause": "shutdown"}],
    }
    (tmp_path / "a@0.json").write_text(json.dumps({"score": sheet}))
    (tmp_path / "b@0.json").write_text(json.dumps({"score": sheet}))
    kept = read_kept(tmp_path)
    assert (kept.runs, kept.false_states, kept.false_events, kept.events) == (2, 2, 2, {"found": 2, "weaker": 2})


@pytest.mark.parametrize(
    "content", ["", "[]", '{"score": {}}', '{"score": {"events": [1], "graded": [], "false_events": []}}']
)
def test_a_sheet_that_is_none_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a@0.json").write_text(content)
    assert main(["evaluate", "--lab", str(tmp_path)]) == 1
    assert "is no sheet of a kept run" in capsys.readouterr().err
