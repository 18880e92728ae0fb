"""Refuses data at radio routers: phones stay registered, calls and short messages go on, packets do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.match import Match
from lab.middleboxes.silence import Silence
from lab.station import stood_at
from lab.yaml_values import LABEL
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOff:
    """The order."""

    routers: tuple[str, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        return conditions.with_boxes(stood_at(self.routers, Silence(match=Match()), moment))


RECORD = Record(DataOff, {"routers": required(ListOf(LABEL, at_least=1))})
