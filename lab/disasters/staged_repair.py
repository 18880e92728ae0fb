"""Cuts links and mends them one after the other, in their order; what is mended relapses once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import duration

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedRepair:
    """The disaster."""

    links: tuple[str, ...]
    every_s: float
    """Until the first is mended, and from each to the next."""
    relapse_s: float = 0.0
    """How long each is down again, half a turn after it was mended."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        since_s = moment.elapsed.total_seconds()
        for position, link in enumerate(self.links, 1):
            up_for_s = since_s - position * self.every_s
            is_relapsed = 0 <= up_for_s - self.every_s / 2 < self.relapse_s
            if up_for_s < 0 or is_relapsed:
                conditions = conditions.with_link(link, is_up=False)
        return conditions


RECORD = Record(
    StagedRepair,
    {
        "links": required(ListOf(LINK_NAME, at_least=1)),
        "every": required(duration("1m", "30d"), into="every_s"),
        "relapse": optional(duration("1m", "7d"), into="relapse_s"),
    },
)
