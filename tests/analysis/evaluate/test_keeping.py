"""Scores on disk: read back as they were, never mixed with those of other rules, whole after a cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.evaluate import keeping, runs
from analysis.evaluate.command import scores_of
from analysis.evaluate.event_match import FalseEvent
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.evaluate.score import Score

PLAN = (("fibre-cut", 1), ("sni-eof", 1), ("feigned-cut", 2))


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return list(runs.run(PLAN, 1))


def test_scores_are_read_back_as_they_were(scores: list[Score], tmp_path: Path) -> None:
    from dataclasses import replace

    false = FalseEvent(cause="shutdown", vantages=("a", "b"), targets=("t",), onset="2026-03-02T00:00:00+00:00")
    several = [*scores[1:], replace(scores[0], false_events=(false,))]
    path = tmp_path / "kept"
    assert keeping.begin(path) == {}
    for one in several:
        keeping.keep(path, one)
    assert list(keeping.begin(path).values()) == several


def test_a_run_that_was_cut_off_inside_a_line_goes_on_and_judges_only_what_is_left(
    scores: list[Score], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    assert scores_of(PLAN[:2], 1, path) == scores[:2]
    path.write_bytes(path.read_bytes()[:-20])
    judged: list[tuple[str, int]] = []

    def judge(one: tuple[str, int]) -> Score:
        judged.append(one)
        return scores[PLAN.index(one)]

    monkeypatch.setattr(runs, "_score", judge)
    assert scores_of(PLAN, 1, path) == scores
    assert judged == [PLAN[1], PLAN[2]]
    assert scores_of(PLAN, 1, path) == scores
    assert len(judged) == 2


def test_scores_of_other_rules_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    keeping.begin(path)
    monkeypatch.setattr(keeping, "RULESET", "another")
    before = path.read_bytes()
    with pytest.raises(UserError, match="other rules"):
        keeping.begin(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"[]\n", b"no json\n", b"{}\n", b'{"made_by": 1', b"\xff\n"])
def test_a_file_that_keeps_no_scores_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(content)
    with pytest.raises(UserError, match="no file of kept scores"):
        keeping.begin(path)
    assert path.read_bytes() == content
