"""What a rule on a name in TLS reads: the same handshake with the name changed, cut in two, or left out.

It runs where pairs lean towards a rule on the target's name, at helpers where
they lean there, else at the target's own addresses. Wherever else a handshake
failed it makes the standing check alone: two innocuous names of different
length, because damage reads sizes. Trials come in an order drawn by chance; an
address where one failed rests, as it does after a pair. What a rule reads
changes seldom: once each variant was tried often enough in one look, the names
rest for a day (``limits.shape_rest_s``), and the standing check goes on.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.model import NameKind, Operation, Peer
from probe.pairs import has_arm_failed
from probe.steps import tcp, tls
from probe.swaps import sni
from probe.techniques import variants
from probe.techniques.technique import LeftOutError, Need, Technique

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from probe.record import PairOfSteps
    from probe.swaps.swap import Place
    from probe.techniques.technique import Case
    from probe.techniques.variants import Variant

TRIALS = 3
"""Of each variant."""
LEANING = 3
"""So many pairs more in which the target's arm failed alone than the other's: a look, not a verdict."""
_NUMBERS = 1_000
"""A case's own range of numbers, for what is drawn."""


async def run(case: Case) -> None:
    """Make every trial, a few at a time. LeftOutError where the names rest."""
    if not _has_handshake_failed(case):
        return
    swap = sni.swaps(case.target)[0]
    at_helper = case.pairs.helper_places(swap)
    at_target = case.pairs.target_places(swap, case.addresses)
    first = case.number * _NUMBERS
    leaning = next((peer for peer in (Peer.HELPER, Peer.TARGET) if _leans(case, peer)), None)
    places = {Peer.HELPER: at_helper, Peer.TARGET: at_target}
    known_at = _known_at(case, leaning, [variant.name for variant in variants.of_name(swap.name, case.seed, first)])
    planned: list[tuple[Variant, list[Place]]] = []
    for trial in range(TRIALS):
        planned += [(variant, at_helper) for variant in variants.of_length(case.seed, first + trial)]
        if leaning is not None and known_at is None:
            names = variants.of_name(swap.name, case.seed, first + trial)
            planned += [(variant, places[leaning]) for variant in names]
    order = randomness.permutation(case.seed, "shape", case.number, len(planned))
    free = asyncio.Semaphore(case.tools.limits.concurrent_pairs)
    await asyncio.gather(*(_try(case, first + i, *planned[i], free) for i in order))
    if known_at is not None:
        raise LeftOutError(f"the names rest: what the rule reads was tried whole at {known_at:%Y-%m-%d %H:%M} UTC")


def _known_at(case: Case, leaning: Peer | None, names: Sequence[str]) -> datetime | None:
    """Say when a look last tried all that would be tried now; ``None`` where none did of late."""
    wanted = {f"{leaning}/{name}" for name in names}
    return next((known.at for known in reversed(case.known_shapes) if wanted <= known.variants), None)


def _has_handshake_failed(case: Case) -> bool:
    return any(
        step.observation.operation is Operation.TLS and step.observation.failure is not None
        for step in case.routine_steps
    ) or any(_leans(case, peer) for peer in Peer)


def _leans(case: Case, peer: Peer) -> bool:
    """Tell whether the target's name failed more often than its scramble; at the target's own address once is enough.

    There, an address rests after each failure, so that few pairs can be made.
    """
    pairs = [pair for pair in case.made if pair.name_kind is NameKind.SNI and pair.peer is peer]
    failed = [(_has_failed(pair, is_target=True), _has_failed(pair, is_target=False)) for pair in pairs]
    margin = sum(target for target, _ in failed) - sum(control for _, control in failed)
    return margin >= (LEANING if peer is Peer.HELPER else 1)


def _has_failed(pair: PairOfSteps, *, is_target: bool) -> bool:
    last = (pair.target_arm if is_target else pair.control_arm)[-1]
    return has_arm_failed(peer=pair.peer, failure=last.failure, is_peer_hello_received=last.is_peer_hello_received)


async def _try(case: Case, number: int, variant: Variant, places: list[Place], free: asyncio.Semaphore) -> None:
    """Make one trial; none where all places rest. ``variant`` of the rows is place and change, as ``helper/split``."""
    tools = case.tools
    async with free:
        draw = partial(randomness.below, case.seed, "shape place", number)
        place = await case.pairs.places.take(places, tools.clock, draw)
        if place is None:
            return
        has_failed = True
        label = f"{place.peer}/{variant.name}"
        try:
            connected, stream = await tcp.connect(
                tcp.TcpEndpoint(address=place.address, port=place.port), tools.net, tools.clock, tools.limits
            )
            case.keep(connected, variant=label)
            if stream is None:
                return
            endpoint = tls.TlsEndpoint(
                stream=stream,
                address=place.address,
                port=place.port,
                server_name=variant.server_name,
                trust=None,
                pinned_key=place.public_key,
                first_flight=variant.first_flight,
            )
            shaken, secured = await tls.handshake(endpoint, tools.net, tools.clock, tools.limits)
            if secured is not None:
                await secured.close()
            case.keep(shaken, variant=label)
            has_failed = not shaken.is_peer_hello_received
        finally:
            await case.pairs.places.give_back(place, tools.clock, has_target_arm_failed=has_failed)


SHAPE = Technique(
    name="shape",
    summary="the same handshake with the name changed, cut in two or left out; two innocuous names of two lengths",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT}),
    needs=frozenset({Need.HTTPS}),
    most_bytes=200_000,
    most_s=120.0,
    run=run,
)
