"""Cuts links: every packet on them is lost, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import boolean

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCut:
    """The disaster."""

    links: tuple[str, ...]
    is_noticed: bool = True
    """Whether routers see it and send round it where they can; a dead member of a group of paths they do not."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_link(link, is_up=False, is_failure_noticed=self.is_noticed)
        return conditions


RECORD = Record(
    LinkCut,
    {"links": required(ListOf(LINK_NAME, at_least=1)), "noticed": optional(boolean, into="is_noticed")},
)
