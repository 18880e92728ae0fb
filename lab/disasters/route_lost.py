"""Loses the routes to some prefixes at routers: what goes there vanishes, and everything else goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.match import Match
from lab.middleboxes.silence import Silence
from lab.station import stood_at
from lab.yaml_values import LABEL, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.conditions import Conditions, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLost:
    """The disaster: a leak that ends in a void, or a null route that somebody set against an attack (RFC 7999)."""

    routers: tuple[str, ...]
    prefixes: tuple[IPv4Network | IPv6Network, ...]

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        void = Silence(match=Match(addresses=self.prefixes))
        return conditions.with_boxes(stood_at(self.routers, void, moment))


RECORD = Record(
    RouteLost,
    {"routers": required(ListOf(LABEL, at_least=1)), "prefixes": required(ListOf(PREFIX, at_least=1))},
)
