"""Slows links for everybody and everything, whatever its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, required
from probe.schedule.yaml_scalars import number

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """The order."""

    links: tuple[str, ...]
    rate_mbit_s: float

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_link(link, rate_bit_s=self.rate_mbit_s * 1_000_000)
        return conditions


RECORD = Record(
    Slowdown, {"links": required(ListOf(LINK_NAME, at_least=1)), "rate_mbit_s": required(number(0.01, 10_000))}
)
