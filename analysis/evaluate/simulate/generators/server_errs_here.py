"""A server answers the country, and nobody else, with an error of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    sites = some(stage.dice, stage.https)
    for site in sites:
        stage.refuses[site.host] = (503, start, end)
    stage.true("withheld", "withholding", start, end, targets=sites, accept_causes=("insufficient",))


GENERATOR = Generator("server-errs-here", Family.WITHHOLDING, play, held_out=True)
