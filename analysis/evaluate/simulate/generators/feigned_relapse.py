"""A region is darkened by order with relapses, as a bad splice gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import bursts

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    region = stage.dice.choice(stage.plant.regions)
    element = f"duct:{region}" if stage.plant.behind(f"duct:{region}") else ""
    places = stage.plant.behind(element) or stage.plant.of(region=region)
    turn, salt = stage.dice.uniform(0.8, 2.0) * stage.cadence_s, stage.dice.random()
    for place in places:
        stage.fault(element or place.way[3], start, end, bursts(salt, turn, 0.7))
    stage.true(
        "ok", "shutdown", start, end, vantages=places, accept=("insufficient", "dark"),
        accept_causes=("dark-undetermined", "insufficient"), must_be_undetermined=True,
    )  # fmt: skip


GENERATOR = Generator("feigned-relapse", Family.MIMICRY, play, held_out=True)
