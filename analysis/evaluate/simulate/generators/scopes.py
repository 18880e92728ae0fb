"""Whom something strikes, and the few acts that many episodes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.evaluate.simulate.faults import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.plant import Place, Site
    from analysis.evaluate.simulate.stage import Stage

DARK_HONEST = ("dark-undetermined", "insufficient")


def some(dice: Dice, sites: Sequence[Site], most: int = 2) -> tuple[Site, ...]:
    """Draw one or a few targets, with all others of their services' names."""
    chosen = dice.sample(list(sites), min(len(sites), dice.randint(1, most)))
    names = {site.host for site in chosen}
    return tuple(site for site in sites if any(site.host == n or site.host.endswith("." + n) for n in names))


def operators_struck(stage: Stage) -> tuple[Place, ...]:
    """Draw the whole country, or the customers of one operator."""
    if stage.dice.random() < 0.5:
        return stage.plant.probes
    return stage.plant.of(operator=stage.dice.choice(stage.plant.operators))


def cores(places: Iterable[Place]) -> tuple[str, ...]:
    """Give the cores behind which places stand."""
    return tuple(sorted({f"core:{place.operator}" for place in places}))


def block(
    stage: Stage,
    sites: Sequence[Site],
    places: Sequence[Place],
    start: float,
    end: float,
    *,
    mechanism: str,
    state: str = "blocked",
    cause: str = "selective-blocking",
    accept: Iterable[str] = ("suspected",),
    accept_causes: Iterable[str] = (),
    event: str | None = None,
    names: Iterable[str] | None = None,
    **how: Any,
) -> None:
    """Act on names at the cores of some operators, and say so."""
    for core in cores(places):
        stage.act(core, names=frozenset(names or (site.host for site in sites)), start=start, end=end, **how)
    stage.true(
        state, cause, start, end, vantages=places, targets=sites, accept=accept,
        accept_causes=("insufficient", *accept_causes), mechanism=mechanism, event=event,
    )  # fmt: skip


def darken(
    stage: Stage, element: str, places: Sequence[Place], start: float, end: float, cause: str, **more: Any
) -> None:
    """Cut an element behind which places stand, and say why."""
    stage.fault(element, start, end, cut)
    more = {"accept": ("insufficient",), "accept_causes": DARK_HONEST, **more}
    stage.true("dark", cause, start, end, vantages=places, **more)


def poorly(stage: Stage, places: Sequence[Place], start: float, end: float, event: str | None = None) -> None:
    """Say that damage loses part of what some places send: what comes through is genuine."""
    stage.true(
        "ok", "damage", start, end, vantages=places, accept=("insufficient", "dark", "down"),
        accept_causes=(*DARK_HONEST, "target-down"), event=event,
    )  # fmt: skip
