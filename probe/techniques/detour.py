"""The same target by another way round: alive there and dead here, neither it nor the way out is broken.

In December 2011 users of anonymizers still reached Twitter. Opt-in: only ways
that the volunteer already has and has named are used. What comes that way is
recorded as that way's, and never mixed with the vantage's own path.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.measure import Page, manner_of
from probe.model import Operation, TargetKind
from probe.steps import detour, http, tls
from probe.techniques.technique import Need, Technique

if TYPE_CHECKING:
    from probe.model import Target
    from probe.schedule.model import Way
    from probe.techniques.technique import Case

TARGET, CONTROL = "target", "control"


async def run(case: Case) -> None:
    """Ask by each way for the target, and for a control abroad, which shows whether the way itself works."""
    controls = case.schedule.of_kind(TargetKind.CONTROL_ABROAD)
    control = controls[randomness.below(case.seed, "detour", case.number, len(controls))] if controls else None
    await asyncio.gather(
        *(
            _ask(case, way, target, variant)
            for way in case.schedule.ways
            for target, variant in ((case.target, TARGET), (control, CONTROL))
            if target is not None
        )
    )


async def _ask(case: Case, way: Way, target: Target, variant: str) -> None:
    net, clock, limits = case.tools.net, case.tools.clock, case.tools.limits
    page = Page.of(target.url)
    known = case.routine_steps if variant == TARGET else []
    addresses = {a: None for s in known for answer in s.observation.answers for a in answer.addresses}
    connected, stream = await detour.connect(
        detour.DetourEndpoint(way=way, host=page.host, port=page.port, addresses=tuple(addresses)), net, clock, limits
    )
    case.keep(connected, variant=variant, way=way.name)
    if stream is None:
        return
    try:
        if page.scheme == "https":
            endpoint = tls.TlsEndpoint(
                stream=stream,
                address=connected.address or "",
                port=page.port,
                server_name=page.host,
                trust=case.tools.trust,
            )
            shaken, secured = await tls.handshake(endpoint, net, clock, limits)
            case.keep(shaken, variant=variant, way=way.name)
            if secured is None or shaken.certificate_failure is not None:
                return
            stream = secured
        manner = manner_of(page, case.tools)
        asked = http.HttpEndpoint(
            stream=stream,
            address=connected.address or "",
            port=page.port,
            url=page.url,
            method=manner.method,
            body_limit_bytes=manner.body_limit_bytes,
        )
        exchanged = await http.exchange(asked, net, clock, limits)
        assert exchanged.operation is Operation.HTTP
        case.keep(exchanged, variant=variant, way=way.name)
    finally:
        await stream.close()


DETOUR = Technique(
    name="detour",
    summary="the same target by another way round that the volunteer has (a proxy, Tor, a second line)",
    looks_into=frozenset({Anomaly.UNANSWERED}),
    needs=frozenset({Need.WAY_ROUND}),
    most_bytes=120_000,
    most_s=90.0,
    run=run,
)
