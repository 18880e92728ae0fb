"""The volunteer's own router dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import cut

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    place = stage.dice.choice(stage.plant.probes)
    stage.fault(f"home:{place.vantage}", start, end, cut)
    stage.true(
        "local",
        "vantage-local",
        start,
        end,
        vantages=(place,),
        accept=("dark",),
        accept_causes=("dark-undetermined", "insufficient"),
    )


GENERATOR = Generator("router-dead", Family.LOCAL, play)
