"""Name-swap pairs: two arms, back to back in random order, that differ in nothing but the name.

Damage cannot read a name. If, whenever just one arm of a pair fails, it is the
target's, then something on the way reads names; how surely is a matter of
counting, and for the analysis. This module makes the pairs, and keeps the
guards without which the counting would mean nothing:

* the order is drawn from the cycle's committed seed (:mod:`probe.randomness`);
* the other name is a scramble of the same length, new for each pair;
* both arms use fresh source ports, of both parities, drawn by the network seam;
* an address and port where a target's arm failed is left alone for a while,
  because some censors go on punishing it; another helper address is drawn.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.model import Peer
from probe.record import PairOfSteps
from probe.swaps.swap import Arm, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from probe.clock import Clock
    from probe.measure import Tools
    from probe.model import Observation
    from probe.schedule.model import Helper, PairPlan
    from probe.swaps.swap import Swap


@dataclass(slots=True)
class Places:
    """Which places may be used now: not in use by another pair, and not resting after a failure.

    Lives as long as its event loop; its rests are handed on to the next cycle.
    """

    rest_s: float
    resting_until: dict[tuple[str, int], float] = field(default_factory=dict)
    """By the monotonic clock, which all processes of one boot share."""
    _in_use: set[tuple[str, int]] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    ladder: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while packets with small hop limits are sent: the system counts what comes back for all of us together."""

    async def take(self, places: Sequence[Place], clock: Clock, draw: Callable[[int], int]) -> Place | None:
        """Draw one of the free places; wait where all are in use; give ``None`` where all are resting."""
        async with self._changed:
            while True:
                now = clock.monotonic()
                awake = [place for place in places if self.resting_until.get(place.socket, now) <= now]
                free = [place for place in awake if place.socket not in self._in_use]
                if free:
                    chosen = free[draw(len(free))]
                    self._in_use.add(chosen.socket)
                    return chosen
                if not awake:
                    return None
                await self._changed.wait()

    async def give_back(self, place: Place, clock: Clock, *, has_target_arm_failed: bool) -> None:
        """Free a place, after a rest where the target's arm failed there."""
        async with self._changed:
            self._in_use.discard(place.socket)
            if has_target_arm_failed:
                self.resting_until[place.socket] = clock.monotonic() + self.rest_s
            self._changed.notify_all()


@dataclass(slots=True)
class Pairs:
    """Makes a cycle's pairs. One object a cycle: it counts their numbers."""

    seed: bytes
    tools: Tools
    plan: PairPlan
    helpers: tuple[Helper, ...]
    families: frozenset[int]
    """IP versions that something answered on in this cycle: a family that is broken here would fail both arms."""
    places: Places
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held for a pair that must not share the line with another such."""
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    async def several(
        self,
        swap: Swap,
        places: Sequence[Place],
        count: int,
        keep: Callable[[PairOfSteps], None],
        discordant_before: int = 0,
    ) -> list[PairOfSteps]:
        """Make ``count`` pairs, a few at a time, and keep each; stop early once enough of them were discordant."""
        made: list[PairOfSteps] = []

        async def one() -> bool:
            pair = await self.one(swap, places)
            if pair is not None:
                made.append(pair)
                keep(pair)
            return pair is not None

        while places and count > 0:
            batch = min(count, self.tools.limits.concurrent_pairs)
            fresh = await asyncio.gather(*(one() for _ in range(batch)))
            count -= batch
            if not any(fresh) or discordant_before + sum(map(is_discordant, made)) >= self.plan.enough_discordant:
                break
        return made

    async def one(self, swap: Swap, places: Sequence[Place]) -> PairOfSteps | None:
        """Make one pair at one of ``places``, drawn; ``None`` where all of them are resting."""
        number = next(self._numbers)
        clock = self.tools.clock
        place = await self.places.take(places, clock, partial(randomness.below, self.seed, "place", number))
        if place is None:
            return None
        other = randomness.scramble(self.seed, number, swap.name)
        is_target_first = randomness.is_target_first(self.seed, number)
        arms: dict[str, tuple[Observation, ...]] = {}
        has_target_arm_failed = False
        try:
            for name in (swap.name, other) if is_target_first else (other, swap.name):
                arm = Arm(swap=swap, place=place, name=name, number=number, seed=self.seed, tools=self.tools)
                arms[name] = await swap.walk(arm)
            has_target_arm_failed = _has_failed(place.peer, arms[swap.name])
        finally:
            await self.places.give_back(place, clock, has_target_arm_failed=has_target_arm_failed)
        return PairOfSteps(
            number=number,
            name_kind=swap.kind,
            peer=place.peer,
            address=place.address,
            port=place.port,
            target_name=swap.name,
            control_name=other,
            is_target_first=is_target_first,
            is_negative_control=swap.is_negative_control,
            target_arm=arms[swap.name],
            control_arm=arms[other],
        )

    def helper_places(self, swap: Swap) -> list[Place]:
        """List every address of every helper where this swap can be made."""
        return [
            Place(Peer.HELPER, str(address), port, helper.public_key)
            for helper in self.helpers
            if (port := swap.helper_port(helper)) is not None
            for address in helper.addresses()
            if address.version in self.families
        ]

    def target_places(self, swap: Swap, addresses: Sequence[str]) -> list[Place]:
        """List the target's own addresses where this swap can be made."""
        return [
            Place(Peer.TARGET, address, swap.port)
            for address in addresses
            if ipaddress.ip_address(address).version in self.families
        ]


def has_arm_failed(*, peer: str, failure: str | None, is_peer_hello_received: bool | None) -> bool:
    """Tell whether an arm failed, from its last step.

    A helper answers every name, so anything but its own answer is a failure. A
    target's own server may honestly refuse a name that it does not know; there
    an arm lives as soon as any TLS record of the peer came back.
    """
    return failure is not None and (peer == Peer.HELPER or not is_peer_hello_received)


def is_discordant(pair: PairOfSteps) -> bool:
    """Tell whether just one arm failed. It ends a test early, which the test's guarantee allows; it never judges."""
    return _has_failed(pair.peer, pair.target_arm) != _has_failed(pair.peer, pair.control_arm)


def _has_failed(peer: Peer, arm: Sequence[Observation]) -> bool:
    last = arm[-1]
    return has_arm_failed(peer=peer, failure=last.failure, is_peer_hello_received=last.is_peer_hello_received)
