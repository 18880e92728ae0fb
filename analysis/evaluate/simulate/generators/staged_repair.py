"""Congestion, then a cut, then repair from place to place with a relapse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import cut, loss
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    end = min(end, stage.length_s * 0.9)
    region = stage.dice.choice(stage.plant.regions)
    places = stage.plant.of(region=region)
    before = max(start - stage.cadence_s, 0.0)
    for place in places:
        stage.fault(place.way[1], before, start, loss(stage.dice.uniform(0.2, 0.5)), slowness=8.0)
        back = end + stage.dice.uniform(0.0, 0.4) * (stage.length_s - end)
        stage.fault(place.way[1], start, back, cut)
        again = back + stage.dice.uniform(0.5, 1.5) * stage.cadence_s
        stage.fault(place.way[1], again, again + 0.7 * stage.cadence_s, cut)
        for begun, ended in ((start, back), (again, again + 0.7 * stage.cadence_s)):
            stage.true(
                "dark", "damage", begun, ended, vantages=(place,), accept=("insufficient",),
                accept_causes=("dark-undetermined", "insufficient"), event="cut",
            )  # fmt: skip
    poorly(stage, places, before, start, event="cut")


GENERATOR = Generator("staged-repair", Family.DAMAGE, play, held_out=True)
