"""What can be seen of a running scenario at one moment: who is up, how far each has come, what every box does.

A value, put together from what the director knows; :mod:`lab.live` shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import InterfaceState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from lab.conditions import Conditions
    from lab.scenario import Happening, Scenario

ASLEEP = "asleep"
"""The state of a vantage whose machine does not run; the others are those of its interface."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How far one vantage has come in its cycle."""

    done: int = 0
    total: int = 0
    """0 until it is known."""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageView:
    """One vantage."""

    name: str
    region: str | None
    network: str
    bearer: str
    state: str
    """``up``, ``down``, ``unplugged`` or ``asleep``."""
    progress: Pass

    @property
    def share(self) -> float:
        """Give the share of its cycle that is done; a machine that is asleep has nothing to do."""
        if self.state == ASLEEP:
            return 1.0
        return self.progress.done / self.progress.total if self.progress.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One thing that happens now."""

    kind: str
    place: str
    nature: str
    """``box``, ``disaster``, ``order``, ``lie`` or ``refusal``."""
    networks: tuple[str, ...]
    """Those whose packets it looks at; empty for all."""
    seen: int | None
    """``None`` where no packets are counted."""
    acted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment of a running scenario."""

    scenario: str
    slot: int
    """From 1; 0 while the lab starts."""
    slots: int
    slot_at: datetime
    utc_offset: timedelta | None
    """Of the place that the scenario is about, where it has one."""
    vantages: tuple[VantageView, ...]
    in_force: tuple[InForce, ...]
    links_down: tuple[str, ...]
    nodes_out: tuple[str, ...]
    """Hosts and routers that do not work, with how they look from outside."""

    @property
    def share(self) -> float:
        """Give the share of the whole scenario that is done, from 0 to 1."""
        if not self.slot:
            return 0.0
        in_slot = sum(vantage.share for vantage in self.vantages) / len(self.vantages) if self.vantages else 1.0
        return (self.slot - 1 + in_slot) / self.slots

    @property
    def label(self) -> str:
        """Say in a few words where it stands."""
        if not self.slot:
            return "starting the lab"
        return f"slot {self.slot} of {self.slots}, {self.slot_at:%Y-%m-%d %H:%M} UTC"


def view_of(
    scenario: Scenario,
    number: int,
    conditions: Conditions,
    passes: Mapping[str, Pass],
    counts: Mapping[str, tuple[int, int]],
    *,
    seconds: float = 0.0,
) -> View:
    """Give what can be seen ``seconds`` into slot ``number`` (0 while the lab starts), under ``conditions``.

    ``passes`` says how far each vantage has come; who is not in it has not begun. ``counts`` has the packets that
    each placement looked at, and those that it dropped, answered or sent elsewhere, by the placement's name.
    """
    hosts = scenario.topology.hosts
    return View(
        scenario=scenario.name,
        slot=number,
        slots=len(scenario.slots),
        slot_at=scenario.slots[max(number, 1) - 1],
        utc_offset=scenario.utc_offset,
        vantages=tuple(
            VantageView(
                name=name,
                region=hosts[name].region,
                network=hosts[name].network,
                bearer=hosts[name].bearer,
                state=ASLEEP if name in conditions.asleep else conditions.interfaces.get(name, InterfaceState.UP).value,
                progress=passes.get(name, Pass()),
            )
            for name in scenario.vantages
        ),
        in_force=tuple(_in_force(one, counts) for one in (scenario.holding(number, seconds) if number else ())),
        links_down=tuple(name for name, profile in conditions.links.items() if not profile.is_up),
        nodes_out=tuple(f"{node} ({fate.value})" for node, fate in conditions.fates.items()),
    )


def _in_force(one: Happening, counts: Mapping[str, tuple[int, int]]) -> InForce:
    """Count what its boxes did: they are called after it."""
    mine = [count for name, count in counts.items() if name == one.name or name.startswith(f"{one.name} ")]
    return InForce(
        kind=one.kind,
        place=one.place,
        nature=_nature(one),
        networks=tuple(sorted(one.placement.networks)) if one.placement is not None else (),
        seen=sum(seen for seen, _ in mine) if mine else None,
        acted=sum(acted for _, acted in mine) if mine else None,
    )


def _nature(one: Happening) -> str:
    if one.placement is not None:
        return "box"
    if one.lie is not None:
        return "lie"
    if one.refusal is not None:
        return "refusal"
    return "order" if one.is_order else "disaster"
