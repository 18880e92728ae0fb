"""What a source of evidence on a darkness reads: who went dark when, and all that is known around it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

from analysis.causes.plant import elements_of
from analysis.facts import Surroundings
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.collapse import Collapse
    from analysis.events.spells import Judgement, Spell
    from analysis.facts import CycleFacts, LinkFacts, VantageFacts
    from analysis.heartbeat import Silence

EVER = datetime.max.replace(tzinfo=UTC)
"""Stands for the end of what has not ended."""


SEVERAL_HOMES = 3
"""So many vantages are not all in one home; two are not, if they differ in operator or bearer."""


def are_several_homes(vantages: Iterable[VantageFacts]) -> bool:
    """Tell whether vantages of one place cannot all hang on one box. A local fault reaches no second vantage."""
    lines = {vantage.vantage_id: (vantage.network, vantage.bearer) for vantage in vantages}
    return len(lines) >= SEVERAL_HOMES or len(set(lines.values())) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One vantage in the dark, whatever it asked for."""

    vantage: VantageFacts
    onset_after: datetime | None
    onset_before: datetime
    end_after: datetime
    end_before: datetime | None
    spells: tuple[Spell, ...] = ()
    """By target; none where nothing was heard of the vantage at all."""
    silence: Silence | Collapse | None = None
    """What it is a part of, where nothing was heard of it."""
    relapses: tuple[datetime, ...] = ()

    @property
    def vantage_id(self) -> str:
        """Name the vantage."""
        return self.vantage.vantage_id

    @property
    def place(self) -> tuple[str, str]:
        """Name where it stands; a vantage that does not say stands alone."""
        return self.vantage.country, self.vantage.region or f"vantage {self.vantage_id}"

    @property
    def atom(self) -> tuple[str, str, str, str]:
        """Name the smallest scope for which a cause is worked out: network, region, bearer."""
        return (*self.place, self.vantage.network or f"vantage {self.vantage_id}", self.vantage.bearer)

    @property
    def lasts_until(self) -> datetime:
        """Give the latest moment at which it may still have lasted."""
        return self.end_before or EVER

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.end_before is not None

    @property
    def witness(self) -> tuple[str, ...]:
        """Name a row that shows it."""
        steps = (s.judgements[0][0].measurement.outcome.steps for s in self.spells if s.judgements)
        return next(((some[0].observation_id,) for some in steps if some), ())

    def began_with(self, other: Outage) -> bool:
        """Tell whether both may have begun at one moment: their onset intervals overlap."""
        after = max((t for t in (self.onset_after, other.onset_after) if t), default=None)
        return after is None or after < min(self.onset_before, other.onset_before)

    def ended_with(self, other: Outage) -> bool:
        """Tell whether both may have ended at one moment."""
        return max(self.end_after, other.end_after) < min(self.lasts_until, other.lasts_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A darkness in one atomic scope, and all that went dark with it."""

    outages: tuple[Outage, ...]
    """Of the scope: one network, region and bearer."""
    joint: tuple[Outage, ...]
    """These, and those of other scopes that began together with them or while they lasted."""

    @property
    def vantage_ids(self) -> frozenset[str]:
        """Name the vantages of the scope."""
        return frozenset(outage.vantage_id for outage in self.outages)

    @property
    def joint_ids(self) -> frozenset[str]:
        """Name all vantages that went dark together."""
        return frozenset(outage.vantage_id for outage in self.joint)

    @property
    def place(self) -> tuple[str, str]:
        """Name the place of the scope."""
        return self.outages[0].place

    @property
    def country(self) -> str:
        """Name its country."""
        return self.outages[0].vantage.country

    @property
    def first_bad(self) -> datetime:
        """Give the first dark measurement of the scope."""
        return min(outage.onset_before for outage in self.outages)

    @property
    def last_good(self) -> datetime | None:
        """Give the last good measurement of the scope before it went dark."""
        earlier = [o.onset_after for o in self.outages if o.onset_after is not None and o.onset_after < self.first_bad]
        return max(earlier, default=None)

    @property
    def lasts_until(self) -> datetime:
        """Give the latest moment at which it may still have lasted."""
        return max(outage.lasts_until for outage in self.outages)

    @property
    def is_over(self) -> bool:
        """Whether all of it has ended."""
        return all(outage.is_over for outage in self.outages)


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that the sources may read."""

    cycles: Sequence[CycleFacts] = ()
    beside: Surroundings = field(default_factory=Surroundings)
    judgements: Sequence[Judgement] = ()
    spells: Sequence[Spell] = ()
    """Of all causes."""

    @cached_property
    def cycles_of(self) -> Mapping[str, tuple[CycleFacts, ...]]:
        """Give each vantage's cycles, in order of time."""
        found: dict[str, list[CycleFacts]] = defaultdict(list)
        for cycle in sorted(self.cycles, key=lambda c: (c.started_at, c.cycle_id)):
            found[cycle.vantage.vantage_id].append(cycle)
        return {vantage_id: tuple(several) for vantage_id, several in found.items()}

    @cached_property
    def vantages(self) -> Mapping[str, VantageFacts]:
        """Give every vantage that ever measured, sentinels too."""
        return {vantage_id: several[-1].vantage for vantage_id, several in sorted(self.cycles_of.items())}

    @cached_property
    def judgements_of(self) -> Mapping[tuple[str, str], tuple[Judgement, ...]]:
        """Give the judgements of each vantage and target, in order of time."""
        found: dict[tuple[str, str], list[Judgement]] = defaultdict(list)
        for judgement in self.judgements:
            measurement = judgement[0].measurement
            found[measurement.vantage_id, measurement.target].append(judgement)
        return {
            key: tuple(sorted(several, key=lambda j: (j[0].measurement.started_at, j[0].measurement.measurement_id)))
            for key, several in found.items()
        }

    def looks_of(self, vantage_id: str) -> tuple[LinkFacts, ...]:
        """Give all that a vantage's flight recorder saw, in order of time."""
        looks = self.beside.flights.get(vantage_id)
        if looks is not None:
            return looks
        own = {look for cycle in self.cycles_of.get(vantage_id, ()) for look in (*cycle.links, *cycle.flight)}
        return tuple(sorted(own, key=lambda look: (look.sampled_at, repr(look))))

    def neighbours_of(self, happening: Happening) -> tuple[VantageFacts, ...]:
        """Give the vantages of the country that are no sentinels and did not go dark with the rest."""
        return tuple(
            vantage
            for vantage_id, vantage in self.vantages.items()
            if vantage.country == happening.country
            and not vantage.is_sentinel
            and vantage_id not in happening.joint_ids
        )

    @cached_property
    def _services(self) -> Mapping[str, str]:
        return {m.target: m.service for m in (facts.measurement for facts, _, _ in self.judgements)}

    def service_of(self, target: str) -> str:
        """Give the service that a target belongs to."""
        return self._services[target]

    def targets_of(self, vantage_id: str, until: datetime) -> tuple[str, ...]:
        """Give the targets, without controls, that a vantage measured before a moment."""
        return tuple(
            sorted(
                {
                    measurement.target
                    for cycle in self.cycles_of.get(vantage_id, ())
                    if cycle.started_at <= until
                    for measurement in cycle.measurements
                    if measurement.kind == TargetKind.TARGET
                }
            )
        )

    def are_independent(self, happening: Happening, vantages: Sequence[VantageFacts]) -> bool:
        """Tell whether it is documented that vantages share nothing, but for what others show to have stood."""
        if not all(self.beside.plant.is_documented_for(v) for v in vantages) or self.beside.plant.groups_that_may_share(
            vantages
        ):
            return False
        alive = {
            element
            for neighbour in self.neighbours_of(happening)
            for need in self.beside.plant.needs_of(neighbour, is_home=False)
            if len(need) == 1
            for element in next(iter(need))
        }
        needed = [elements_of(self.beside.plant.needs_of(vantage, is_home=False)) - alive for vantage in vantages]
        return not any(one & other for one, other in combinations(needed, 2))
