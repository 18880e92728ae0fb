"""A rule on a name, inside damage with the path up half the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import FOREVER, bursts
from analysis.evaluate.simulate.generators.scopes import block, cores, poorly, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(5)
    places = stage.plant.of(operator=stage.dice.choice(stage.plant.operators))
    for core in cores(places):
        stage.fault(core, 0.0, FOREVER, bursts(stage.dice.random(), stage.dice.uniform(5.0, 120.0), 0.5))
    poorly(stage, places, 0.0, FOREVER)
    block(
        stage,
        some(stage.dice, stage.https),
        places,
        start,
        end,
        does=Does.RESET,
        mechanism="tls.reset.sni",
        accept=("suspected", "dark"),
    )


GENERATOR = Generator("block-in-flapping", Family.MIXTURE, play, held_out=True)
