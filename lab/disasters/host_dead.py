"""Stops hosts from serving: silent (no power), unreachable (their router says so), or refusing (services down)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import Fate
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import scalar

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDead:
    """The disaster."""

    hosts: tuple[str, ...]
    fate: Fate = Fate.SILENT

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for host in self.hosts:
            conditions = conditions.with_fate(host, self.fate)
        return conditions


RECORD = Record(
    HostDead,
    {
        "hosts": required(ListOf(LABEL, at_least=1)),
        "fate": optional(scalar(Fate, f"one of {', '.join(Fate)}")),
    },
)
