"""The bank: several runs at a time, none of which can take the others with it; and what is kept is not run again."""

from __future__ import annotations

import dataclasses
import multiprocessing
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from lab import bank, bank_view, score_file
from lab.bank import Outcome, Run, Stand, Step, make, recalled, runs_of
from lab.score_file import Origin, files_of, keep, origin_of, recall
from probe.errors import UserError
from tests.lab.plays import play, run_named
from tests.lab.scores import graded, happened, scored
from tests.lab.test_scorecard import FALSE_EVENT, decided

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHOLE = scored(
    graded("ok", "blocked", mechanisms=("tls.reset",), rules=("pairs.selective.sni",)),
    innocent_controls=3,
    events=(happened(named="selective-blocking"), happened()),
    false_events=(FALSE_EVENT,),
    decisions=(decided(13), decided(None)),
    pairs_to_decision={"a social sni": 13},
    cycle_seconds=(1.5, 2.0),
    cycle_bytes=(100, 200),
)

ORIGIN = Origin("facts", "judgement")


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) <= before


# ---------------------------------------------------------------- runs


def test_a_run_that_fails_or_dies_is_a_row_with_its_sentence_and_stops_no_other(tmp_path: Path) -> None:
    outcome = Outcome()
    stands: list[Stand] = []
    runs = [run_named("fails"), run_named("dies"), run_named("works", seed=4)]
    make(runs, outcome, at_once=2, folder=tmp_path, watch=stands.append, play=play)
    assert {(failure.scenario, failure.sentence) for failure in outcome.failures} == {
        ("fails", "ValueError: the link\nis gone"),
        ("dies", "its process ended with status 3"),
    }
    assert [(one.scenario, one.seed) for one in outcome.scores] == [("works", 4)]
    assert [path.name for path in tmp_path.iterdir()] == ["works@4.json"], "a failure is not kept: it is run again"
    assert max(len(stand.running) for stand in stands) == 2
    assert [stand.share for stand in stands] == sorted(stand.share for stand in stands)
    scores, to_make, stale = recalled(runs, tmp_path)
    assert scores == outcome.scores
    assert [run.name for run in to_make] == ["fails@0", "dies@0"]
    assert stale == {}


def test_a_run_that_hangs_is_ended_and_puts_away_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome()

    def time_is_over_half_way(stand: Stand) -> None:  # however long the process took to start
        if dict(stand.running)["hangs@0"] == Step(0.5, "half way"):
            monkeypatch.setattr(bank, "RUN_TIMEOUT_S", 0.0)

    hangs = run_named("hangs", summary=str(tmp_path / "said"))
    make([hangs], outcome, at_once=1, folder=None, watch=time_is_over_half_way, play=play)
    assert [failure.sentence for failure in outcome.failures] == ["no end after 0 s, at half way"]
    assert (tmp_path / "said").read_text(encoding="utf-8") == "put away"


def test_an_interrupt_ends_what_runs_and_keeps_what_is_done(tmp_path: Path) -> None:
    outcome = Outcome()
    hangs = run_named("hangs", slots=9, summary=str(tmp_path / "said"))

    def interrupt(stand: Stand) -> None:
        if stand.done == 1 and dict(stand.running).get("hangs@0") == Step(0.5, "half way"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make([run_named("works"), hangs], outcome, at_once=2, folder=tmp_path, watch=interrupt, play=play)
    assert (tmp_path / "said").read_text(encoding="utf-8") == "put away"
    assert [one.scenario for one in outcome.scores] == ["works"]
    assert (tmp_path / "works@0.json").is_file()


def test_whoever_is_interrupted_is_told_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bank_view, "make", interrupted)
    monkeypatch.setattr(bank_view, "runs_of", lambda _: [run_named("works"), run_named("fails")])
    keep(scored(scenario="works"), ORIGIN, tmp_path / "works@0.json")
    console = Console(quiet=True)
    with pytest.raises(UserError, match=r"1 of 2 runs are scored and kept: the same command goes on"):
        bank_view.score_all([], at_once=1, folder=tmp_path, console=console)
    with pytest.raises(UserError, match=r"0 of 2 runs were scored, and none was kept: give --results DIR"):
        bank_view.score_all([], at_once=1, folder=None, console=console)


def test_the_rest_is_estimated_from_the_pace_so_far() -> None:
    stand = Stand(done=1, total=4, share=0.25, elapsed_s=60.0, running=())
    assert stand.rest_s == 180.0
    assert dataclasses.replace(stand, share=0.0).rest_s is None
    assert "1 of 4 runs, about 3 min to go" in bank_view.line(stand)


def test_elsewhere_than_on_a_terminal_each_end_is_one_line() -> None:
    console = Console(width=80, force_terminal=False)
    with console.capture() as shown, bank_view.showing(console) as see:
        for done, share in [(0, 0.0), (0, 0.1), (1, 0.5), (1, 0.6)]:
            see(Stand(done=done, total=2, share=share, elapsed_s=10.0, running=(("x@0", Step(0.1, "slot 1")),)))
    assert [line.split(";")[1] for line in shown.get().splitlines()] == [" now x@0", " now x@0"]


# ---------------------------------------------------------------- what is kept


def test_a_score_is_read_as_it_was_kept(tmp_path: Path) -> None:
    keep(WHOLE, ORIGIN, tmp_path / "deep" / "one.json")
    assert recall(tmp_path / "deep" / "one.json", ORIGIN) == WHOLE


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (Origin("other", "judgement"), "its scenario or what measures"),
        (Origin("facts", "other"), "its truth or the analysis"),
    ],
)
def test_a_score_holds_for_the_same_files_and_the_same_program_only(tmp_path: Path, origin: Origin, why: str) -> None:
    keep(WHOLE, ORIGIN, tmp_path / "one.json")
    assert str(recall(tmp_path / "one.json", origin)).startswith(why)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"facts_sha256": "facts", "judgement_sha256": "judgement"}'])
def test_a_file_that_cannot_be_read_is_run_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "works@0.json").write_text(content, encoding="utf-8")
    scores, to_make, stale = recalled([run_named("works")], tmp_path)
    assert (scores, [run.name for run in to_make]) == ([], ["works@0"])
    assert stale == {"works@0": "its file cannot be read"}


def test_what_was_cut_short_by_a_kill_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(score_file.json, "dump", killed)
    with pytest.raises(SystemExit):
        keep(WHOLE, ORIGIN, tmp_path / "works@0.json")
    assert recall(tmp_path / "works@0.json", ORIGIN) is None


def test_each_file_of_a_scenario_is_part_of_its_origin(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("{topology: world.yaml, schedule: plan.yaml}", encoding="utf-8")
    (tmp_path / "world.yaml").write_text("1", encoding="utf-8")
    (tmp_path / "plan.yaml").write_text("1", encoding="utf-8")
    files = files_of(str(own))
    assert {path.name for path in files} == {"mine.yaml", "world.yaml", "plan.yaml"}
    seen = {origin_of(files)}
    for path in files:
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        seen.add(origin_of(files))
    assert len(seen) == 4


def test_names_stand_for_the_labs_own_topologies_and_schedules(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("{topology: standard, schedule: standard}", encoding="utf-8")
    assert [path.parent.name for path in files_of(str(own))[1:]] == ["topologies", "schedules"]
    assert all(path.is_file() for path in files_of(str(own)))


@pytest.mark.parametrize(
    ("changed", "is_made_anew", "is_judged_anew"),
    [
        ("probe/cycle.py", True, False),
        ("lab/link.py", True, False),
        ("analysis/weights.yaml", False, True),
        ("lab/score.py", False, True),
        ("lab/live.py", False, False),
    ],
)
def test_what_measures_and_what_judges_are_told_apart_from_what_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, is_made_anew: bool, is_judged_anew: bool
) -> None:
    for name in ("probe/cycle.py", "analysis/weights.yaml", "lab/link.py", "lab/score.py", "lab/live.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1", encoding="utf-8")
    monkeypatch.setattr(score_file, "ROOT", tmp_path)

    def hashes() -> tuple[str, str]:
        score_file.program_sha256.cache_clear()
        return score_file.program_sha256(is_judging=False), score_file.program_sha256(is_judging=True)

    before = hashes()
    (tmp_path / changed).write_text("2", encoding="utf-8")
    after = hashes()
    score_file.program_sha256.cache_clear()
    assert (before[0] != after[0], before[1] != after[1]) == (is_made_anew, is_judged_anew)


def test_another_truth_makes_no_other_facts(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    written = "topology: standard\nschedule: standard\ntimeline: [1]\ntruth:\n  - {state: ok}\n"
    own.write_text(written, encoding="utf-8")
    before = origin_of(files_of(str(own)))
    own.write_text(written.replace("ok", "dark"), encoding="utf-8")
    other_truth = origin_of(files_of(str(own)))
    own.write_text(written.replace("[1]", "[2]"), encoding="utf-8")
    other_timeline = origin_of(files_of(str(own)))
    assert other_truth.facts_sha256 == before.facts_sha256
    assert other_truth.judgement_sha256 != before.judgement_sha256
    assert other_timeline.facts_sha256 != before.facts_sha256


def test_one_scenario_and_seed_is_not_run_twice(tmp_path: Path) -> None:
    own = tmp_path / "works.yaml"
    own.write_text("{topology: standard, schedule: standard}", encoding="utf-8")
    scenario = run_named("works").scenario
    other_seed = dataclasses.replace(scenario, seed=1)
    assert [run.name for run in runs_of([(str(own), scenario), (str(own), other_seed)])] == ["works@0", "works@1"]
    with pytest.raises(UserError, match="works@0 is asked for twice"):
        runs_of([(str(own), scenario), (str(own), scenario)])


def test_a_run_costs_what_its_slots_cost() -> None:
    runs: list[Run] = [run_named("short"), run_named("long", slots=9)]
    assert max(runs, key=lambda run: run.cost).name == "long@0"
