"""Where on the path something acts on a name: from ladders of hop limits to an interval of hops.

A packet that dies at hop n shows what stands before it and nothing behind. So
the smallest hop limit at which the target's name brings a reset, an answer or
silence, where the control's name brought the router's word, is where the box
stands. Ladders at different places must agree.

*In the path*: nothing of the packet goes on; no router beyond says a word.
*Beside it*: the router's word comes as well as the forged answer. Boxes that
copy the hop limit of what they answer are heard from twice their distance on
only; they give themselves away by being silenced when packets with few hops
left are refused.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probe.model import NameKind
from probe.rungs import ENOUGH_SILENCE, Seen, seen_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.facts import MeasurementFacts, Step

TECHNIQUE = "locus"
ENOUGH_LADDERS = 3
"""That say the same; and more than half of those that were climbed."""

ENOUGH_FILTERED = 2
"""Packets whose answer must have been refused for its few hops: one may have been lost."""

_ACTS = frozenset({Seen.ENDED, Seen.ANSWERED})


@dataclass(slots=True)
class Ladder:
    """One run: what each rung brought, for the control's name and the target's."""

    control: dict[int, Step] = field(default_factory=dict)
    target: dict[int, Step] = field(default_factory=dict)

    @property
    def distance(self) -> int | None:
        """The smallest hop limit at which the peer answered the control's name."""
        return min((rung for rung, step in self.control.items() if _seen(step) in _ACTS), default=None)

    def expected(self, rung: int) -> Seen | None:
        """What the control's name brought so far; beyond the peer, what it brought there."""
        distance = self.distance
        step = self.control.get(rung if distance is None else min(rung, distance))
        return None if step is None else _seen(step)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one ladder says: something acts behind hop ``after``, and before or at hop ``before``."""

    after: int
    before: int
    act: Seen
    is_in_path: bool | None
    """``None`` where it cannot be told."""
    is_copying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Locus:
    """What the ladders of one name say together."""

    name_kind: str
    after: int
    before: int
    distance: int | None
    """Hops to the peer."""
    is_in_path: bool | None
    is_copying: bool
    agreeing: int
    ladders: int
    neighbours: tuple[str, ...]
    """Addresses of the nearest routers that answered on either side, where they may be known."""
    steps: tuple[Step, ...]


def locus_of(measurement: MeasurementFacts) -> Locus | None:
    """Give where something acts on the target's name; ``None`` where the ladders do not agree on it."""
    for kind in NameKind:
        steps = [s for s in measurement.of_look(TECHNIQUE) if (s.variant or "").startswith(f"{kind.value}/")]
        found = _together(kind.value, steps) if steps else None
        if found is not None:
            return found
    return None


def _together(kind: str, steps: Iterable[Step]) -> Locus | None:
    ladders: dict[str, Ladder] = defaultdict(Ladder)
    routers: dict[int, str] = {}
    beyond: dict[str, list[Seen]] = defaultdict(list)
    searched: dict[int, Seen] = {}
    for step in steps:
        _, what, number = (step.variant or "//").split("/", 2)
        if what == "path":
            if step.hop_limit is not None and step.address is not None:
                routers[step.hop_limit] = step.address
        elif number == "search" and step.hop_limit is not None:
            searched[step.hop_limit] = _seen(step)
        elif not number.isdecimal():
            beyond[number].append(_seen(step))
        elif step.hop_limit is not None:
            getattr(ladders[number], "control" if what == "control" else "target")[step.hop_limit] = step
    found = {number: finding for number, ladder in ladders.items() if (finding := _finding(ladder)) is not None}
    if not found:
        return None
    (after, before), count = Counter((one.after, one.before) for one in found.values()).most_common(1)[0]
    if count < ENOUGH_LADDERS or 2 * count <= len(ladders):
        return None
    agreeing = {number: one for number, one in found.items() if (one.after, one.before) == (after, before)}
    ways = Counter(one.is_in_path for one in agreeing.values() if one.is_in_path is not None)
    is_in_path = ways.most_common(1)[0][0] if ways else None
    is_copying = any(one.is_copying for one in agreeing.values()) or _is_silent_then_heard(agreeing.values(), beyond)
    heard_from = _heard_from(searched, before) if is_copying else None
    if _is_heard_then_silenced(agreeing.values(), beyond):
        is_copying, heard_from = True, before
        is_in_path = is_in_path or None  # the router's word may be about what was forged towards the peer
    if heard_from is not None:  # what is forged goes back as far as we came: it is heard from twice the distance on
        after, before = (heard_from - 1) // 2, (heard_from + 2) // 2
    distances = [ladder.distance for ladder in ladders.values() if ladder.distance is not None]
    return Locus(
        name_kind=kind,
        after=after,
        before=before,
        distance=min(distances, default=None),  # those that began beyond the peer give more
        is_in_path=is_in_path,
        is_copying=is_copying,
        agreeing=count,
        ladders=len(ladders),
        neighbours=_neighbours(routers, after, before),
        steps=tuple(
            step
            for number in agreeing
            for step in (*ladders[number].control.values(), *ladders[number].target.values())
        ),
    )


def _finding(ladder: Ladder) -> Finding | None:
    """Read one ladder."""
    if any(_seen(step) is Seen.UNCONNECTED for step in ladder.control.values()):
        return None
    passed, quiet = 0, list[int]()
    for rung in sorted(ladder.target):
        step, expected = ladder.target[rung], ladder.expected(rung)
        seen = _seen(step)
        if seen is Seen.UNCONNECTED:  # punished for the rung before, as many censors do
            return _silent(ladder, passed, quiet, 1)
        if seen in _ACTS and seen is not expected:
            silent = _silent(ladder, passed, quiet, 1)
            if silent is not None:
                return Finding(silent.after, silent.before, seen, is_in_path=True, is_copying=True)
            after = rung - 1 if rung == 1 or rung - 1 in ladder.target else passed
            is_told = expected is Seen.DROPPED
            return Finding(after, rung, seen, is_in_path=not step.icmp_errors if is_told else None)
        if seen is Seen.DROPPED:
            passed = rung
        if seen is not Seen.SILENT:
            quiet.clear()
        elif expected not in {Seen.SILENT, None}:
            quiet.append(rung)
    return _silent(ladder, passed, quiet, ENOUGH_SILENCE)


def _silent(ladder: Ladder, passed: int, quiet: list[int], enough: int) -> Finding | None:
    """Give the finding of rungs that stayed silent, if there are enough and the first is before the peer."""
    distance = ladder.distance
    if len(quiet) < enough or (distance is not None and quiet[0] >= distance):
        return None
    return Finding(passed, quiet[0], Seen.SILENT, is_in_path=True)


def _is_heard_then_silenced(found: Iterable[Finding], beyond: dict[str, list[Seen]]) -> bool:
    """Tell whether what was heard at the hop is not, once packets with few hops left are refused."""
    filtered = [seen for seen in beyond["filtered"] if seen is not Seen.UNCONNECTED]
    acts = {one.act for one in found}
    return (
        len(filtered) >= ENOUGH_FILTERED
        and acts <= _ACTS
        and not any(one.is_copying for one in found)
        and not acts & set(filtered)
    )


def _is_silent_then_heard(found: Iterable[Finding], beyond: dict[str, list[Seen]]) -> bool:
    """Tell whether a box that is silent at the hop is heard by who sends with all hops: its word died on its way."""
    whole = [seen for seen in beyond["whole"] if seen is not Seen.UNCONNECTED]
    return all(one.act is Seen.SILENT for one in found) and bool(whole) and all(seen is Seen.ENDED for seen in whole)


def _heard_from(searched: dict[int, Seen], silent: int) -> int | None:
    """Give the smallest hop limit from which a box was heard, where it was silent one hop before."""
    heard = [rung for rung, seen in searched.items() if seen in _ACTS]
    first = min(heard, default=None)
    return first if first is not None and first - 1 in {silent, *searched} else None


def _neighbours(routers: dict[int, str], after: int, before: int) -> tuple[str, ...]:
    nearer = max((hop for hop in routers if hop <= after), default=None)
    further = min((hop for hop in routers if hop >= before), default=None)
    return tuple(routers[hop] for hop in (nearer, further) if hop is not None)


def _seen(step: Step) -> Seen:
    return seen_of(step.operation, step.failure, (step.icmp_type, step.icmp_code))
