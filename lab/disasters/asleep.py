"""Puts machines to sleep: nothing is measured there, and nothing answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Asleep:
    """The disaster."""

    hosts: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for host in self.hosts:
            conditions = conditions.with_asleep(host)
        return conditions


RECORD = Record(Asleep, {"hosts": required(ListOf(LABEL, at_least=1))})
