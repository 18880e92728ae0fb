"""A scenario: what really happens, when, and what is true of it.

Pure data. :meth:`Scenario.conditions` gives what holds at a moment,
:meth:`Scenario.truth_of` what is true of one vantage and target in a slot.
:mod:`lab.scenario_file` reads scenarios from YAML, :mod:`lab.variation` varies
them by seed, :mod:`lab.director` runs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lab.conditions import Conditions, Moment, peace
from lab.truth import OK, Truth, events_of
from probe.model import TargetKind

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from analysis.evaluate.truth import TrueEvent
    from lab.conditions import Change, Lie, PlacedRefusal
    from lab.during import During
    from lab.station import Placement
    from lab.topology import Topology
    from probe.model import Target
    from probe.schedule.model import Schedule

FAMILIES: Final = (
    "calm",
    "blocking",
    "throttling",
    "interception",
    "withholding",
    "target",
    "damage",
    "shutdown",
    "local",
    "mixture",
    "mimicry",
    "history",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the timeline: one thing that happens, and when."""

    during: During
    kind: str
    """As the file calls it: ``reset``, ``link-cut``, ``nxdomain``."""
    name: str = ""
    """Unique in its scenario; every box that it places is called so, or so and something more."""
    place: str
    """Where, in a word: a router, a resolver, a site, the links or hosts that are struck."""
    change: Change | None = None
    """A disaster or an order."""
    is_order: bool = False
    placement: Placement | None = None
    lie: Lie | None = None
    refusal: PlacedRefusal | None = None

    @property
    def is_somebodys(self) -> bool:
        """Tell whether somebody does it on purpose, a censor or whoever gives orders."""
        return self.is_order or self.placement is not None or self.lie is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario, with everything that it names."""

    name: str
    family: str
    """One of :data:`FAMILIES`."""
    summary: str
    topology: Topology
    schedule: Schedule
    seed: int
    slots: tuple[datetime, ...]
    timeline: tuple[Happening, ...]
    truth: tuple[Truth, ...]
    vantages: tuple[str, ...]
    """Hosts that measure, the sentinel too."""
    utc_offset: timedelta | None = None
    """Of the clocks at the place that it is about, where there is one."""

    def holding(self, number: int, seconds: float = 0.0) -> tuple[Happening, ...]:
        """Give what happens ``seconds`` into slot ``number``, from 1."""
        return tuple(one for one in self.timeline if one.during.holds(number, self.slots, seconds))

    def conditions(self, number: int, seconds: float = 0.0) -> Conditions:
        """Give what holds ``seconds`` into slot ``number``, from 1."""
        now = peace(self.topology)
        for happening in self.holding(number, seconds):
            if happening.change is not None:
                elapsed = self.slots[number - 1] - happening.during.onset(self.slots)
                moment = Moment(topology=self.topology, elapsed=elapsed, name=happening.name)
                now = happening.change(now, moment)
            if happening.placement is not None:
                now = now.with_boxes([happening.placement])
            if happening.lie is not None:
                now = replace(now, lies=(*now.lies, happening.lie))
            if happening.refusal is not None:
                now = replace(now, refusals=(*now.refusals, happening.refusal))
        return now

    def changes_within(self, number: int) -> tuple[float, ...]:
        """Give the real seconds into slot ``number`` at which other conditions begin, in order, without 0."""
        edges = {
            edge
            for one in self.timeline
            if one.during.within_s is not None
            for edge in one.during.within_s
            if one.during.holds(number, self.slots, one.during.within_s[0])
        }
        return tuple(sorted(edges - {0.0}))

    def truth_of(self, vantage: str, target: Target, number: int) -> Truth:
        """Give what is true of a vantage and a target in slot ``number``; of several entries, the last."""
        return next((t for t in reversed(self.truth) if t.concerns(vantage, target, number, self.slots)), OK)

    def events(self) -> tuple[TrueEvent, ...]:
        """Give what happened, as events."""
        return events_of(self.truth, self.vantages, self.schedule.of_kind(TargetKind.TARGET), self.slots)
