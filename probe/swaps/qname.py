"""The name in a DNS question, asked of a helper: whoever forges an answer for it on the way has read it.

No resolver stands in between: the helper answers every name alike, at once, and
signs it. So a resolver that lies, an old answer in a cache and a zone that is
broken show nothing here; what reads names on the way does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dns.edns import GenericOption, OptionType

from probe import randomness
from probe.failures import Failure
from probe.helper import dns as helper_dns
from probe.measure import Page, is_literal
from probe.model import DnsTransport, NameKind, TargetKind
from probe.schedule.model import Resolver
from probe.steps import dns
from probe.swaps.swap import Swap, is_innocuous

if TYPE_CHECKING:
    from probe.model import Observation, Target
    from probe.swaps.swap import Arm


_LATE_WINDOW_S = 0.2
"""Shorter than elsewhere: the first answer decides, and whatever follows it is only kept beside it."""


def swaps(target: Target) -> list[Swap]:
    """Give the swap of a target's host name; none where the URL has an address, or is a portal check's."""
    page = Page.of(target.url)
    if is_literal(page.host) or target.kind is TargetKind.PORTAL_CHECK:
        return []
    return [
        Swap(
            kind=NameKind.QNAME,
            page=page,
            name=page.host,
            is_negative_control=is_innocuous(target),
            walk=walk,
            helper_port=lambda helper: helper.dns_port,
            port=53,
        )
    ]


async def walk(arm: Arm) -> tuple[Observation, ...]:
    """Ask once; what decides is the first answer that fits the question, as a stub resolver would take it."""
    place = arm.place
    nonce = randomness.below(arm.seed, "nonce", arm.number, 1 << 8 * helper_dns.NONCE_BYTES).to_bytes(
        helper_dns.NONCE_BYTES
    )
    seen = await dns.query(
        dns.DnsEndpoint(
            resolver=Resolver(name="helper", transport=DnsTransport.UDP, address=place.address, port=place.port),
            name=arm.name,
            query_type="A",
            trust=None,
            options=(GenericOption(OptionType.make(helper_dns.OPTION), helper_dns.padded(nonce)),),
        ),
        arm.tools.net,
        arm.tools.clock,
        replace(arm.tools.limits, dns_late_window_s=_LATE_WINDOW_S),
    )
    first = next((answer for answer in seen.answers if answer.is_valid), None)
    if first is None:
        return (seen,)
    is_genuine = helper_dns.is_own(first.raw, nonce, place.public_key or b"")
    failure = seen.failure if is_genuine else Failure.NOT_GENUINE
    return (replace(seen, is_genuine=is_genuine, failure=failure),)
