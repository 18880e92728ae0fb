"""By order a region's routers drop half of everything, whatever its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import loss

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    region = stage.dice.choice(stage.plant.regions)
    for place in stage.plant.of(region=region):
        stage.fault(place.way[3], start, end, loss(stage.dice.uniform(0.45, 0.55)))
    stage.true(
        "ok", "shutdown", start, end, vantages=stage.plant.of(region=region), accept=("insufficient", "dark"),
        accept_causes=("dark-undetermined", "insufficient"), must_be_undetermined=True,
    )  # fmt: skip


GENERATOR = Generator("feigned-loss", Family.MIMICRY, play)
