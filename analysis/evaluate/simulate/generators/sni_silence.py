"""A box swallows connections from the ClientHello on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block, operators_struck, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    sites = some(stage.dice, stage.https)
    block(stage, sites, operators_struck(stage), start, end, does=Does.SILENCE, mechanism="tls.timeout.sni")


GENERATOR = Generator("sni-silence", Family.BLOCKING, play)
