"""A box resets plain requests for the host."""

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
    layer, path = ("host", "http.reset.host") if sites[0].is_plain else ("sni", "tls.reset.sni")
    block(stage, sites, operators_struck(stage), start, end, layer=layer, does=Does.RESET, mechanism=path)


GENERATOR = Generator("host-reset", Family.BLOCKING, play)
