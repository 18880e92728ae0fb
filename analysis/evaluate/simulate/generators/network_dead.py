"""The network of one target loses its route, for the country alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import cores

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    site = stage.dice.choice(stage.plant.sites)
    network = site.addresses[0].rpartition(".")[0]
    for core in cores(stage.plant.probes):
        for other in stage.plant.sites:
            for address in other.addresses:
                if address.startswith(network + "."):
                    stage.act(
                        core, names=frozenset({address}), layer="address", does=Does.SILENCE, start=start, end=end
                    )
    sites = [s for s in stage.plant.sites if s.addresses[0].startswith(network + ".")]
    stage.true(
        "down", "target-down", start, end, targets=sites, accept=("insufficient",),
        accept_causes=("insufficient", "damage"),
    )  # fmt: skip


GENERATOR = Generator("network-dead", Family.TARGET, play, held_out=True)
