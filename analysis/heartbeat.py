"""Do vantages fall silent together? A test of dependence over vantages, which says that something is common to them.

One silent vantage is nothing: machines are switched off. Under independence each
falls silent at a rate of its own, and the chance that at least k of n do so within
two slots is that of a Poisson binomial. Where that chance is small, they have a
cause in common. *Which* cause, silence never tells: a cut cable, an ordered
shutdown and a fault of our own collector look alike. So the weight here is for
"one cause" against "coincidence"; between damage and shutdown it is 0.

How to read a :class:`Silence`: take it as a sign of darkness in ``vantages`` only
where ``is_ours_excluded``; its cause is then ``dark-undetermined`` at most, and
``log10_lr`` its weight in the ledger under channel B. Otherwise nothing may be
said of a network. The analysis is stateless: data that comes late makes the slots
heard, and the silence is gone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from analysis.coincidence import at_least, log10_e, upper_bound
from analysis.grid.spells import spells_of
from analysis.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.facts import VantageFacts
    from analysis.grid import Grid
    from analysis.grid.spells import Spell

FEWEST_VANTAGES = 3
FEWEST_PLACES = 2
"""Below these, a house without power or one town's exchange would do as well."""

TOGETHER = 2
"""Slots within which vantages fall silent together: what stops in the middle of a slot lets some of them through."""

LOWEST_RATE = 0.002
"""A vantage is never taken to fall silent less often than once in 500 slots, five days of a quarter of an hour: rarer
than that, what hits many at once (an update, a holiday) is no longer rare beside it."""

SAME_HOUR = timedelta(hours=1)
"""Machines that are switched off at night fall silent together too: where a vantage fell silent at the same time of
another day, its rate at that time counts."""

MOST_LOG10_LR = 1.0
"""Cap. Independence is a model: volunteers share habits, suppliers and our own releases, and no count of slots makes
that impossible. Alone it is never enough for anything."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Vantages that fell silent together."""

    vantages: tuple[str, ...]
    onset: tuple[datetime, datetime]
    """The last slot before the first silent one in which any of them was heard; the first silent one."""
    end: tuple[datetime, datetime] | None
    """The last silent slot of any, and the one in which the last of them was heard again; ``None`` while it lasts."""
    at_risk: int
    """Vantages that were heard just before: these among them."""
    chance: float
    """Of so many by coincidence, over all slots that were looked at; 1 at most."""
    log10_lr: float
    """For a cause in common against coincidence; 0 where our own fault is not excluded."""
    places: tuple[str, ...]
    networks: tuple[str, ...]
    heard: tuple[str, ...]
    """Vantages that were heard in the first silent slots."""
    is_ours_excluded: bool
    """Whether somebody else was heard, no sentinel fell silent, and silence did not follow the software's version."""
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Give it as ``analyze --json`` prints it."""
        return {
            "vantages": list(self.vantages),
            "onset": [iso(moment) for moment in self.onset],
            "end": [iso(moment) for moment in self.end] if self.end else None,
            "at_risk": self.at_risk,
            "chance": float(f"{self.chance:.6g}"),
            "log10_lr": self.log10_lr,
            "places": list(self.places),
            "networks": list(self.networks),
            "heard": list(self.heard),
            "is_ours_excluded": self.is_ours_excluded,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class History:
    """The slots in which one vantage could fall silent, by their place among the slots of all, and its silences."""

    at_risk: tuple[int, ...]
    spells: Mapping[int, Spell]

    def rate(self, window: int, times: Sequence[datetime]) -> float:
        """Give an upper bound on its rate of falling silent in one slot, from its history outside the window."""
        first, last = bisect_left(self.at_risk, window), bisect_right(self.at_risk, window + TOGETHER - 1)
        risk = [*self.at_risk[:first], *self.at_risk[last:]]
        fell = [slot for slot in risk if slot in self.spells]
        rate = max(LOWEST_RATE, upper_bound(len(fell), len(risk)))
        if any(_is_same_hour(times[slot], times[window]) for slot in fell):
            then = [slot for slot in risk if _is_same_hour(times[slot], times[window])]
            rate = max(rate, (sum(slot in self.spells for slot in then) + 0.5) / (len(then) + 1))
        return rate


def silences(grid: Grid) -> tuple[Silence, ...]:
    """Give every silence of at least three vantages in two places that fell silent together, in order of onset."""
    if grid.end is None:
        return ()
    times = sorted({minute_of(one.slot_at) for line in grid.lines.values() for one in line.rounds})
    place_of = {at: place for place, at in enumerate(times)}
    histories = {
        name: History(
            tuple(
                place_of[minute_of(after.slot_at)]
                for before, after in zip(line.rounds, line.rounds[1:], strict=False)
                if before.is_heard
            ),
            {place_of[minute_of(spell.first)]: spell for spell in spells_of(line, grid.end)},
        )
        for name, line in grid.lines.items()
    }
    falling: dict[int, set[str]] = defaultdict(set)
    for name, history in histories.items():
        if not grid.lines[name].vantage.is_sentinel:
            for slot in history.spells:
                falling[slot].add(name)
    looks = len({slot for history in histories.values() for slot in history.at_risk})
    windows = {max(slot - back, 0) for slot in falling for back in range(TOGETHER)}
    found: list[Silence] = []
    taken: set[Spell] = set()
    for window in sorted(windows, key=lambda w: (-sum(len(falling.get(w + i, ())) for i in range(TOGETHER)), w)):
        inside = range(window, window + TOGETHER)
        spells = [histories[name].spells[slot] for slot in inside for name in sorted(falling.get(slot, ()))]
        group = [spell for spell in spells if spell not in taken]
        vantages = [grid.lines[spell.vantage_id].vantage for spell in group]
        if len(group) >= FEWEST_VANTAGES and len(places_of(vantages)) >= FEWEST_PLACES:
            taken.update(group)
            found.append(_silence(grid, group, histories, inside, times, looks))
    return tuple(sorted(found, key=lambda silence: (silence.onset[1], silence.vantages)))


def minute_of(at: datetime) -> datetime:
    """Give the minute of a slot: slots stand on minutes, and hand-made ones that are seconds apart are one."""
    return at.replace(second=0, microsecond=0)


def _is_same_hour(one: datetime, other: datetime) -> bool:
    apart = (one - other) % _DAY
    return min(apart, _DAY - apart) <= SAME_HOUR and abs(one - other) > _DAY / 2


def places_of(vantages: Iterable[VantageFacts]) -> tuple[str, ...]:
    """Give the places that are known to differ. A region that nobody wrote down may be any other of its country."""
    regions: dict[str, set[str]] = defaultdict(set)
    for vantage in vantages:
        regions[vantage.country].update({vantage.region} if vantage.region else ())
    return tuple(
        sorted(name for country, some in regions.items() for name in ({f"{country} {r}" for r in some} or {country}))
    )


def _silence(
    grid: Grid,
    group: Sequence[Spell],
    histories: Mapping[str, History],
    inside: range,
    times: Sequence[datetime],
    looks: int,
) -> Silence:
    chances = [
        1 - (1 - history.rate(inside.start, times)) ** TOGETHER
        for name, history in sorted(histories.items())
        if not grid.lines[name].vantage.is_sentinel and any(slot in history.at_risk for slot in inside)
    ]
    chance = min(1.0, at_least(len(group), chances) * looks)
    heard, doubt = _check_on_us(grid, group, times[inside.start : inside.stop])
    vantages = [grid.lines[name].vantage for name in sorted(spell.vantage_id for spell in group)]
    places = places_of(vantages)
    first = min(spell.first for spell in group)
    returns = [spell.heard_after for spell in group if spell.heard_after is not None]
    return Silence(
        vantages=tuple(vantage.vantage_id for vantage in vantages),
        onset=(max(spell.heard_before for spell in group if spell.heard_before < first), first),
        end=(max(spell.last for spell in group), max(returns)) if len(returns) == len(group) else None,
        at_risk=len(chances),
        chance=chance,
        log10_lr=0.0 if doubt else round(min(MOST_LOG10_LR, log10_e(chance)), 6),
        places=places,
        networks=tuple(sorted({vantage.network for vantage in vantages if vantage.network})),
        heard=heard,
        is_ours_excluded=not doubt,
        text=f"{len(group)} of {len(chances)} vantages, in {len(places)} places, fell silent within {TOGETHER} slots; "
        f"by coincidence, such a thing is seen with a chance of {chance:.2g} at most."
        + (f" {doubt}" if doubt else f" {len(heard)} others were heard meanwhile."),
    )


def _check_on_us(grid: Grid, group: Sequence[Spell], times: Sequence[datetime]) -> tuple[tuple[str, ...], str]:
    """Tell who else was heard meanwhile, and why the silence may be our own doing: empty where it cannot be."""
    silent = {spell.vantage_id for spell in group}
    heard: list[str] = []
    versions: set[str] = set()
    has_sentinel_fallen = False
    for name, line in grid.lines.items():
        then = [one for one in line.rounds if minute_of(one.slot_at) in times]
        before = [one for one in line.rounds if one.slot_at < times[0]][-1:]
        if then and all(one.is_heard for one in then) and name not in silent:
            heard.append(name)
            versions.update(one.ran.software_version for one in (*before, *then) if one.ran is not None)
        elif then and line.vantage.is_sentinel and any(one.is_heard for one in before):
            has_sentinel_fallen = True
    fallen = {spell.software_version for spell in group}
    if has_sentinel_fallen:
        return tuple(heard), "A sentinel fell silent too: it may be our own collector."
    if not heard:
        return (), "Nobody else was heard: it may be our own collector."
    if len(fallen) == 1 and versions and not fallen & versions:
        return tuple(heard), "They all ran one version of the software, and nobody who was heard did: it may be that."
    return tuple(heard), ""
