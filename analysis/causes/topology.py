"""Faults alone: every set of few fallen elements, and what it explains (M_D).

A noisy-OR: a vote fails where the fallen elements cut it off, but for a miss, and now
and then without any cause, by a leak (:mod:`analysis.causes.likelihood`). All names
behind an element fail alike. All sets of at most three elements are tried, of those
that stand on the way of something that failed.

Some elements stand in no file and are added from the votes (:func:`_unlisted`): the
place itself; what lines may share that nobody documented as independent; and, where
names are asked about, the far end. What nobody knows, and power, take just those
vantages that failed, and no living one contradicts them: batteries last differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.causes.likelihood import log_likelihood, masses
from analysis.causes.plant import MOST_FALLEN, Element, Kind, cuts
from analysis.causes.votes import failing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes.plant import Plant
    from analysis.causes.votes import Vote
    from analysis.facts import VantageFacts

    Mask = NDArray[np.bool_]
    Cut = frozenset[Element]

_UNLISTED: Final = frozenset({Kind.UNKNOWN, Kind.PLACE, Kind.FAR})

MOST_CANDIDATES: Final = 24
"""Elements of which all triples are tried, those that explain most by themselves: 2,324 sets."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """One element that may have fallen; several, where each alone would explain the same."""

    either: tuple[Element, ...]

    @property
    def odds(self) -> float:
        """Give the odds that it is down."""
        return float(sum(element.prior / (1.0 - element.prior) for element in self.either))

    @property
    def text(self) -> str:
        """Name it."""
        return " or ".join(element.name for element in self.either[:3]) + (" or …" if len(self.either) > 3 else "")


@dataclass(frozen=True)
class Faults:
    """Every set of few fallen elements, with what it explains."""

    fallen: tuple[Fallen, ...]
    members: NDArray[np.intp]
    """A row a set: its members' places in ``fallen``, filled up with ``len(fallen)``."""
    log_odds: NDArray[np.float64]
    """Of each set, against nothing having fallen."""
    masks: Mask
    """A row a set: the votes that it explains."""
    log_nothing: float
    """That nothing has fallen of all that anybody hangs on."""

    @property
    def size(self) -> NDArray[np.intp]:
        """Give of each set how many elements it has; the sets stand in this order."""
        return np.asarray((self.members < len(self.fallen)).sum(axis=1))

    def of(self, row: int) -> tuple[Fallen, ...]:
        """Give the members of one set."""
        return tuple(self.fallen[place] for place in self.members[row] if place < len(self.fallen))


def faults_of(votes: Sequence[Vote], plant: Plant) -> Faults:
    """Give every set of one to three elements that something which failed hangs on."""
    found: dict[Cut, Mask] = {}
    for cut, mask in (*_listed(votes, plant), *_unlisted(votes, plant)):
        found[cut] = found[cut] | mask if cut in found else mask
    everything = sorted({element for cut in found for element in cut})
    failed = masses(votes)[:, 0]
    candidates = frozenset().union(*(cut for cut, mask in found.items() if (failed * mask).sum() > 0))
    touching = {cut: mask for cut, mask in found.items() if cut <= candidates}
    fallen, cut_masks = _kept(*_merged(touching), votes)
    members, cover = _all_sets(len(fallen), cut_masks, len(votes))
    log_odds = np.log([*(one.odds for one in fallen), 1.0])
    return Faults(
        fallen=fallen,
        members=members,
        log_odds=log_odds[members].sum(axis=1),
        masks=cover,
        log_nothing=float(np.log1p([-element.prior for element in everything]).sum()),
    )


def _listed(votes: Sequence[Vote], plant: Plant) -> Iterator[tuple[Cut, Mask]]:
    """Give the cuts of what the plant says that each vote needs, with the votes that each cuts off."""
    failed_at = set(failing(votes))
    of_failing = np.array([vote.vantage in failed_at for vote in votes])
    at: dict[tuple[VantageFacts, bool], list[int]] = {}
    for place, vote in enumerate(votes):
        at.setdefault((vote.vantage, vote.is_home), []).append(place)
    found: dict[Cut, Mask] = {}
    for (vantage, is_home), places in at.items():
        for need in plant.needs_of(vantage, is_home=is_home):
            for cut in cuts(need):
                found.setdefault(cut, np.zeros(len(votes), dtype=np.bool_))[places] = True
    for cut, mask in found.items():
        yield cut, mask & of_failing if any(element.kind is Kind.POWER for element in cut) else mask


def _unlisted(votes: Sequence[Vote], plant: Plant) -> Iterator[tuple[Cut, Mask]]:
    """Give the elements that no file lists, with the votes that each cuts off."""
    for country, place in sorted({(vote.vantage.country, vote.vantage.region or "") for vote in votes}):
        if place:
            here = [(vote.vantage.country, vote.vantage.region) == (country, place) for vote in votes]
            yield _one(Kind.PLACE, f"something that struck {place} ({country})"), np.array(here)
    for group in plant.groups_that_may_share(failing(votes)):
        name = f"something that {', '.join(vantage.vantage_id for vantage in group)} may share"
        theirs = np.array([vote.vantage in group for vote in votes])
        abroad = theirs & np.array([not vote.is_home for vote in votes])
        yield _one(Kind.UNKNOWN, name), theirs
        if (abroad != theirs).any():
            yield _one(Kind.UNKNOWN, f"{name} on the way abroad"), abroad
    ends = {vote.address_blocks or (vote.target,): None for vote in votes if vote.target}
    for end in ends:
        there = np.array([(vote.address_blocks or (vote.target,)) == end for vote in votes])
        yield from _far_end(f"what serves {', '.join(end)}", there, votes)
    for service in sorted({vote.service for vote in votes if vote.target}):
        yield from _far_end(f"the platform of {service}", np.array([vote.service == service for vote in votes]), votes)


def _far_end(name: str, there: Mask, votes: Sequence[Vote]) -> Iterator[tuple[Cut, Mask]]:
    """Give what may fail at a far end: for everybody, for one country, for the customers of one network."""
    yield _one(Kind.FAR, name), there
    for country in sorted({vote.vantage.country for vote in votes}):
        of_country = np.array([vote.vantage.country == country for vote in votes])
        yield _one(Kind.FAR, f"{name} towards {country}"), there & of_country
    for network in sorted({vote.vantage.network or "" for vote in votes}):
        of_network = np.array([(vote.vantage.network or "") == network for vote in votes])
        yield _one(Kind.FAR, f"{name} towards {network or 'an unknown network'}"), there & of_network


def _one(kind: Kind, name: str) -> Cut:
    return frozenset({Element(name, kind)})


def _merged(found: Mapping[Cut, Mask]) -> tuple[list[Fallen], list[tuple[frozenset[int], Mask]]]:
    """Put elements together whose fall would look the same; give them, and the cuts by their places."""
    joint = {element for cut in found if len(cut) > 1 for element in cut}
    alike: dict[bytes, list[Element]] = {}
    alone = sorted({element for cut in found for element in cut})
    for element in alone:
        mask = found.get(frozenset({element}))
        key = mask.tobytes() if mask is not None and element not in joint else repr(element.name).encode()
        alike.setdefault(key, []).append(element)
    fallen = [Fallen(_listed_first(either)) for either in alike.values()]
    place_of = {element: place for place, either in enumerate(alike.values()) for element in either}
    cuts_by_place = {frozenset(place_of[e] for e in cut): mask for cut, mask in sorted(found.items(), key=_cut_order)}
    return fallen, list(cuts_by_place.items())


def _listed_first(either: Sequence[Element]) -> tuple[Element, ...]:
    """Leave out what is unlisted where something listed explains the same: it only stands in for that."""
    listed = tuple(element for element in either if element.kind not in _UNLISTED)
    return listed or (either[0],)


def _cut_order(item: tuple[Cut, Mask]) -> tuple[int, list[Element]]:
    return len(item[0]), sorted(item[0])


def _kept(
    fallen: list[Fallen], cut_masks: list[tuple[frozenset[int], Mask]], votes: Sequence[Vote]
) -> tuple[tuple[Fallen, ...], list[tuple[frozenset[int], Mask]]]:
    """Keep those that explain most, each by the best cut that it is in."""
    if len(fallen) <= MOST_CANDIDATES:
        return tuple(fallen), cut_masks
    weights = masses(votes)
    best = dict.fromkeys(range(len(fallen)), -np.inf)
    for cut, mask in cut_masks:
        odds = sum(np.log(fallen[place].odds) for place in cut)
        score = float(odds + log_likelihood(mask @ weights, weights.sum(axis=0)))
        for place in cut:
            best[place] = max(best[place], score)
    chosen = sorted(sorted(best, key=lambda place: (-best[place], fallen[place].either))[:MOST_CANDIDATES])
    now_at = {place: number for number, place in enumerate(chosen)}
    kept = [(frozenset(now_at[p] for p in cut), mask) for cut, mask in cut_masks if cut <= now_at.keys()]
    return tuple(fallen[place] for place in chosen), kept


def _all_sets(count: int, cut_masks: list[tuple[frozenset[int], Mask]], votes: int) -> tuple[NDArray[np.intp], Mask]:
    """Give every set of one to three of so many elements, and what each cuts off."""
    rows = [
        (*chosen, *[count] * (MOST_FALLEN - size))
        for size in range(1, MOST_FALLEN + 1)
        for chosen in combinations(range(count), size)
    ]
    members = np.array(rows, dtype=np.intp).reshape(len(rows), MOST_FALLEN)
    alone = np.zeros((count + 1, votes), dtype=np.bool_)
    for cut, mask in cut_masks:
        if len(cut) == 1:
            alone[min(cut)] = mask
    cover = alone[members[:, 0]]
    for column in range(1, MOST_FALLEN):
        cover |= alone[members[:, column]]
    for cut, mask in cut_masks:
        if len(cut) > 1:
            has_all = np.logical_and.reduce([(members == place).any(axis=1) for place in cut])
            cover[has_all] |= mask
    return members, cover
