"""Some addresses behind a broken switch die, for this country alone; several targets lose one of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import cores, poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    addresses = sorted({a for site in stage.plant.sites for a in site.addresses} | {"45.33.32.3", "45.33.32.5"})
    for address in stage.dice.sample(addresses, max(2, len(addresses) // 3)):
        for core in cores(stage.plant.probes):
            stage.act(core, names=frozenset({address}), layer="address", does=Does.SILENCE, start=start, end=end)
    poorly(stage, stage.plant.probes, start, end)


GENERATOR = Generator("half-dead-addresses", Family.DAMAGE, play, held_out=True)
