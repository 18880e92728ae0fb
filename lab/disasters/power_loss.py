"""Cuts the mains of power domains: what they feed dies once its battery has run down, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import Fate
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLoss:
    """The disaster."""

    domains: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        for domain in self.domains:
            fed = moment.topology.powered_by(domain)
            if not fed:
                raise LookupError(domain)
            for node, battery_s in fed.items():
                if moment.elapsed.total_seconds() < battery_s:
                    continue
                conditions = conditions.with_fate(node, Fate.SILENT)
                if node in moment.topology.hosts:
                    conditions = conditions.with_asleep(node)
        return conditions


RECORD = Record(PowerLoss, {"domains": required(ListOf(LABEL, at_least=1))})
