"""Makes links swallow large packets without a word: no ICMP says that they were too big."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.yaml_values import LINK_NAME
from probe.schedule.yaml_reader import ListOf, Record, required
from probe.schedule.yaml_scalars import integer

if TYPE_CHECKING:
    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class MtuBlackHole:
    """The disaster."""

    links: tuple[str, ...]
    mtu: int

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        del moment
        for link in self.links:
            conditions = conditions.with_link(link, mtu=self.mtu, is_mtu_announced=False)
        return conditions


RECORD = Record(MtuBlackHole, {"links": required(ListOf(LINK_NAME, at_least=1)), "mtu": required(integer(68, 1499))})
