"""Our own helper, or the network before it, loses packets; targets on lossy lines fail beside it."""

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
    stage.fault("net:45.33.32", start, end, loss(stage.dice.uniform(0.3, 0.9)))
    place = stage.dice.choice(stage.plant.probes)
    stage.fault(place.way[1], start, end, loss(stage.dice.uniform(0.3, 0.7)))
    poorly(stage, stage.plant.probes, start, end)


GENERATOR = Generator("helper-sick", Family.DAMAGE, play)
