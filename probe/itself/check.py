"""The self-check of a cycle: way out, proxies, clock, resolver, network. One row, without an address.

The vantage's public address is needed for a moment, to look its network up in
the volunteer's own table. It is the interface's, where that is public; behind a
translator, a helper says which one it sees. Then it is forgotten.
"""

from __future__ import annotations

import logging
import secrets
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from probe import helper as helper_protocol
from probe.addresses import is_public_address, parse_address
from probe.itself import networks, ways_out
from probe.itself.clock_offset import offset_of
from probe.steps import http, tcp
from probe.store import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probe.measure import Tools
    from probe.model import Observation
    from probe.schedule.model import Schedule

    Address = IPv4Address | IPv6Address

_log = logging.getLogger(__name__)

INTERFACE, HELPER = "interface", "helper"
MOST_BYTES: Final = 2_000
"""Of one check, both ways: a connection to a helper and one short page, where a table is given."""


async def check(cycle_id: str, schedule: Schedule, tools: Tools, answers: Iterable[Observation]) -> models.SelfCheck:
    """Check, and give the row. ``answers`` are the HTTP steps of the controls so far."""
    beacon = schedule.beacon
    own = tools.net.own_address_towards(beacon) if beacon else None
    kind, has_other_line = ways_out.way_out(own)
    offset = offset_of(answers)
    resolver = next((parse_address(text) for text in tools.net.system_resolver_addresses()), None)
    row = models.SelfCheck(
        cycle_id=cycle_id,
        checked_at=tools.clock.now(),
        way_out=kind,
        has_other_line=has_other_line,
        has_proxy_settings=ways_out.has_proxy_settings(),
        clock_offset_s=offset.ahead_s if offset else None,
        clock_offset_source=offset.source if offset else None,
        clock_witnesses=offset.witnesses if offset else None,
        resolver_kind=_kind_of_resolver(resolver),
    )
    if schedule.as_table is not None:
        try:
            await _look_up(row, own, resolver, schedule, tools)
        except (OSError, EOFError):
            _log.warning("the table of networks cannot be read; the vantage's own network stays unknown")
    return row


def _kind_of_resolver(address: Address | None) -> str | None:
    if address is None:
        return None
    if address.is_loopback:
        return "loopback"
    return "public" if is_public_address(address) else "private"


async def _look_up(
    row: models.SelfCheck, own: str | None, resolver: Address | None, schedule: Schedule, tools: Tools
) -> None:
    table = schedule.as_table
    assert table is not None
    public = parse_address(own) if own else None
    source = INTERFACE
    if public is None or not is_public_address(public):
        public, source = await seen_by_helper(schedule, tools), HELPER
    found = networks.look_up(table, [a for a in (public, resolver) if a is not None and is_public_address(a)])
    row.as_table_sha256 = networks.sha256(table)
    if public in found:
        row.network, row.network_country, row.network_source = found[public].name, found[public].country, source
    if resolver in found:
        row.resolver_network = found[resolver].name


async def seen_by_helper(schedule: Schedule, tools: Tools) -> Address | None:
    """Ask a helper, drawn at random, which address it sees; ``None`` where none says so under its key."""
    if not schedule.helpers:
        return None
    helper = secrets.choice(schedule.helpers)
    address = str(secrets.choice(helper.addresses()))
    _, stream = await tcp.connect(
        tcp.TcpEndpoint(address=address, port=helper.http_port), tools.net, tools.clock, tools.limits
    )
    if stream is None:
        return None
    nonce = secrets.token_hex(16)
    said: list[str] = []

    def read(status: int, headers: Mapping[str, str], body: bytes) -> bool:
        del body
        client = helper_protocol.client_in(status, headers, nonce, helper.public_key)
        said.extend([client] if client else [])
        return client is not None

    host = f"[{address}]" if ":" in address else address
    await http.exchange(
        http.HttpEndpoint(
            stream=stream,
            address=address,
            port=helper.http_port,
            url=f"http://{host}/",
            headers=((helper_protocol.NONCE_HEADER, nonce), (helper_protocol.CLIENT_HEADER, "?")),
            genuine=read,
        ),
        tools.net,
        tools.clock,
        tools.limits,
    )
    return ip_address(said[0]) if said else None
