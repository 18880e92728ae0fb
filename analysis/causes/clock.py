"""The clock: shown as context, and never decisive.

Orders often begin on the hour: 78 % of labelled deliberate outages against 17 %
of damage, but 47 % against 19 % with one vote a country. How long it lasted does
not tell them apart.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.ledger import Entry
from analysis.times import iso

if TYPE_CHECKING:
    from analysis.causes.happening import Happening, Known

MOST = 0.4
"""Bound on what channel C may say together."""

ON_THE_HOUR = 0.47
BY_CHANCE = 0.19
"""Shares of orders and of damage that begin on the hour, one vote a country."""

WIDEST = timedelta(minutes=20)
"""An onset that is known no better may be on the hour or not."""

_NEAR = timedelta(minutes=2)
"""Clocks of probes, and of those who obey, are off by so much."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give where the onset stands on the clock, and how long it lasted."""
    del known
    found: list[Entry] = []
    rows = tuple(row for outage in happening.outages for row in outage.witness)
    after, before = happening.last_good, happening.first_bad
    if after is not None and before - after <= WIDEST:
        # Zones differ from UTC by whole hours, or by halves and quarters: only what is true of both is said.
        hour = (before + _NEAR).replace(minute=0, second=0, microsecond=0)
        is_on = after - _NEAR <= hour <= before + _NEAR
        chance = min(1.0, (before - after + 2 * _NEAR) / timedelta(hours=1))
        odds = max(ON_THE_HOUR, chance) / max(BY_CHANCE, chance)
        weight = round(min(MOST, math.log10(odds)), 6) if is_on else 0.0
        word = "may have begun" if is_on else "did not begin"
        text = f"It {word} on the hour (UTC), between {iso(after)} and {iso(before)}. Shown, and never decisive."
        found.append(Entry("C", "clock.hour", weight, rows, text))
    if happening.is_over:
        hours = (happening.lasts_until - before) / timedelta(hours=1)
        text = f"It lasted {hours:.1f} hours at most. How long it lasts tells no order from damage."
        found.append(Entry("C", "clock.duration", 0.0, rows, text))
    return tuple(found)
