"""Makes links lose a share of their packets, in bursts (a Gilbert-Elliott chain)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import number

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstLoss:
    """The disaster."""

    links: tuple[str, ...]
    loss: float
    burst_packets: float | None = None

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_link(link, loss=self.loss, loss_burst_packets=self.burst_packets)
        return conditions


RECORD = Record(
    BurstLoss,
    {
        "links": required(ListOf(LINK_NAME, at_least=1)),
        "loss": required(number(0, 0.95)),
        "burst_packets": optional(number(1, 1000)),
    },
)
