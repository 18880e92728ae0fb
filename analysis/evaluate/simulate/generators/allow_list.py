"""Only a few addresses may be reached; a name on one of them stays blocked as well."""

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
    allowed = {stage.dice.choice(stage.plant.sites).host}
    kept = {a for site in stage.plant.sites if site.host in allowed for a in site.addresses}
    closed = [s for s in stage.plant.sites if not set(s.addresses) & kept]
    abroad = {a for s in (*closed, *stage.plant.controls[2:], stage.plant.portal) for a in s.addresses}
    for core in cores(stage.plant.probes):
        for address in sorted(abroad | {f"45.33.32.{i}" for i in range(1, 9)} | {"149.112.112.112", "45.33.40.1"}):
            stage.act(core, names=frozenset({address}), layer="address", does=Does.SILENCE, start=start, end=end)
    stage.true(
        "dark", "shutdown", start, end, targets=closed, accept=("insufficient", "blocked", "suspected"),
        accept_causes=("dark-undetermined", "insufficient", "selective-blocking"),
    )  # fmt: skip


GENERATOR = Generator("allow-list", Family.SHUTDOWN, play, held_out=True)
