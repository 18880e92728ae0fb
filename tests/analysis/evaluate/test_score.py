"""The score of one episode: what is accused falsely counts, and a blind analysis shows as blind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.evaluate import score as module
from analysis.evaluate.score import OURS, score, strength_of
from analysis.evaluate.simulate.generators import GENERATORS

if TYPE_CHECKING:
    import pytest

    from analysis.analyse import Conclusions

BY_NAME = {generator.name: generator for generator in GENERATORS}


def entry(channel: str, log10_lr: float) -> dict[str, Any]:
    return {"channel": channel, "log10_lr": log10_lr}


def test_the_strength_of_a_ledger_is_bounded_and_leaves_the_clock_out() -> None:
    assert strength_of([entry("A", 3.0), entry("A", 2.0), entry("B", -1.0), entry("B", 0.5)]) == 2.5
    assert strength_of([entry("A", 40.0)]) == 6.0
    assert strength_of([entry("C", 0.4)]) == 0.0
    assert strength_of([entry("A", -1.0)]) == -1.0


def test_a_full_block_is_found_under_its_name_without_accusing_anybody_else() -> None:
    found = score(BY_NAME["sni-reset"], 1)
    assert not found.is_falsely_accusing
    assert [event.named for event in found.events] == ["selective-blocking"]
    assert found.methods[OURS].found_names == found.acted_names > 0
    assert all(count is not None and 10 <= count <= 25 for count in found.pairs)


def test_an_analysis_that_accuses_in_damage_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard: were every state `blocked`, every series of the episode would count as falsely accused."""
    real = module.conclude

    def accusing(*given: Any) -> Conclusions:
        from dataclasses import replace

        from analysis.states import State

        found = real(*given)
        judged = tuple(replace(j, decision=replace(j.decision, state=State.BLOCKED)) for j in found.judged)
        return replace(found, judged=judged)

    monkeypatch.setattr(module, "conclude", accusing)
    found = score(BY_NAME["fibre-cut"], 1)
    assert found.is_falsely_accusing
    assert len(found.accused) == found.innocents
    assert found.methods[OURS].falsely > 0


def test_an_analysis_that_says_nothing_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    real = module.conclude
    monkeypatch.setattr(module, "conclude", lambda *given: replace(real(*given), judged=(), events=()))
    found = score(BY_NAME["sni-reset"], 1)
    assert [event.named for event in found.events] == [None]
    assert found.methods[OURS].found_names == 0


def test_baselines_judge_the_same_episode() -> None:
    found = score(BY_NAME["site-burnt"], 2)
    assert found.methods["three failures in a row"].falsely > 0
    assert found.methods["always undetermined"].falsely == 0
