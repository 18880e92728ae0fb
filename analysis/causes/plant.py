"""The plant: what every line hangs on, what is known of it, and what is assumed where nothing is known.

The field calls what several lines hang on a *shared risk group* (RFC 4202 and 8001: links that fail together because
they run through one duct). A plant lists such elements, and says of operators at places, or of single vantages, what
they need to reach their own country and to get abroad.

**Unknown independence counts as shared.** What is assumed without a file, and beside one that does not call itself
complete, is in :meth:`Plant.needs_of` and :meth:`Plant.groups_that_may_share`; ``docs/shared-risk.md`` argues for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.facts import VantageFacts

MOST_FALLEN: Final = 3
"""Elements that may have fallen at once; what needs more is left to the leak."""


class Kind(StrEnum):
    """What an element is."""

    LAST_MILE = "last-mile"
    SITE = "site"
    EXCHANGE = "exchange"
    FIBRE = "fibre"
    TRANSIT = "transit"
    POWER = "power"
    GATEWAY = "gateway"
    PLACE = "place"  # whatever strikes a place strikes all that stands there; never in a file
    UNKNOWN = "unknown"  # shared because nothing says that it is not; never in a file
    FAR = "far"  # the far end: servers, caches, routes to them; never in a file


PRIOR: Final[Mapping[Kind, float]] = {
    Kind.LAST_MILE: 0.03,
    Kind.SITE: 0.02,
    Kind.EXCHANGE: 0.01,
    Kind.FIBRE: 0.02,
    Kind.TRANSIT: 0.01,
    Kind.POWER: 0.02,
    Kind.GATEWAY: 0.01,
    Kind.PLACE: 0.02,
    Kind.UNKNOWN: 0.02,
    Kind.FAR: 0.02,
}
"""How likely one element is down in one window of hours, beside whatever else is. Single lines are out for some 0.1 to
0.5 % of the time; these are five times as much and more, because damage comes in clusters, and because too high a prior
only makes orders harder to tell. By judgement, not fitted."""


@dataclass(frozen=True, slots=True, order=True)
class Element:
    """One thing that can fall, with all that hangs on it."""

    name: str
    kind: Kind
    source: str | None = None
    """Where it is documented; ``None`` for what is assumed."""

    @property
    def prior(self) -> float:
        """Give how likely it is down."""
        return PRIOR[self.kind]


Need: TypeAlias = tuple[frozenset[Element], ...]
"""What somebody cannot do without: any one of these sets will do, if all of it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which vantages a statement is about: those that have all that it names."""

    vantage: str | None = None
    country: str | None = None
    network: str | None = None
    region: str | None = None
    bearer: str | None = None

    def takes(self, vantage: VantageFacts) -> bool:
        """Tell whether a vantage is one of them."""
        asked = (
            (self.vantage, vantage.vantage_id),
            (self.country, vantage.country),
            (self.network, vantage.network),
            (self.region, vantage.region),
            (self.bearer, vantage.bearer),
        )
        return all(wanted in {None, got} for wanted, got in asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What some vantages hang on."""

    who: Selector
    needs: tuple[Need, ...] = ()
    """Whatever they want to reach."""
    home: tuple[Need, ...] = ()
    """To reach their own country, beside it."""
    abroad: tuple[Need, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Independence:
    """Groups of vantages of which it is documented that no two share anything that is not listed."""

    of: tuple[Selector, ...]
    source: str

    def group_of(self, vantage: VantageFacts) -> int | None:
        """Give the one group that a vantage belongs to; ``None`` where it is in none, or in several."""
        found = [number for number, who in enumerate(self.of) if who.takes(vantage)]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Plant:
    """What is known of a country's lines. Without any argument: nothing is."""

    lines: tuple[Line, ...] = ()
    independent: tuple[Independence, ...] = ()
    complete: str | None = None
    """The source for it that all that two vantages share is listed, wherever ``lines`` speaks of both."""
    elements: Mapping[str, Element] = field(default_factory=dict)
    sha256: str | None = None
    """Of the file."""

    def lines_of(self, vantage: VantageFacts) -> tuple[Line, ...]:
        """Give all that is said of a vantage."""
        return tuple(line for line in self.lines if line.who.takes(vantage))

    def is_complete_for(self, vantage: VantageFacts) -> bool:
        """Tell whether a vantage hangs on nothing but what is listed."""
        return self.complete is not None and bool(self.lines_of(vantage))

    def is_documented_for(self, vantage: VantageFacts) -> bool:
        """Tell whether all that is said of a vantage has a source, and something is."""
        lines = self.lines_of(vantage)
        needs = [need for line in lines for need in (*line.needs, *line.home, *line.abroad)]
        return bool(lines) and all(line.source for line in lines) and all(e.source for e in elements_of(needs))

    def needs_of(self, vantage: VantageFacts, *, is_home: bool) -> tuple[Need, ...]:
        """Give all that a vantage cannot do without, to reach its own country or abroad.

        Where the file does not call itself complete, everybody also hangs on a
        line, on the operator's site there, on the operator's and the country's
        core, and for what is abroad on the country's one way out.
        """
        needs = [
            need for line in self.lines_of(vantage) for need in (*line.needs, *(line.home if is_home else line.abroad))
        ]
        if self.is_complete_for(vantage):
            return tuple(needs)
        country, network = vantage.country, vantage.network or "an unknown network"
        place = vantage.region or "an unknown place"
        assumed = [
            Element(f"the site of {network} at {place} ({vantage.bearer}, {country})", Kind.SITE),
            Element(f"the core of {network} ({country})", Kind.EXCHANGE),
            Element(f"the core of {country}", Kind.EXCHANGE),
        ]
        if all(element.kind is not Kind.LAST_MILE for element in elements_of(needs)):
            assumed.append(Element(f"the line of {vantage.vantage_id}", Kind.LAST_MILE))
        if not is_home:
            assumed.append(Element(f"the way abroad of {country}", Kind.GATEWAY))
        return (*needs, *((frozenset({element}),) for element in assumed))

    def groups_that_may_share(self, vantages: Iterable[VantageFacts]) -> tuple[tuple[VantageFacts, ...], ...]:
        """Give the largest groups, of two and more, no two of which are documented not to share something unlisted."""
        waiting = [tuple(sorted(vantages, key=lambda v: v.vantage_id))]
        whole: set[tuple[VantageFacts, ...]] = set()
        seen = set(waiting)
        while waiting:
            group = waiting.pop()
            parts = self._parts(group)
            if parts is None:
                whole.add(group)
                continue
            waiting += [part for part in parts if len(part) > 1 and part not in seen]
            seen |= set(parts)
        return tuple(
            sorted(
                (group for group in whole if len(group) > 1 and not any(set(group) < set(other) for other in whole)),
                key=lambda group: [v.vantage_id for v in group],
            )
        )

    def _parts(self, group: tuple[VantageFacts, ...]) -> list[tuple[VantageFacts, ...]] | None:
        """Split a group along the first statement that splits it: each part lacks all but one side."""
        for statement in self.independent:
            sides = {v: statement.group_of(v) for v in group}
            numbers = sorted({side for side in sides.values() if side is not None})
            if len(numbers) > 1:
                return [tuple(v for v in group if sides[v] in {None, number}) for number in numbers]
        listed = [v for v in group if self.is_complete_for(v)]
        if len(listed) > 1:
            others = tuple(v for v in group if v not in listed)
            return [tuple(sorted((one, *others), key=lambda v: v.vantage_id)) for one in listed]
        return None


def elements_of(needs: Iterable[Need]) -> frozenset[Element]:
    """Give every element that some needs name."""
    return frozenset(element for need in needs for way in need for element in way)


@lru_cache(maxsize=4096)  # many vantages ask for the same
def cuts(need: Need) -> tuple[frozenset[Element], ...]:
    """Give the smallest sets of at most :data:`MOST_FALLEN` elements whose fall leaves no way of a need."""
    elements = sorted(elements_of([need]))
    number = {element: place for place, element in enumerate(elements)}
    found: set[frozenset[int]] = {frozenset()}
    for way in need:
        numbers = frozenset(number[element] for element in way)
        hit = {cut for cut in found if cut & numbers}
        found = hit | {cut | {one} for cut in found - hit if len(cut) < MOST_FALLEN for one in numbers}
    least = [cut for cut in found if not any(cut - {one} in found for one in cut) and not _has_single(cut, found)]
    return tuple(frozenset(elements[one] for one in cut) for cut in sorted(least, key=lambda c: (len(c), sorted(c))))


def _has_single(cut: frozenset[int], found: set[frozenset[int]]) -> bool:
    """Tell whether one element of a larger cut cuts by itself."""
    return len(cut) > 1 and any(frozenset({one}) in found for one in cut)
