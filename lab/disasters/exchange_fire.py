"""Burns an exchange: its routers are dead, and every host that hangs on them is cut off or gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import Fate
from lab.disasters.router_dead import RouterDead
from lab.topology import Role
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFire:
    """The disaster."""

    routers: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        conditions = RouterDead(routers=self.routers)(conditions, moment)
        for name, host in moment.topology.hosts.items():
            if host.router in self.routers and host.role is not Role.VANTAGE:  # servers stand in the same building
                conditions = conditions.with_fate(name, Fate.SILENT)
        return conditions


RECORD = Record(ExchangeFire, {"routers": required(ListOf(LABEL, at_least=1))})
