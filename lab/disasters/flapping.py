"""Lets links go up and down within seconds; routers do not follow so fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, required
from probe.schedule.yaml_scalars import duration

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Flapping:
    """The disaster."""

    links: tuple[str, ...]
    up_s: float
    down_s: float

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_link(link, flapping_s=(self.up_s, self.down_s))
        return conditions


RECORD = Record(
    Flapping,
    {
        "links": required(ListOf(LINK_NAME, at_least=1)),
        "up": required(duration("100ms", "10m"), into="up_s"),
        "down": required(duration("100ms", "10m"), into="down_s"),
    },
)
