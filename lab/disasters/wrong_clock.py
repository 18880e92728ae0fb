"""Sets hosts' clocks wrong: ahead of the true time, or behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, UnfitError, optional, required
from probe.schedule.yaml_scalars import duration

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongClock:
    """The disaster."""

    hosts: tuple[str, ...]
    ahead_s: float
    """Below zero: behind."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for host in self.hosts:
            conditions = conditions.with_clock_error(host, timedelta(seconds=self.ahead_s))
        return conditions


def _wrong_clock(*, hosts: tuple[str, ...], ahead_s: float = 0.0, behind_s: float = 0.0) -> WrongClock:
    if (ahead_s > 0) == (behind_s > 0):
        raise UnfitError("ahead", "either how far the clock is ahead or how far it is behind")
    return WrongClock(hosts=hosts, ahead_s=ahead_s - behind_s)


RECORD = Record(
    _wrong_clock,
    {
        "hosts": required(ListOf(LABEL, at_least=1)),
        "ahead": optional(duration("1s", "9000d"), into="ahead_s"),
        "behind": optional(duration("1s", "9000d"), into="behind_s"),
    },
)
