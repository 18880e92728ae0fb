"""An operator's address translator overflows and resets connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import resets
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    operator = stage.dice.choice(stage.plant.operators)
    stage.fault(f"core:{operator}", start, end, resets(stage.dice.uniform(0.2, 0.8)))
    poorly(stage, stage.plant.of(operator=operator), start, end)


GENERATOR = Generator("translator-full", Family.DAMAGE, play)
