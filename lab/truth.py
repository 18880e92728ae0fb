"""What is true: of one vantage and target in one slot, and of the event that this belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.evaluate.truth import TrueEvent
from lab.during import ALWAYS, During

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from probe.model import Target


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
    cause: str | None = None
    """``None`` where nothing happened."""
    accept_causes: frozenset[str] = frozenset()
    """Weaker causes that are honest as well."""
    event: str | None = None
    """Name of the event that it is a part of; without one it is an event by itself."""

    def concerns(self, vantage: str, target: Target, number: int, slots: Sequence[datetime]) -> bool:
        """Tell whether it speaks of a vantage, a target and a slot."""
        is_vantage = not self.vantages or vantage in self.vantages
        is_target = not self.targets or bool({target.name, target.service} & self.targets)
        return is_vantage and is_target and self.during.holds(number, slots)


OK: Final = Truth(state="ok")


def events_of(
    truths: Iterable[Truth], vantages: Sequence[str], targets: Sequence[Target], slots: Sequence[datetime]
) -> tuple[TrueEvent, ...]:
    """Put together the events that the entries of a truth speak of, in the order of their onset.

    Entries of one event name make one event, whose scope is theirs together; it
    begins with the first of them and ends with the last.
    """
    parts: dict[str, list[Truth]] = {}
    for position, truth in enumerate(truths):
        if truth.cause is not None and any(truth.during.holds(number, slots) for number in range(1, len(slots) + 1)):
            parts.setdefault(truth.event or f"{truth.cause} {position + 1}", []).append(truth)
    found = [_event(name, members, vantages, targets, slots) for name, members in parts.items()]
    return tuple(sorted(found, key=lambda event: (event.onset, event.name)))


def _event(
    name: str, parts: list[Truth], vantages: Sequence[str], targets: Sequence[Target], slots: Sequence[datetime]
) -> TrueEvent:
    named = [{t.name for t in targets if not part.targets or {t.name, t.service} & part.targets} for part in parts]
    endings = [part.during.ending(slots) for part in parts]
    return TrueEvent(
        name=name,
        cause=next(part.cause for part in parts if part.cause is not None),
        vantages=frozenset().union(*(part.vantages or vantages for part in parts)),
        targets=frozenset().union(*named),
        onset=min(part.during.onset(slots) for part in parts),
        end=None if None in endings else max(ending for ending in endings if ending is not None),
        mechanisms=frozenset(part.mechanism for part in parts if part.mechanism is not None),
        accept=frozenset().union(*(part.accept_causes for part in parts)),
    )
