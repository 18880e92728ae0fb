"""The server name in a QUIC Initial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.measure import Page
from probe.model import NameKind
from probe.steps import quic
from probe.swaps.swap import Swap, is_innocuous

if TYPE_CHECKING:
    from probe.model import Observation, Target
    from probe.swaps.swap import Arm


def swap_of(target: Target, port: int) -> Swap:
    """Give the swap of a target's host; ``port`` is where its own server speaks QUIC."""
    page = Page.of(target.url)
    return Swap(
        kind=NameKind.QUIC,
        page=page,
        name=page.host,
        is_negative_control=is_innocuous(target),
        walk=walk,
        helper_port=lambda helper: helper.quic_port,
        port=port,
    )


async def walk(arm: Arm) -> tuple[Observation, ...]:
    """Shake hands with the arm's name."""
    endpoint = quic.QuicEndpoint(
        address=arm.place.address,
        port=arm.place.port,
        server_name=arm.name,
        trust=None,
        pinned_key=arm.place.public_key,
    )
    return (await quic.handshake(endpoint, arm.tools.net, arm.tools.clock, arm.tools.limits),)
