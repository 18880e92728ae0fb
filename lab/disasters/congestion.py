"""Congests links: loss, delay and jitter grow to their full size over a while, for everybody alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import duration, number

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Congestion:
    """The disaster."""

    links: tuple[str, ...]
    loss: float
    delay_ms: float = 0.0
    """At its worst, beside the link's own."""
    jitter_ms: float = 0.0
    ramp_s: float = 0.0
    """Until it is at its worst."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        share = 1.0 if not self.ramp_s else min(1.0, moment.elapsed.total_seconds() / self.ramp_s)
        for link in self.links:
            before = conditions.links.get(link)
            if before is None:
                raise LookupError(link)
            conditions = conditions.with_link(
                link,
                loss=max(before.loss, share * self.loss),
                delay_s=before.delay_s + share * self.delay_ms / 1000,
                jitter_s=before.jitter_s + share * self.jitter_ms / 1000,
            )
        return conditions


RECORD = Record(
    Congestion,
    {
        "links": required(ListOf(LINK_NAME, at_least=1)),
        "loss": required(number(0, 0.95)),
        "delay_ms": optional(number(0, 2000)),
        "jitter_ms": optional(number(0, 2000)),
        "ramp": optional(duration("1s", "7d"), into="ramp_s"),
    },
)
