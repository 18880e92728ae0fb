"""Shuts networks off from each other and the world, all at once or one operator after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.borders import closed
from lab.yaml_values import LABEL, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import duration

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """The order."""

    networks: tuple[str, ...]
    """In the order in which they obey."""
    over_s: float = 0.0
    """From the first that obeys to the last, evenly."""
    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    """What stays in reach."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        for position, network in enumerate(self.networks):
            obeys_after_s = position * self.over_s / max(1, len(self.networks) - 1)
            if moment.elapsed.total_seconds() >= obeys_after_s:
                conditions = conditions.with_boxes(closed(moment, [network], allow=self.allow))
        return conditions


RECORD = Record(
    Shutdown,
    {
        "networks": required(ListOf(LABEL, at_least=1)),
        "over": optional(duration("1m", "30d"), into="over_s"),
        "allow": optional(ListOf(PREFIX, at_least=1)),
    },
)
