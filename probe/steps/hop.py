"""One packet whose hop limit runs out on the way, and who says so.

A UDP datagram of eight bytes. A router that drops it answers with ICMP Time
Exceeded, a host that it reaches with Port Unreachable; Linux hands both to an
ordinary program. Other systems do not, and the observation says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.net import AddressNotDialledError
from probe.steps.failing import failure_of, text_of

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net

NOT_AVAILABLE = "this system does not hand ICMP errors to programs"
"""The ``error_text`` of an observation whose silence means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopEndpoint:
    """Where the packet is sent, and how far it may go."""

    address: str
    port: int
    hop_limit: int


async def ask(endpoint: HopEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Send one packet; ``address`` of the observation is who answered, ``None`` where nobody did.

    The nearest answers come from the volunteer's own gateway: whoever stores
    such an observation leaves out an address that ``net`` may not dial.
    """
    began = clock.monotonic()
    seen = Observation(
        operation=Operation.HOP,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        port=endpoint.port,
        hop_limit=endpoint.hop_limit,
    )
    try:
        answer = await net.probe_hop(endpoint.address, endpoint.port, endpoint.hop_limit, began + limits.hop_timeout_s)
    except (OSError, AddressNotDialledError) as error:
        seen = replace(seen, failure=failure_of(error), error_text=text_of(error, limits))
    else:
        if answer is None:
            seen = replace(seen, failure=Failure.UNKNOWN, error_text=NOT_AVAILABLE)
        else:
            seen = replace(seen, address=answer.address)
    return replace(seen, ended_mono_s=clock.monotonic())
