"""A server refuses the country with 451."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    sites = some(stage.dice, stage.https)
    for site in sites:
        stage.refuses[site.host] = (451, start, end)
    stage.true("withheld", "withholding", start, end, targets=sites, accept_causes=("insufficient",))


GENERATOR = Generator("refused-451", Family.WITHHOLDING, play)
