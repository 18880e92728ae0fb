"""One TCP connect. Nothing is sent on the connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probe.model import Observation, Operation
from probe.net import AddressNotDialledError
from probe.steps.failing import failure_of, text_of

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpEndpoint:
    """Where to connect to."""

    address: str
    port: int
    source_port: int | None = None
    """Our port, where the caller draws it; where it is taken, another is drawn."""


async def connect(endpoint: TcpEndpoint, net: Net, clock: Clock, limits: Limits) -> tuple[Observation, Stream | None]:
    """Connect, within ``limits.tcp_timeout_s``; the stream is the caller's to close.

    An address that a probe does not dial gives ``address_not_dialled``, and nothing is sent.
    """
    began = clock.monotonic()
    seen = Observation(
        operation=Operation.TCP,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        address=endpoint.address,
        port=endpoint.port,
    )
    try:
        stream = await net.connect(endpoint.address, endpoint.port, began + limits.tcp_timeout_s, endpoint.source_port)
    except (OSError, AddressNotDialledError) as error:
        return replace(
            seen,
            ended_mono_s=clock.monotonic(),
            failure=failure_of(error),
            error_text=text_of(error, limits),
        ), None
    return replace(seen, ended_mono_s=clock.monotonic(), source_port=stream.source_port), stream
