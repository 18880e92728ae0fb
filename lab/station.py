"""A middlebox at its place: what a censor's rule adds to a box, whatever the box does.

Which packets it sees, for what share of flows it acts, whether it stands in the
path or beside it, how long it goes on punishing, and what hop limit its forged
packets have. Boxes themselves (:mod:`lab.middleboxes`) know none of this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.flow import End, Flow, FlowTable
from lab.inject import resets
from lab.packet import parse_tcp, tcp_packet

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from lab.conditions import Moment
    from lab.flow import Middlebox
    from lab.packet import Address, Packet

_PENALTIES = 20_000
"""Remembered by one box at a time; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What happens after a box has acted: further connections between the same ends are punished for a while."""

    seconds: float
    is_port_ignored: bool = True
    """Whether every source port of the client is punished (3-tuple), or this one only (4-tuple)."""
    is_reset: bool = False
    """Whether the punished are reset; otherwise they meet silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A middlebox at a router."""

    name: str
    """Of this placement, unique among those of one moment."""
    router: str
    networks: frozenset[str]
    """It looks only at packets from or to these networks; empty for all."""
    box: Middlebox
    is_on_path: bool = False
    """Whether it sees copies: it can inject, and keep nothing from passing."""
    share: float = 1.0
    """Of flows that it looks at, drawn anew for each flow."""
    residual: Residual | None = None
    is_hop_limit_copied: bool = False
    """Whether what it forges carries the hop limit of the packet that it answers."""


def stood_at(routers: Sequence[str], box: Middlebox, moment: Moment, name: str | None = None) -> list[Placement]:
    """Give a box that a disaster or an order puts at routers, called after it. Raises LookupError."""
    for router in routers:
        if router not in moment.topology.routers:
            raise LookupError(router)
    return [
        Placement(name=f"{name or moment.name} {router}", router=router, networks=frozenset(), box=box)
        for router in routers
    ]


class Station:
    """One placement at work."""

    def __init__(self, placement: Placement, draws: random.Random) -> None:
        self.placement = placement
        self.seen = 0
        """Packets that it looked at."""
        self.acted = 0
        """Packets that it dropped, answered, or sent elsewhere."""
        self._flows = FlowTable(draws)
        self._punished_until: dict[tuple[End | Address, End], float] = {}

    def show(self, packet: Packet, now: float) -> tuple[bool, list[Packet]]:
        """Show it a packet: whether that passes, and what it puts on the wire beside or instead of it."""
        placement = self.placement
        flow = self._flows.of(packet, now)
        self.seen += 1
        out = self._punish(packet, flow)
        if out is None:
            out = placement.box(packet, flow) if flow.draw < placement.share else [packet]
        passes = any(one is packet for one in out)
        others = [self._dressed(one, packet) for one in out if one is not packet]
        if others or not passes:
            self.acted += 1
            self._remember(flow)
        return passes or placement.is_on_path, others

    def _dressed(self, forged: Packet, answered: Packet) -> Packet:
        """Give what the box forged with the hop limit and the sequence number that the placement lets it have."""
        if forged.via is not None:
            return forged
        if self.placement.is_on_path and forged.destination == answered.destination:
            forged = _after(answered, forged)
        if self.placement.is_hop_limit_copied:
            forged = replace(forged, hop_limit=answered.hop_limit)
        return forged

    def _key(self, flow: Flow) -> tuple[End | Address, End]:
        residual = self.placement.residual
        is_port_ignored = residual is not None and residual.is_port_ignored
        return (flow.client[0] if is_port_ignored else flow.client), flow.server

    def _punish(self, packet: Packet, flow: Flow) -> list[Packet] | None:
        """Give what becomes of a packet between punished ends; ``None`` if its ends are not."""
        residual = self.placement.residual
        if residual is None or self._punished_until.get(self._key(flow), 0.0) <= flow.now:
            return None
        return resets(packet) if residual.is_reset else []

    def _remember(self, flow: Flow) -> None:
        residual = self.placement.residual
        if residual is None:
            return
        key = self._key(flow)
        if self._punished_until.get(key, 0.0) <= flow.now:  # a penalty runs from the trigger, and is not prolonged
            self._punished_until.pop(key, None)
            if len(self._punished_until) >= _PENALTIES:
                del self._punished_until[next(iter(self._punished_until))]
            self._punished_until[key] = flow.now + residual.seconds


def _after(passing: Packet, forged: Packet) -> Packet:
    """Give a segment in the name of a packet's sender as it must be if that packet has arrived before it."""
    segment, seen = parse_tcp(forged), parse_tcp(passing)
    if segment is None or seen is None:
        return forged
    later = replace(segment, sequence=segment.sequence + seen.sequence_length)
    return replace(tcp_packet(forged.source, forged.destination, later), hop_limit=forged.hop_limit)
