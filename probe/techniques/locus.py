"""Where on the path something acts on a name: ladders of hop limits, several of them, at different places.

It looks where pairs have already shown that a name alone fails, and says of
each packet how far it went and what came back. The hop is for the analysis.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.rungs import ENOUGH_SILENCE, Seen
from probe.techniques.acted_on import looked_for
from probe.techniques.technique import GivenUpError, Need, Technique
from probe.techniques.ttl_ladder import Ladder

if TYPE_CHECKING:
    from probe.techniques.acted_on import Looked
    from probe.techniques.technique import Case

RUNS = 5
TRIES = 2
"""Ladders that found nothing, before it is left at that."""
BELOW, ABOVE = 1, ENOUGH_SILENCE - 1
"""Rungs below and above the first ladder's finding that the others climb."""
WAIT_S = 15.0
"""For the ladders of other targets to end: where many names are acted on, the first ones' hop says enough."""
BEYOND = 2
"""Packets of each kind that tell how the box works."""
_FIRST_PORT, _PORTS = 32_768, 28_232  # Linux's own range of ports


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
    is_heard = False
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
        if found is None:
            found, is_heard = hop, ladder.is_heard
        if found is None and number == TRIES:
            return
    if found is not None and not looked.is_over_udp:
        await _look_closer(case, looked, found, is_heard=is_heard)


async def _look_closer(case: Case, looked: Looked, found: int, *, is_heard: bool) -> None:
    """Tell whether the box copies our hop limit into what it forges, and if so from where on that is heard.

    Then it is heard by who sends with all hops, and not at its own hop: either it was silent there, or it is once
    answers with few hops left are refused.
    """
    numbers = iter(range(RUNS + 1, 100))
    whole = [await _send_apart(case, looked, next(numbers), None, "whole") for _ in range(BEYOND)]
    if is_heard:
        for _ in range(BEYOND):
            await _send_apart(case, looked, next(numbers), found, "filtered", is_low_refused=True)
    elif set(whole) <= {Seen.ENDED, Seen.ANSWERED}:
        silent, heard = found, 2 * found + 1
        while heard - silent > 1:
            rung = (silent + heard) // 2
            seen = await _send_apart(case, looked, next(numbers), rung, "search")
            if seen in {None, Seen.UNCONNECTED}:
                return
            silent, heard = (silent, rung) if seen in {Seen.ENDED, Seen.ANSWERED} else (rung, heard)


async def _send_apart(
    case: Case, looked: Looked, number: int, rung: int | None, label: str, *, is_low_refused: bool = False
) -> Seen | None:
    """Send the name once, at a place of its own; ``None`` where all are resting."""
    ladder = await _take(case, looked, number)
    if ladder is None:
        return None
    try:
        return await ladder.send("target", looked.name, rung, label=label, is_low_refused=is_low_refused)
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


LOCUS = Technique(
    name="locus",
    summary="where on the path something acts on the name: packets whose hop limit runs out on the way",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT, Anomaly.ODD_NAME}),
    needs=frozenset({Need.ICMP_ERRORS}),
    most_bytes=100_000,
    most_s=75.0,
    run=run,
)
