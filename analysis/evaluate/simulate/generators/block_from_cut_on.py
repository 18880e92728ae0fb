"""A rule begins at the moment of a cut, and stays when the rest is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import FOREVER
from analysis.evaluate.simulate.generators.scopes import block, darken, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2, max(3, stage.slots // 2))
    place = stage.dice.choice(stage.plant.probes)
    element = f"haul:{place.operator}/{place.region}"
    darken(stage, element, stage.plant.behind(element), start, end, "damage")
    block(
        stage,
        some(stage.dice, stage.https),
        stage.plant.of(operator=place.operator),
        start,
        FOREVER,
        does=Does.RESET,
        mechanism="tls.reset.sni",
        accept=("suspected", "dark"),
    )


GENERATOR = Generator("block-from-cut-on", Family.MIXTURE, play)
