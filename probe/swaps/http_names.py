"""The Host of a request over plain HTTP, and its path: of a video its id, else all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe import helper as helper_protocol
from probe import randomness
from probe.measure import Page
from probe.model import NameKind
from probe.steps import http, tcp
from probe.swaps.swap import Swap, is_innocuous

if TYPE_CHECKING:
    from collections.abc import Mapping

    from probe.model import Observation, Target
    from probe.net import Stream
    from probe.swaps.swap import Arm


SHORTEST_PATH = 3
"""A shorter one has few scrambles, and a rule on it would be met everywhere."""


def swaps(target: Target) -> list[Swap]:
    """Give the swaps of a target over plain HTTP; none of another."""
    page = Page.of(target.url)
    if page.scheme != "http":
        return []
    made = [_swap(NameKind.HOST, page, page.host, is_negative_control=is_innocuous(target))]
    path = target.video if target.video is not None and target.video in page.url else page.rest.lstrip("/")
    if len(path) >= SHORTEST_PATH and any(map(str.isalnum, path)):
        made.append(_swap(NameKind.PATH, page, path, is_negative_control=is_innocuous(target)))
    return made


def of_host(host: str) -> Swap:
    """Give the swap of another host that a target needs."""
    return _swap(NameKind.HOST, Page.of(f"http://{host}/"), host, is_negative_control=False)


def _swap(kind: NameKind, page: Page, name: str, *, is_negative_control: bool) -> Swap:
    return Swap(
        kind=kind,
        page=page,
        name=name,
        is_negative_control=is_negative_control,
        walk=walk,
        helper_port=lambda helper: helper.http_port,
        port=page.port,
    )


async def walk(arm: Arm) -> tuple[Observation, ...]:
    """Connect, and ask for the page with the arm's name in it."""
    connected, stream = await tcp.connect(
        tcp.TcpEndpoint(address=arm.place.address, port=arm.place.port),
        arm.tools.net,
        arm.tools.clock,
        arm.tools.limits,
    )
    if stream is None:
        return (connected,)
    return (connected, await _exchange(arm, stream))


async def _exchange(arm: Arm, stream: Stream) -> Observation:
    nonce = f"{randomness.below(arm.seed, 'nonce', arm.number, 1 << 128):032x}"
    key = arm.place.public_key

    def is_genuine(status: int, headers: Mapping[str, str], body: bytes) -> bool:
        del body  # the signature is of the nonce; the page is the same for everybody
        return helper_protocol.is_genuine(status, headers, nonce, key or b"")

    return await http.exchange(
        http.HttpEndpoint(
            stream=stream,
            address=arm.place.address,
            port=arm.place.port,
            url=arm.swap.url_with(arm.name),
            headers=((helper_protocol.NONCE_HEADER, nonce),) if key else (),
            genuine=is_genuine if key else None,
        ),
        arm.tools.net,
        arm.tools.clock,
        arm.tools.limits,
    )
