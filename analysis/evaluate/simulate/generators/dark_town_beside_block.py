"""A town is dark by a cut while a name is blocked in the whole country, as in December 2011."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block, darken, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    sites = some(stage.dice, stage.https)
    does, word = stage.dice.choice(((Does.RESET, "reset"), (Does.SILENCE, "timeout")))
    block(
        stage,
        sites,
        stage.plant.probes,
        start,
        end,
        does=does,
        mechanism=f"tls.{word}.sni",
        accept=("suspected", "dark"),
    )
    region = stage.dice.choice(stage.plant.regions)
    later, _ = stage.span(2)
    for place in stage.plant.of(region=region):
        darken(stage, place.way[2], (place,), later, later + 3 * stage.cadence_s, "damage", event="cut")


GENERATOR = Generator("dark-town-beside-block", Family.MIXTURE, play)
