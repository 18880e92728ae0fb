"""The server name in a TLS ClientHello."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.measure import Page
from probe.model import NameKind
from probe.steps import tcp, tls
from probe.swaps.swap import Swap, is_innocuous

if TYPE_CHECKING:
    from probe.model import Observation, Target
    from probe.swaps.swap import Arm


def swaps(target: Target) -> list[Swap]:
    """Give the swap of an https target; none of another."""
    page = Page.of(target.url)
    return [_swap(page, is_negative_control=is_innocuous(target))] if page.scheme == "https" else []


def of_host(host: str) -> Swap:
    """Give the swap of another host that a target needs."""
    return _swap(Page.of(f"https://{host}/"), is_negative_control=False)


def _swap(page: Page, *, is_negative_control: bool) -> Swap:
    return Swap(
        kind=NameKind.SNI,
        page=page,
        name=page.host,
        is_negative_control=is_negative_control,
        walk=walk,
        helper_port=lambda helper: helper.https_port,
        port=page.port,
    )


async def walk(arm: Arm) -> tuple[Observation, ...]:
    """Connect and shake hands with the arm's name."""
    net, clock, limits = arm.tools.net, arm.tools.clock, arm.tools.limits
    place = arm.place
    connected, stream = await tcp.connect(tcp.TcpEndpoint(address=place.address, port=place.port), net, clock, limits)
    if stream is None:
        return (connected,)
    try:
        endpoint = tls.TlsEndpoint(
            stream=stream,
            address=place.address,
            port=place.port,
            server_name=arm.name,
            trust=None,
            pinned_key=place.public_key,
        )
        shaken, secured = await tls.handshake(endpoint, net, clock, limits)
        if secured is not None:
            await secured.close()
        return (connected, shaken)
    finally:
        await stream.close()
