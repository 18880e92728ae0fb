"""An operator's resolver is dead, and in some episodes port 53 beyond it as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import loss
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    operator = stage.dice.choice(stage.plant.operators)
    stage.fault(f"resolver:{operator}", start, end, loss(stage.dice.choice((1.0, 1.0, 0.7))))
    poorly(stage, stage.plant.of(operator=operator), start, end)


GENERATOR = Generator("resolver-dead", Family.DAMAGE, play)
