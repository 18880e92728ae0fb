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

from probe import helper as helper_protocol
from probe import randomness
from probe.measure import Page
from probe.model import NameKind, Peer, TargetKind
from probe.record import PairOfSteps
from probe.steps import http, tcp, tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from probe.clock import Clock
    from probe.measure import Tools
    from probe.model import Observation, Target
    from probe.net import Stream
    from probe.schedule.model import Helper, PairPlan

TARGET_ADDRESS_PAIRS = 3
"""In a follow-up, at the target's own address: with the rest after each failure, more would be waiting."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair is sent."""

    peer: Peer
    address: str
    port: int
    public_key: bytes | None = None

    @property
    def socket(self) -> tuple[str, int]:
        """Give what a censor's penalty may be keyed to."""
        return self.address, self.port


@dataclass(slots=True)
class Places:
    """Which places may be used now: not in use by another pair, and not resting after a failure.

    Lives as long as its event loop: rests go on from one cycle to the next.
    """

    rest_s: float
    _resting_until: dict[tuple[str, int], float] = field(default_factory=dict)
    _in_use: set[tuple[str, int]] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, places: Sequence[Place], clock: Clock, draw: Callable[[int], int]) -> Place | None:
        """Draw one of the free places; wait where all are in use; give ``None`` where all are resting."""
        async with self._changed:
            while True:
                now = clock.monotonic()
                awake = [place for place in places if self._resting_until.get(place.socket, now) <= now]
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
                self._resting_until[place.socket] = clock.monotonic() + self.rest_s
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Swap:
    """What is swapped: a kind of name, the page it stands in, and the name itself."""

    kind: NameKind
    page: Page
    name: str
    is_negative_control: bool

    def url_with(self, name: str) -> str:
        """Give the page's URL with ``name`` in the place of its own."""
        return self.page.url.replace(self.name, name, 1)


def swaps_of(target: Target) -> list[Swap]:
    """List what can be swapped: the SNI of https; the Host of http, and a video's id in its path."""
    page = Page.of(target.url)
    is_negative_control = target.kind is not TargetKind.TARGET
    if page.scheme == "https":
        return [Swap(NameKind.SNI, page, page.host, is_negative_control)]
    swaps = [Swap(NameKind.HOST, page, page.host, is_negative_control)]
    if target.video is not None and target.video in page.url:
        swaps.append(Swap(NameKind.PATH, page, target.video, is_negative_control))
    return swaps


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
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    async def routine(self, target: Target, addresses: Sequence[str]) -> list[PairOfSteps]:
        """Make the few pairs of every cycle, at a helper; where the schedule names none, at the target's address."""
        made: list[PairOfSteps] = []
        for swap in swaps_of(target):
            places = self._helper_places(swap) or self._target_places(swap, addresses)
            made += await self._several(swap, places, self.plan.routine)
        return made

    async def follow_up(
        self, target: Target, addresses: Sequence[str], before: Sequence[PairOfSteps]
    ) -> list[PairOfSteps]:
        """Make up to the plan's number of pairs at helpers, and a few at the target's own address."""
        made: list[PairOfSteps] = []
        for swap in swaps_of(target):
            so_far = sum(pair.name_kind is swap.kind for pair in before)
            budget = self.plan.follow_up - so_far
            made += await self._several(swap, self._helper_places(swap), budget)
            made += await self._several(swap, self._target_places(swap, addresses), TARGET_ADDRESS_PAIRS)
        return made

    async def _several(self, swap: Swap, places: Sequence[Place], count: int) -> list[PairOfSteps]:
        """Make ``count`` pairs, a few at a time; stop early once enough of them were discordant."""
        made: list[PairOfSteps] = []
        while places and count > 0:
            batch = await asyncio.gather(
                *(self._one(swap, places) for _ in range(min(count, self.tools.limits.concurrent_pairs)))
            )
            fresh = [pair for pair in batch if pair is not None]
            made += fresh
            count -= len(batch)
            if not fresh or sum(map(is_discordant, made)) >= self.plan.enough_discordant:
                break
        return made

    async def _one(self, swap: Swap, places: Sequence[Place]) -> PairOfSteps | None:
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
                arms[name] = await self._arm(swap, place, name, number)
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

    async def _arm(self, swap: Swap, place: Place, name: str, number: int) -> tuple[Observation, ...]:
        """Walk one arm: connect, then the one step that carries the name."""
        net, clock, limits = self.tools.net, self.tools.clock, self.tools.limits
        connected, stream = await tcp.connect(
            tcp.TcpEndpoint(address=place.address, port=place.port), net, clock, limits
        )
        if stream is None:
            return (connected,)
        try:
            if swap.kind is NameKind.SNI:
                endpoint = tls.TlsEndpoint(
                    stream=stream,
                    address=place.address,
                    port=place.port,
                    server_name=name,
                    trust=None,
                    pinned_key=place.public_key,
                )
                shaken, secured = await tls.handshake(endpoint, net, clock, limits)
                if secured is not None:
                    await secured.close()
                return (connected, shaken)
            return (connected, await self._exchange(swap, place, name, number, stream))
        finally:
            await stream.close()

    async def _exchange(self, swap: Swap, place: Place, name: str, number: int, stream: Stream) -> Observation:
        nonce = f"{randomness.below(self.seed, 'nonce', number, 1 << 128):032x}"
        key = place.public_key

        def is_genuine(status: int, headers: Mapping[str, str], body: bytes) -> bool:
            del body  # the signature is of the nonce; the page is the same for everybody
            return helper_protocol.is_genuine(status, headers, nonce, key or b"")

        return await http.exchange(
            http.HttpEndpoint(
                stream=stream,
                address=place.address,
                port=place.port,
                url=swap.url_with(name),
                headers=((helper_protocol.NONCE_HEADER, nonce),) if key else (),
                genuine=is_genuine if key else None,
            ),
            self.tools.net,
            self.tools.clock,
            self.tools.limits,
        )

    def _helper_places(self, swap: Swap) -> list[Place]:
        return [
            Place(
                Peer.HELPER,
                str(address),
                helper.https_port if swap.kind is NameKind.SNI else helper.http_port,
                helper.public_key,
            )
            for helper in self.helpers
            for address in helper.addresses()
            if address.version in self.families
        ]

    def _target_places(self, swap: Swap, addresses: Sequence[str]) -> list[Place]:
        return [
            Place(Peer.TARGET, address, swap.page.port)
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
