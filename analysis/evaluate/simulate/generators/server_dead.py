"""All addresses of a target die for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import cut, refuse

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    site = stage.dice.choice(stage.plant.sites)
    how = stage.dice.choice((cut, refuse))
    for address in site.addresses:
        stage.fault("server:" + address, start, end, how)
    sites = [s for s in stage.plant.sites if set(s.addresses) <= set(site.addresses)]
    stage.true(
        "down", "target-down", start, end, vantages=stage.plant.vantages, targets=sites, accept_causes=("insufficient",)
    )


GENERATOR = Generator("server-dead", Family.TARGET, play)
