"""Puts spells together that are one event, by when they began.

Nobody looked in between, so an onset is an interval: two spells began together
when their intervals overlap. An order is carried out by one operator after the
other (Egypt 2011 within minutes, Iran 2019 over a day): a spell that begins
while others of its kind last, and within a day of the one before, is theirs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause
from analysis.runs import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.events.spells import Spell

ONSET_TOLERANCE = WINDOW
"""Onsets so far apart still count as one: an `ok` under a half-rate rule does not show that the rule was not there."""

ROLLOUT = timedelta(hours=24)
"""From one operator to the next. Iran's operators took so long in 2019."""

ROLLED_OUT = frozenset({Cause.SELECTIVE_BLOCKING, Cause.THROTTLING, Cause.TAMPERING})
"""What operators do one after the other. A site that dies does so for everybody at once."""


@dataclass(slots=True)
class _Group:
    """Spells taken for one event, with the interval in which all that began together may have begun."""

    spells: list[Spell]
    onset_after: datetime | None
    onset_before: datetime
    latest_onset: datetime
    lasts_until: datetime

    def can_take(self, spell: Spell) -> bool:
        """Tell whether the spell may have begun with the rest, or after them, and while they may have lasted."""
        if spell.onset_before > self.lasts_until:
            return False
        if spell.cause in ROLLED_OUT and spell.onset_before - self.latest_onset <= ROLLOUT:
            return True
        after = max((t for t in (self.onset_after, spell.onset_after) if t), default=None)
        return after is None or after < min(self.onset_before, spell.onset_before) + ONSET_TOLERANCE

    def take(self, spell: Spell) -> None:
        """Add a spell."""
        self.spells.append(spell)
        self.onset_after = max((t for t in (self.onset_after, spell.onset_after) if t), default=None)
        self.onset_before = min(self.onset_before, spell.onset_before)
        self.latest_onset = max(self.latest_onset, spell.onset_before)
        self.lasts_until = max(self.lasts_until, lasts_until(spell.end_before))


def lasts_until(end_before: datetime | None) -> datetime:
    """Give the latest moment at which something may still have lasted."""
    return end_before or datetime.max.replace(tzinfo=UTC)


def merge(spells: Iterable[Spell]) -> list[list[Spell]]:
    """Put spells together that may be one event, the earliest onset first."""
    keyed: dict[tuple[str, ...], list[_Group]] = defaultdict(list)
    for spell in sorted(spells, key=lambda s: (s.onset_before, s.vantage.vantage_id, s.target)):
        groups = keyed[_key(spell)]
        fitting = next((group for group in groups if group.can_take(spell)), None)
        if fitting is not None:
            fitting.take(spell)
        else:
            lasts = lasts_until(spell.end_before)
            groups.append(_Group([spell], spell.onset_after, spell.onset_before, spell.onset_before, lasts))
    return [group.spells for key in sorted(keyed) for group in keyed[key]]


def _key(spell: Spell) -> tuple[str, ...]:
    """Give what the spells of one event have in common, beside their time."""
    cause, vantage = spell.cause, spell.vantage
    if cause is Cause.VANTAGE_LOCAL:
        return (cause, vantage.vantage_id)
    if cause is Cause.TARGET_DOWN:
        return (cause, spell.service)  # it is down for all countries
    return (cause, spell.service, vantage.country)
