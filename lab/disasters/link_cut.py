"""Cuts links: every packet on them is lost, in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from lab.conditions import Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCut:
    """The disaster."""

    links: tuple[str, ...]

    def __call__(self, conditions: Conditions) -> Conditions:
        """Let it happen."""
        for link in self.links:
            conditions = conditions.with_link(link, is_up=False)
        return conditions


RECORD = Record(LinkCut, {"links": required(ListOf(LINK_NAME, at_least=1))})
