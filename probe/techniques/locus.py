"""Where on the path something acts on a name: ladders of hop limits, several of them, at different places.

It looks where pairs have already shown that a name alone fails, and says of
each packet how far it went and what came back. The hop is for the analysis.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.addresses import parse_address
from probe.anomaly import Anomaly
from probe.measure import Page
from probe.model import DnsTransport, NameKind, Operation, Peer
from probe.pairs import has_arm_failed
from probe.rungs import ENOUGH_SILENCE
from probe.steps import http, tls
from probe.steps.dns_message import Question
from probe.swaps import swaps_of
from probe.swaps.swap import Place
from probe.techniques.technique import GivenUpError, Need, Technique
from probe.techniques.ttl_ladder import Ladder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probe.model import Observation, Target
    from probe.record import PairOfSteps
    from probe.techniques.technique import Case

RUNS = 5
TRIES = 2
"""Ladders that found nothing, before it is left at that."""
BELOW, ABOVE = 1, ENOUGH_SILENCE - 1
"""Rungs below and above the first ladder's finding that the others climb."""
WAIT_S = 15.0
"""For the ladders of other targets to end: where many names are acted on, the first ones' hop says enough."""
BEYOND = 2
"""Packets at the found hop, and all the way, that tell how the box works."""
ENOUGH_FAILURES = 3
"""Pairs in which the target's name alone failed: fewer may be chance, and there is nothing to look for."""
_DNS_PORT = 53
_FIRST_PORT, _PORTS = 32_768, 28_232  # Linux's own range of ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One name to look for: where it stands in a message, and where the message goes."""

    kind: NameKind
    operation: Operation
    name: str
    message: Callable[[str], bytes | Question]
    places: tuple[Place, ...]

    @property
    def is_over_udp(self) -> bool:
        """Whether it goes in a single datagram."""
        return self.operation is Operation.DNS


async def run(case: Case) -> None:
    """Climb ladders for every kind of name that something acts on."""
    wanted = looked_for(case)
    lock = case.pairs.places.ladder
    if not wanted:
        return
    try:
        async with asyncio.timeout(WAIT_S):
            await lock.acquire()
    except TimeoutError:
        raise GivenUpError("one ladder is climbed at a time, and others were at work") from None
    try:
        for looked in wanted:
            await _look(case, looked)
    finally:
        lock.release()


async def _look(case: Case, looked: Looked) -> None:
    found: int | None = None
    for number in range(1, RUNS + 1):
        ladder = await _take(case, looked, number, is_mapping=number == 1)
        if ladder is None:
            return
        hop: int | None = None
        try:
            around = (1, None) if found is None else (max(1, found - BELOW), found + ABOVE)
            hop = await ladder.climb(*around)
        finally:
            await _give_back(case, ladder, has_acted=hop is not None)
        found = hop if found is None else found
        if found is None and number == TRIES:
            return
    if found is not None and not looked.is_over_udp:
        await _look_closer(case, looked, found)


async def _look_closer(case: Case, looked: Looked, found: int) -> None:
    """Send the name all the way, and no further than the hop while answers with few hops left are refused.

    Who copies our hop limit into what it forges is heard in the one, and not in the other.
    """
    for number in range(RUNS + 1, RUNS + 1 + 2 * BEYOND):
        ladder = await _take(case, looked, number)
        if ladder is None:
            return
        is_whole = number % 2 == 0
        try:
            await ladder.send(
                "target",
                looked.name,
                None if is_whole else found,
                label="whole" if is_whole else "filtered",
                is_low_refused=not is_whole,
            )
        finally:
            await _give_back(case, ladder, has_acted=True)


async def _take(case: Case, looked: Looked, number: int, *, is_mapping: bool = False) -> Ladder | None:
    """Take a place that nobody punishes us at; ``None`` where all are resting."""
    key = case.number * 100 + number
    draw = partial(randomness.below, case.seed, f"locus/{looked.kind}", key)
    place = await case.pairs.places.take(looked.places, case.tools.clock, draw)
    if place is None:
        return None
    return Ladder(
        case=case,
        kind=looked.kind,
        place=place,
        number=number,
        source_port=_FIRST_PORT + randomness.below(case.seed, f"locus/port/{looked.kind}", key, _PORTS),
        target_name=looked.name,
        control_name=randomness.scramble(case.seed, -key, looked.name),
        operation=looked.operation,
        message=looked.message,
        is_mapping=is_mapping,
    )


async def _give_back(case: Case, ladder: Ladder, *, has_acted: bool) -> None:
    await case.pairs.places.give_back(ladder.place, case.tools.clock, has_target_arm_failed=has_acted)


def looked_for(case: Case) -> list[Looked]:
    """List the names that something acts on, by what the pairs and the routine pass saw; :mod:`.packets` asks too."""
    found: list[Looked] = []
    for swap in swaps_of(case.target):
        peer = _peer_of_rule(case.made, swap.kind)
        if peer is None:
            continue
        at_helper = peer is Peer.HELPER
        places = case.pairs.helper_places(swap) if at_helper else case.pairs.target_places(swap, case.addresses)
        is_tls = swap.kind is NameKind.SNI
        found.append(
            Looked(
                kind=swap.kind,
                operation=Operation.TLS if is_tls else Operation.HTTP,
                name=swap.name,
                message=tls.client_hello if is_tls else partial(_request, swap.url_with),
                places=_of_one_family(places),
            )
        )
    is_odd = Anomaly.ODD_NAME in case.anomalies or _peer_of_rule(case.made, NameKind.QNAME) is not None
    if is_odd and (host := _host(case.target)):
        found.append(
            Looked(
                kind=NameKind.QNAME,
                operation=Operation.DNS,
                name=host,
                message=partial(Question.ask, query_type="A"),
                places=_of_one_family(_resolvers(case)),
            )
        )
    return [looked for looked in found if looked.places]


def _peer_of_rule(pairs: Sequence[PairOfSteps], kind: NameKind) -> Peer | None:
    """Say where the name alone fails: at the helper if it does there, because that has many addresses."""
    for peer in (Peer.HELPER, Peer.TARGET):
        alone = [
            _has_failed(pair.peer, pair.target_arm[-1])
            for pair in pairs
            if (pair.name_kind, pair.peer) == (kind, peer)
            and _has_failed(pair.peer, pair.target_arm[-1]) != _has_failed(pair.peer, pair.control_arm[-1])
        ]
        if sum(alone) >= ENOUGH_FAILURES and sum(alone) > 2 * (len(alone) - sum(alone)):
            return peer
    return None


def _has_failed(peer: Peer, last: Observation) -> bool:
    return has_arm_failed(peer=peer, failure=last.failure, is_peer_hello_received=last.is_peer_hello_received)


def _resolvers(case: Case) -> list[Place]:
    """List where a question of ours may go: helpers' addresses, and public resolvers asked over UDP."""
    helpers = [
        Place(Peer.HELPER, str(address), helper.dns_port or _DNS_PORT)
        for helper in case.schedule.helpers
        for address in helper.addresses()
    ]
    return helpers or [
        Place(Peer.TARGET, resolver.address, resolver.port or _DNS_PORT)
        for resolver in case.tools.resolvers
        if resolver.transport is DnsTransport.UDP and resolver.address
    ]


def _of_one_family(places: Sequence[Place]) -> tuple[Place, ...]:
    """Keep to one family: IPv4 and IPv6 take different ways."""
    four = tuple(place for place in places if ":" not in place.address)
    return four or tuple(places)


def _host(target: Target) -> str | None:
    host = Page.of(target.url).host
    return host if parse_address(host) is None else None


def _request(url_with: Callable[[str], str], name: str) -> bytes:
    return http.request_bytes(url_with(name))


LOCUS = Technique(
    name="locus",
    summary="where on the path something acts on the name: packets whose hop limit runs out on the way",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT, Anomaly.ODD_NAME}),
    needs=frozenset({Need.ICMP_ERRORS}),
    most_bytes=100_000,
    most_s=75.0,
    run=run,
)
