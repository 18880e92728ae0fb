"""A box drops the addresses of one service, whose neighbours live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import cores, operators_struck

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    site = stage.dice.choice(stage.https)
    sites = [s for s in stage.plant.sites if set(s.addresses) & set(site.addresses)]
    places = operators_struck(stage)
    for core in cores(places):
        for address in site.addresses:
            stage.act(core, names=frozenset({address}), layer="address", does=Does.SILENCE, start=start, end=end)
    stage.true(
        "blocked", "selective-blocking", start, end, vantages=places, targets=sites, mechanism="tcp.timeout",
        accept=("suspected",), accept_causes=("insufficient",),
    )  # fmt: skip


GENERATOR = Generator("address-dropped", Family.BLOCKING, play)
