"""Runs that need no lab: what a process of the bank is given in place of a real scenario's run."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lab.bank import Run
from lab.scenario import Scenario
from lab.score_file import Origin
from tests.lab.scores import graded, scored


def run_named(name: str, *, slots: int = 1, seed: int = 0, summary: str = "") -> Run:
    """A run of a scenario that has nothing but a name."""
    nothing: Any = None
    scenario = Scenario(
        name=name,
        family="calm",
        summary=summary,
        topology=nothing,
        schedule=nothing,
        seed=seed,
        slots=(datetime(2026, 3, 2, tzinfo=UTC),) * slots,
        timeline=(),
        truth=(),
        vantages=(),
    )
    return Run(scenario, Origin("facts", "judgement"))


def play(scenario: Scenario, watch: Any, facts: Path | None) -> Any:
    """Do what the scenario is called; its summary is the file in which a run that hangs says that it put all away."""
    watch(SimpleNamespace(share=0.5, label="half way"))
    if scenario.name == "fails":
        raise ValueError("the link\nis gone")
    if scenario.name == "dies":
        os._exit(3)
    if scenario.name == "hangs":
        try:
            time.sleep(60)
        finally:
            Path(scenario.summary).write_text("put away", encoding="utf-8")
    return scored(graded(), scenario=scenario.name, seed=scenario.seed)
