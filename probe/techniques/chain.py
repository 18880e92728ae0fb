"""Whose certificates an address shows: for the target's name, for a scramble of it, and without any name.

Pairs show the same of a helper. Where an address proves itself for any other
name and shows a false chain for this one, a box in between may read the name;
its own server may be set up wrongly too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.measure import Page
from probe.steps import tcp, tls
from probe.techniques.technique import Need, Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case

ADDRESSES = 2
TRIALS = 2


async def run(case: Case) -> None:
    """Shake hands with each name at each address, one after the other, in an order drawn by chance."""
    page = Page.of(case.target.url)
    planned = [
        (address, variant, trial)
        for address in case.addresses[:ADDRESSES]
        for variant in ("target", "other", "no-sni")
        for trial in range(TRIALS)
    ]
    for i in randomness.permutation(case.seed, "chain", case.number, len(planned)):
        address, variant, trial = planned[i]
        other = randomness.scramble(case.seed, case.number * TRIALS + trial, page.host)
        name = {"target": page.host, "other": other, "no-sni": None}[variant]
        await _shake_hands(case, address, page.port, name, variant)


async def _shake_hands(case: Case, address: str, port: int, name: str | None, variant: str) -> None:
    tools = case.tools
    connected, stream = await tcp.connect(
        tcp.TcpEndpoint(address=address, port=port), tools.net, tools.clock, tools.limits
    )
    case.keep(connected, variant=variant)
    if stream is None:
        return
    endpoint = tls.TlsEndpoint(stream=stream, address=address, port=port, server_name=name, trust=tools.trust)
    shaken, secured = await tls.handshake(endpoint, tools.net, tools.clock, tools.limits)
    if secured is not None:
        await secured.close()
    case.keep(shaken, variant=variant)


CHAIN = Technique(
    name="chain",
    summary="the certificates that the target's address shows for its name, for a scramble and without a name",
    looks_into=frozenset({Anomaly.ODD_CERTIFICATE}),
    needs=frozenset({Need.HTTPS, Need.ANSWERED_ADDRESS}),
    most_bytes=120_000,
    most_s=60.0,
    run=run,
)
