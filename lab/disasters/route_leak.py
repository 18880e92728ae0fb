"""Lets somebody advertise links at a cost that is not theirs, so that traffic takes a way it should not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, required
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLeak:
    """The disaster."""

    links: tuple[str, ...]
    cost: int

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_cost(link, self.cost)
        return conditions


RECORD = Record(
    RouteLeak, {"links": required(ListOf(LINK_NAME, at_least=1)), "cost": required(integer(1, 1_000_000_000))}
)
