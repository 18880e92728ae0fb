"""Closes a country's ways abroad: what is inside still reaches what is inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.borders import closed
from lab.yaml_values import COUNTRY, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, optional, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayClosed:
    """The order."""

    country: str
    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    """What stays in reach."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        inside = [name for name, network in moment.topology.networks.items() if network.country == self.country]
        if not inside:
            raise LookupError(self.country)
        return conditions.with_boxes(closed(moment, inside, allow=self.allow))


RECORD = Record(GatewayClosed, {"country": required(COUNTRY), "allow": optional(ListOf(PREFIX, at_least=1))})
