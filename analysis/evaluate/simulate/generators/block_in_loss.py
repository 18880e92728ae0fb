"""A rule on a name, while the lines lose a fifth of what they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import FOREVER, loss
from analysis.evaluate.simulate.generators.scopes import block, poorly, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    for place in stage.plant.probes:
        stage.fault(place.way[1], 0.0, FOREVER, loss(stage.dice.uniform(0.1, 0.25)))
    poorly(stage, stage.plant.probes, 0.0, FOREVER)
    block(
        stage,
        some(stage.dice, stage.https),
        stage.plant.probes,
        start,
        end,
        does=Does.RESET,
        mechanism="tls.reset.sni",
        accept=("suspected", "dark"),
    )


GENERATOR = Generator("block-in-loss", Family.MIXTURE, play)
