"""Takes a host's own interface down, or pulls its cable: the fault is at the vantage itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.conditions import InterfaceState
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import scalar

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLinkDown:
    """The disaster."""

    hosts: tuple[str, ...]
    state: InterfaceState = InterfaceState.DOWN

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for host in self.hosts:
            conditions = conditions.with_interface(host, self.state)
        return conditions


RECORD = Record(
    OwnLinkDown,
    {
        "hosts": required(ListOf(LABEL, at_least=1)),
        "state": optional(scalar(InterfaceState, f"one of {', '.join(InterfaceState)}")),
    },
)
