"""A scenario: what really happens, when, and what an honest analysis should say of it.

Pure data. :meth:`Scenario.conditions` gives what holds in a slot,
:meth:`Scenario.truth_of` what is true of one vantage and target in it.
:mod:`lab.scenario_file` reads scenarios from YAML, :mod:`lab.director` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lab.conditions import Conditions, Lie, Placement, peace
from lab.during import ALWAYS, During

if TYPE_CHECKING:
    from datetime import datetime

    from lab.conditions import Disaster
    from lab.flow import Middlebox
    from lab.topology import Topology
    from probe.model import Target
    from probe.schedule.model import Schedule

STATES: Final = (
    "ok",
    "tampered",
    "blocked",
    "suspected",
    "throttled",
    "withheld",
    "down",
    "dark",
    "local",
    "insufficient",
)

ACCUSING: Final = frozenset({"blocked", "suspected", "tampered", "throttled"})
"""States that say that somebody did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the timeline: a box, a disaster or a lie, and when."""

    during: During
    middlebox: Middlebox | None = None
    router: str = ""
    networks: frozenset[str] = frozenset()
    disaster: Disaster | None = None
    lie: Lie | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of some vantages and targets for a while."""

    state: str
    vantages: frozenset[str] = frozenset()
    """Empty: all."""
    targets: frozenset[str] = frozenset()
    """Names of targets or of services; empty: all."""
    during: During = ALWAYS
    accept: frozenset[str] = frozenset()
    """Weaker states that are honest as well."""
    mechanism: str | None = None

    def concerns(self, vantage: str, target: Target, number: int, slot_at: datetime) -> bool:
        """Tell whether it speaks of a vantage, a target and a slot."""
        is_vantage = not self.vantages or vantage in self.vantages
        is_target = not self.targets or bool({target.name, target.service} & self.targets)
        return is_vantage and is_target and self.during.holds(number, slot_at)


OK: Final = Truth(state="ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario, with everything that it names."""

    name: str
    family: str
    """``calm``, ``censorship``, ``damage``, ``local`` or ``mixed``."""
    summary: str
    topology: Topology
    schedule: Schedule
    seed: int
    slots: tuple[datetime, ...]
    timeline: tuple[Happening, ...]
    truth: tuple[Truth, ...]
    vantages: tuple[str, ...]
    """Hosts that measure, the sentinel too."""

    def conditions(self, number: int) -> Conditions:
        """Give what holds in slot ``number``, from 1."""
        now = peace(self.topology)
        placements: list[Placement] = []
        lies: list[Lie] = []
        for position, happening in enumerate(self.timeline):
            if not happening.during.holds(number, self.slots[number - 1]):
                continue
            if happening.disaster is not None:
                now = happening.disaster(now)
            if happening.lie is not None:
                lies.append(happening.lie)
            if happening.middlebox is not None:
                placements.append(
                    Placement(
                        name=f"{position}",
                        router=happening.router,
                        networks=happening.networks,
                        box=happening.middlebox,
                    )
                )
        return now.with_boxes(placements, lies)

    def truth_of(self, vantage: str, target: Target, number: int) -> Truth:
        """Give what is true of a vantage and a target in slot ``number``; of several entries, the last."""
        slot_at = self.slots[number - 1]
        return next((t for t in reversed(self.truth) if t.concerns(vantage, target, number, slot_at)), OK)
