"""A transfer of many bytes under a name: over TLS the name is in the ClientHello, else in the Host header."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from probe import helper as helper_protocol
from probe import randomness
from probe.measure import Page
from probe.model import NameKind
from probe.rates import ARM_S
from probe.steps import http, tcp, tls
from probe.swaps.swap import Swap, is_innocuous

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probe.model import Observation, Target
    from probe.net import Stream
    from probe.swaps.swap import Arm


def swap_of(target: Target, length_bytes: int) -> Swap:
    """Give the swap of a target's name in a transfer of ``length_bytes``."""
    page = Page.of(target.url)
    is_secure = page.scheme == "https"
    return Swap(
        kind=NameKind.SNI if is_secure else NameKind.HOST,
        page=page,
        name=page.host,
        is_negative_control=is_innocuous(target),
        walk=partial(walk, length_bytes=length_bytes),
        helper_port=(lambda helper: helper.https_port) if is_secure else (lambda helper: helper.http_port),
        port=page.port,
    )


async def walk(arm: Arm, length_bytes: int) -> tuple[Observation, ...]:
    """Connect, shake hands where TLS is spoken, and read what comes for some seconds."""
    net, clock, limits = arm.tools.net, arm.tools.clock, arm.tools.limits
    place = arm.place
    connected, stream = await tcp.connect(tcp.TcpEndpoint(address=place.address, port=place.port), net, clock, limits)
    if stream is None:
        return (connected,)
    if arm.swap.kind is not NameKind.SNI:
        return (connected, await _exchange(arm, stream, length_bytes))
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
        if secured is None:
            return (connected, shaken)
        return (connected, shaken, await _exchange(arm, secured, length_bytes))
    finally:
        await stream.close()


async def _exchange(arm: Arm, stream: Stream, length_bytes: int) -> Observation:
    """Ask the helper for so many bytes, and a target for its page: over TLS both arms ask for the same one."""
    nonce = f"{randomness.below(arm.seed, 'nonce', arm.number, 1 << 128):032x}"
    key = arm.place.public_key

    def is_genuine(status: int, headers: Mapping[str, str], body: bytes) -> bool:
        expected = helper_protocol.content(nonce.encode(), len(body))
        return helper_protocol.is_genuine(status, headers, nonce, key or b"") and body == expected

    asked = ((helper_protocol.NONCE_HEADER, nonce), (helper_protocol.BYTES_HEADER, str(length_bytes)))
    return await http.exchange(
        http.HttpEndpoint(
            stream=stream,
            address=arm.place.address,
            port=arm.place.port,
            url=arm.swap.page.url if arm.swap.kind is NameKind.SNI else arm.swap.url_with(arm.name),
            headers=asked if key else (),
            genuine=is_genuine if key else None,
            body_limit_bytes=length_bytes,
            enough_s=ARM_S,
        ),
        arm.tools.net,
        arm.tools.clock,
        arm.tools.limits,
    )
