"""One ladder of hop limits at one place: the control's name first, then the target's, rung by rung.

All rungs of one ladder are of one flow, addresses and ports alike: routers
that share flows among several paths then lead all of them the same way. So
each rung's connection ends with a reset, which frees the port for the next.

The target's name climbs from below and stops where something acts on it, so
that the rule is met once: after that, many a censor punishes the place, and
whatever came next would show the punishment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probe.limited import Limited
from probe.rungs import ENOUGH_SILENCE, Seen, seen_of
from probe.steps import trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.model import NameKind, Observation, Operation
    from probe.steps.dns_message import Question
    from probe.swaps.swap import Place
    from probe.techniques.technique import Case

MOST_HOPS = 30
"""Paths of the Internet are shorter."""
SILENT_HOPS = 5
"""Routers that say nothing, one after the other, before the ladder is given up."""


@dataclass(slots=True, kw_only=True)
class Ladder:
    """One run."""

    case: Case
    kind: NameKind
    place: Place
    number: int
    source_port: int
    target_name: str
    control_name: str
    operation: Operation
    message: Callable[[str], bytes | Question]
    is_mapping: bool = False
    """Whether to ask of each hop who it is, too."""
    control: dict[int, Seen] = field(default_factory=dict)
    distance: int | None = None
    """The smallest hop limit at which the peer answered the control's name."""
    is_heard: bool = False
    """Whether what acted on the target's name said something where it was found, and was not merely silent."""

    async def climb(self, start: int, until: int | None) -> int | None:
        """Climb with both names; give the rung at which something first acted on the target's alone."""
        await self._climb_control(start, until)
        if not self.control or Seen.UNCONNECTED in self.control.values():
            return None
        return await self._climb_target(start)

    async def _climb_control(self, start: int, until: int | None) -> None:
        silent = 0
        for rung in range(start, min(until or MOST_HOPS, MOST_HOPS) + 1):
            seen = self.control[rung] = await self.send("control", self.control_name, rung)
            if seen is Seen.DROPPED and self.is_mapping:
                await self._map(rung)
            silent = silent + 1 if seen is Seen.SILENT else 0
            if seen in {Seen.ANSWERED, Seen.ENDED}:
                self.distance = rung
            if seen in {Seen.ANSWERED, Seen.ENDED, Seen.UNCONNECTED} or silent == SILENT_HOPS:
                return

    async def _climb_target(self, start: int) -> int | None:
        # What copies our hop limit is heard from twice its distance on only.
        last = max(self.control) if self.distance is None else min(2 * self.distance, MOST_HOPS)
        quiet: list[int] = []
        for rung in range(start, last + 1):
            expected = self.control[rung if self.distance is None else min(rung, self.distance)]
            seen = await self.send("target", self.target_name, rung)
            if seen is Seen.UNCONNECTED:
                break
            if seen in {Seen.ENDED, Seen.ANSWERED} and seen is not expected:
                first = self._first_on_the_way(quiet)
                self.is_heard = first is None
                return first or rung
            if seen is not Seen.SILENT:
                quiet.clear()
            elif expected is not Seen.SILENT:
                quiet.append(rung)
            if len(quiet) >= ENOUGH_SILENCE and self._first_on_the_way(quiet):
                break
        return self._first_on_the_way(quiet)

    def _first_on_the_way(self, quiet: list[int]) -> int | None:
        """Give the first silent rung, if it is before the peer: who beside the path silences the peer shows later."""
        return quiet[0] if quiet and (self.distance is None or quiet[0] < self.distance) else None

    async def send(
        self, variant: str, name: str, rung: int | None, *, label: str | None = None, is_low_refused: bool = False
    ) -> Seen:
        """Send one name so far (``None``: all the way), keep what came back, and read it."""
        limited = Limited(
            hop_limit=rung,
            source_port=self.source_port,
            is_low_refused=is_low_refused,
            is_lingering=name != self.control_name,
        )
        tools = self.case.tools
        step = await trigger.send(self._endpoint(name, limited), tools.net, tools.clock, tools.limits)
        self.case.keep(step, variant=f"{self.kind}/{variant}/{label or self.number}")
        return _read(step)

    async def _map(self, rung: int) -> None:
        limited = Limited(hop_limit=rung, source_port=self.source_port)
        tools = self.case.tools
        endpoint = self._endpoint(self.control_name, limited)
        step = await trigger.who_drops(endpoint, tools.net, tools.clock, tools.limits)
        self.case.keep(step, variant=f"{self.kind}/path/{self.number}")

    def _endpoint(self, name: str, limited: Limited) -> trigger.TriggerEndpoint:
        return trigger.TriggerEndpoint(
            address=self.place.address,
            port=self.place.port,
            operation=self.operation,
            name=name,
            message=self.message(name),
            limited=limited,
        )


def _read(step: Observation) -> Seen:
    return seen_of(step.operation, step.failure, (step.icmp_type, step.icmp_code))
