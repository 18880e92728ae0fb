"""The target's name and a control's, asked of an address that runs no resolver: whatever answers was forged.

An answer to both names means that port 53 is intercepted, whatever is asked; an
answer to the target's alone means a rule on it. The control's name is that of a
control of the schedule, because it exists and was asked a moment ago as well:
a box that asks on in everybody's place may be slow with a name that nobody
knows, or give up on it, and then a scramble's silence would mean nothing. A few
scrambles are asked beside, because a rule may spare known names.

Over TCP each name is asked once at two of the addresses: what accepts the
connection there and answers takes port 53 over TCP too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.measure import Page, is_literal
from probe.model import DnsTransport, TargetKind
from probe.schedule.model import Resolver
from probe.steps import dns
from probe.techniques.technique import Need, Technique

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.model import Observation
    from probe.techniques.technique import Case

FIRST = 4
"""Pairs before it is given up: most paths forge nothing, and silence costs time."""
PAIRS = 14
"""13 pairs in which the target's name alone was answered give E = 1,170; one may be lost."""
SCRAMBLES = 3
ENOUGH_INTERCEPTED = 3
"""Answers to controls' names after which it is plain that the port is intercepted."""

TCP_PLACES = 2
"""Addresses that are asked over TCP."""

TARGET, CONTROL, SCRAMBLE = "target", "control", "scramble"
TCP_TARGET, TCP_CONTROL = "tcp-target", "tcp-control"
"""Of questions over TCP, which no pair of those over UDP is counted with."""


async def run(case: Case) -> None:
    """Ask pairs of names in an order drawn for each, a few pairs at a time, and some scrambles at the end.

    Over TCP they are asked beside the first pairs.
    """
    name = Page.of(case.target.url).host
    controls = _control_names(case, name)
    addresses = [str(a) for a in case.schedule.silent_addresses() if a.version in case.pairs.families]
    if is_literal(name) or not addresses or not controls:
        return
    base = case.number * (PAIRS + SCRAMBLES)
    draw = partial(_draw, case.seed, base)
    order = randomness.permutation(case.seed, "non-resolver/tcp address", case.number, len(addresses))

    async def pair(number: int) -> tuple[bool, bool]:
        address = addresses[draw("address", number, len(addresses))]
        arms = [(TARGET, name), (CONTROL, controls[draw("control", number, len(controls))])]
        if draw("order", number, 2):
            arms.reverse()
        answered = {variant: await _is_answered(case, asked, address, variant) for variant, asked in arms}
        return answered[TARGET], answered[CONTROL]

    async def over_tcp(number: int) -> None:
        address = addresses[order[number % len(order)]]
        arms = [(TCP_TARGET, name), (TCP_CONTROL, controls[draw("tcp control", number, len(controls))])]
        if draw("tcp order", number, 2):
            arms.reverse()
        for variant, asked in arms:
            await _is_answered(case, asked, address, variant, DnsTransport.TCP)

    at_once = case.tools.limits.concurrent_pairs
    outcomes: list[tuple[bool, bool]] = []
    while len(outcomes) < PAIRS:
        size = FIRST if not outcomes else min(at_once, PAIRS - len(outcomes))
        numbers = range(len(outcomes), len(outcomes) + size)
        beside = map(over_tcp, range(0 if outcomes else TCP_PLACES))
        asked_over_tcp = asyncio.gather(*beside)
        outcomes += await asyncio.gather(*map(pair, numbers))
        await asked_over_tcp
        targets, others = (sum(answered) for answered in zip(*outcomes, strict=True))
        if targets + others == 0 or others >= ENOUGH_INTERCEPTED:
            return
    for number in range(PAIRS, PAIRS + SCRAMBLES):
        address = addresses[draw("address", number, len(addresses))]
        await _is_answered(case, randomness.scramble(case.seed, base + number, name), address, SCRAMBLE)


def _draw(seed: bytes, base: int, purpose: str, number: int, bound: int) -> int:
    return randomness.below(seed, f"non-resolver/{purpose}", base + number, bound)


async def _is_answered(
    case: Case, name: str, address: str, variant: str, transport: DnsTransport = DnsTransport.UDP
) -> bool:
    """Ask once, and tell whether anything answered; listening for as long as for a late answer."""
    limits = case.tools.limits
    seen: Observation = await dns.query(
        dns.DnsEndpoint(
            resolver=Resolver(name="none", transport=transport, address=address),
            name=name,
            query_type="A",
            trust=None,
        ),
        case.tools.net,
        case.tools.clock,
        replace(limits, dns_timeout_s=min(limits.dns_timeout_s, limits.dns_late_window_s)),
    )
    case.keep(seen, variant=variant)
    return any(answer.is_valid for answer in seen.answers)


def _control_names(case: Case, but: str) -> list[str]:
    controls = case.schedule.of_kind(TargetKind.CONTROL_ABROAD, TargetKind.CONTROL_HOME)
    hosts = dict.fromkeys(Page.of(control.url).host for control in controls)
    is_useful: Callable[[str], bool] = lambda host: host != but and not is_literal(host)  # noqa: E731 - one short test
    return list(filter(is_useful, hosts))


NON_RESOLVER = Technique(
    name="non-resolver",
    summary="the target's name and a control's, asked where no resolver runs: any answer is forged",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.ODD_NAME, Anomaly.ODD_CERTIFICATE}),
    needs=frozenset({Need.SILENT_ADDRESS}),
    most_bytes=12_000,
    most_s=60.0,
    run=run,
)
