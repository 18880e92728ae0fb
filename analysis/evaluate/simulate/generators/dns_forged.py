"""A box forges answers to questions for the name and keeps the true one back."""

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
        layer="qname", does=Does.FORGE, mechanism="dns.injection.bogon",
    )  # fmt: skip


GENERATOR = Generator("dns-forged", Family.BLOCKING, play)
