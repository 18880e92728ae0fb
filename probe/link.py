"""What the vantage knows of its own link: carrier, default route, gateway, first hops.

Taken at the start and the end of each cycle. It is what tells a router that was
unplugged (`local`) from a cable that burnt a hundred kilometres away (`dark`).
No address, and no name of an interface or a network, is kept.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probe.steps import hop

if TYPE_CHECKING:
    from datetime import datetime

    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net

HOPS_ASKED = 6  # the volunteer's own network and the operator's first routers
ROUTE_TABLES = Path("/proc/net")
TRACE_PORT = 33434  # the port that traceroute has always used: nothing listens there


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One look at the link; ``None`` where this system does not tell."""

    sampled_at: datetime
    is_interface_up: bool | None
    has_default_route: bool | None
    is_gateway_answering: bool | None
    last_hop_answering: int | None


def is_interface_up() -> bool | None:
    """Tell whether any interface but loopback is up and has carrier."""
    import psutil  # here, because a plan or a report needs no interface

    stats = psutil.net_if_stats()
    return any(stat.isup for name, stat in stats.items() if "loopback" not in stat.flags and name != "lo")


def has_default_route() -> bool | None:
    """Tell whether the routing table has a default route; ``None`` where the system does not show it.

    Reads the kernel's table and sends nothing.
    """
    if sys.platform != "linux":
        return None
    found = False
    for table, is_default in (("route", _is_default_v4), ("ipv6_route", _is_default_v6)):
        try:
            lines = (ROUTE_TABLES / table).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        found = found or any(is_default(line.split()) for line in lines)
    return found


def _is_default_v4(fields: list[str]) -> bool:
    # Iface Destination Gateway Flags … Mask …; flag 1 is RTF_UP
    return len(fields) > 7 and fields[1] == fields[7] == "00000000" and bool(int(fields[3], 16) & 1)


def _is_default_v6(fields: list[str]) -> bool:
    # destination prefix-length … flags interface; 0x200 is RTF_REJECT, and lo holds the kernel's own reject route
    return len(fields) > 9 and set(fields[0]) == {"0"} and fields[1] == "00" and fields[9] != "lo"


async def look(beacon: str | None, net: Net, clock: Clock, limits: Limits) -> Link:
    """Look at the link once.

    ``beacon`` is a public address towards which a few packets are sent whose hop
    limit runs out on the way; without one, the hops stay unknown.
    """
    sampled_at = clock.now()
    gateway: bool | None = None
    last: int | None = None
    has_route = has_default_route()
    if beacon is not None and has_route is not False:
        seen = await asyncio.gather(
            *(
                hop.ask(hop.HopEndpoint(address=beacon, port=TRACE_PORT, hop_limit=limit), net, clock, limits)
                for limit in range(1, HOPS_ASKED + 1)
            )
        )
        is_told = any(observation.error_text != hop.NOT_AVAILABLE for observation in seen)
        answered = [observation.hop_limit or 0 for observation in seen if observation.address is not None]
        gateway = 1 in answered if is_told else None
        last = max(answered, default=0) if is_told else None
    return Link(
        sampled_at=sampled_at,
        is_interface_up=is_interface_up(),
        has_default_route=has_route,
        is_gateway_answering=gateway,
        last_hop_answering=last,
    )
