"""A box on the way answers that the name does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    block(
        stage, some(stage.dice, stage.plant.sites, 3), stage.plant.probes, start, end,
        layer="qname", does=Does.DENY, mechanism="dns.nxdomain",
    )  # fmt: skip


GENERATOR = Generator("dns-denied-on-path", Family.BLOCKING, play, held_out=True)
