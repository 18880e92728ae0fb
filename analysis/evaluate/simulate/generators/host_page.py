"""A box answers plain requests for the host with a page of its own."""

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
    sites = some(stage.dice, stage.plain or stage.https)
    if sites[0].is_plain:
        block(
            stage, sites, operators_struck(stage), start, end, layer="host", does=Does.PAGE, mechanism="http.blockpage"
        )
    else:
        block(stage, sites, operators_struck(stage), start, end, does=Does.RESET, mechanism="tls.reset.sni")


GENERATOR = Generator("host-page", Family.BLOCKING, play)
