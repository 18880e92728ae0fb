"""Cuts ducts and cables: every link that runs through one of them is down, whoever it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class FibreCut:
    """The disaster."""

    fibres: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        for fibre in self.fibres:
            if fibre not in moment.topology.fibres():
                raise LookupError(fibre)
        for name, link in moment.topology.links.items():
            if set(link.fibres) & set(self.fibres):
                conditions = conditions.with_link(name, is_up=False)
        return conditions


RECORD = Record(FibreCut, {"fibres": required(ListOf(LABEL, at_least=1))})
