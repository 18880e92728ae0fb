"""Stops routers: they carry nothing, and their neighbours see it. For a reboot, say `within`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import Fate
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterDead:
    """The disaster."""

    routers: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        for router in self.routers:
            if router not in moment.topology.routers:
                raise LookupError(router)
            conditions = conditions.with_fate(router, Fate.SILENT)
        return conditions


RECORD = Record(RouterDead, {"routers": required(ListOf(LABEL, at_least=1))})
