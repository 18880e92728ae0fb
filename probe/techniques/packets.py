"""The failing message again, with the target's name and with others, while the heads of its packets are kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.limited import Limited
from probe.packets.flow import Flow
from probe.record import Capture
from probe.steps import trigger
from probe.techniques.acted_on import Looked, looked_for
from probe.techniques.technique import GivenUpError, Need, Technique

if TYPE_CHECKING:
    from probe.swaps.swap import Place
    from probe.techniques.technique import Case

REPEATS = 3
"""Of each name: one odd packet proves nothing, and three that are alike at least repeat."""
LATE_PACKETS_S = 0.5
"""Packets may still come when the socket has ended: several resets in a row are a sign of their own."""
CAPTURE_S = 30.0
_FIRST_PORT, _PORTS = 32_768, 28_232


async def run(case: Case) -> None:
    """Keep packets of each kind of name over TCP that something acts on."""
    for looked in looked_for(case):
        if not looked.is_over_udp:
            await _keep(case, looked)


async def _keep(case: Case, looked: Looked) -> None:
    from probe.packets.capturing import CaptureFailedError, capturing

    sendings = await _sendings(case, looked)
    if not sendings:
        return
    started_at = case.tools.clock.now()
    flows = [Flow(place.address, place.port, port) for _, place, port in sendings]
    try:
        async with capturing(flows, CAPTURE_S) as captured:
            for number, (name, place, port) in enumerate(sendings):
                await _send(case, looked, number, name, place, port)
            await case.tools.clock.sleep(LATE_PACKETS_S)
    except CaptureFailedError as error:
        raise GivenUpError(f"packets could not be kept: {error}") from None
    finally:
        for name, place, _ in sendings:
            has_acted = name == looked.name
            await case.pairs.places.give_back(place, case.tools.clock, has_target_arm_failed=has_acted)
    case.captures.append(
        Capture(
            technique=PACKETS.name,
            variant=str(looked.kind),
            started_at=started_at,
            packets=captured.packets,
            pcap=captured.content,
        )
    )


async def _sendings(case: Case, looked: Looked) -> list[tuple[str, Place, int]]:
    """Draw name, place and port of each message, the names in turn, each at a place of its own."""
    drawn: list[tuple[str, Place, int]] = []
    for number in range(2 * REPEATS):
        key = case.number * 100 + number
        draw = partial(randomness.below, case.seed, f"packets/{looked.kind}", key)
        taken = {place.socket for _, place, _ in drawn}
        free = [place for place in looked.places if place.socket not in taken]
        place = await case.pairs.places.take(free, case.tools.clock, draw) if free else None
        if place is None:
            break
        name = looked.name if number % 2 else randomness.scramble(case.seed, -key, looked.name)
        port = _FIRST_PORT + randomness.below(case.seed, f"packets/port/{looked.kind}", key, _PORTS)
        drawn.append((name, place, port))
    return drawn


async def _send(case: Case, looked: Looked, number: int, name: str, place: Place, port: int) -> None:
    tools = case.tools
    endpoint = trigger.TriggerEndpoint(
        address=place.address,
        port=place.port,
        operation=looked.operation,
        name=name,
        message=looked.message(name),
        limited=Limited(hop_limit=None, source_port=port),
    )
    what = "target" if name == looked.name else "control"
    step = await trigger.send(endpoint, tools.net, tools.clock, tools.limits)
    case.keep(step, variant=f"{looked.kind}/{what}/{number // 2 + 1}")


PACKETS = Technique(
    name="packets",
    summary="the failing message again, with and without the name, while the heads of its packets are kept",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT}),
    needs=frozenset({Need.RAW_PACKETS}),
    most_bytes=40_000,
    most_s=60.0,
    run=run,
)
