"""One measurement of one URL: names, addresses, connections, and one page.

Every step is a row, whether or not the next one needed it. The order is that of
a browser that shows its work: each resolver of the schedule is asked; the
system's addresses are dialled, and beside them those that only other resolvers
gave, because they tell a lying resolver from a dead site; the page is fetched
once, over the first connection that works; redirects are followed by us, each
hop checked before it is dialled.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.failures import Failure
from probe.model import DnsTransport, Operation
from probe.record import Step
from probe.steps import dns, http, tcp, tls
from probe.url import DEFAULT_PORTS, redirect_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.clock import Clock
    from probe.limits import Limits
    from probe.model import Observation, Target
    from probe.net import Net, Stream
    from probe.schedule.model import Resolver
    from probe.trust import Trust

QUERY_TYPES = ("A", "AAAA")
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})  # RFC 9110, section 15.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every measurement works with."""

    net: Net
    clock: Clock
    limits: Limits
    trust: Trust
    resolvers: tuple[Resolver, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a URL is to be fetched."""

    url: str
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Page:
        """Take a checked URL (the schedule's, or a redirect's that passed) apart."""
        parts = urlsplit(url)
        scheme = parts.scheme
        return cls(url, scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[scheme])


async def routine(target: Target, tools: Tools, attempt: int) -> list[Step]:
    """Measure a target once, redirects included, and give every step in the order in which it was planned."""
    steps: list[Step] = []
    url = target.url
    for redirect in range(tools.limits.http_redirects + 1):
        page = Page.of(url)
        seen, answer = await _visit(page, tools, asks_every_resolver=redirect == 0)
        next_url = None
        if answer is not None and answer.status in REDIRECT_STATUSES and answer.location is not None:
            next_url = redirect_target(url, answer.location)
            wrong = Failure.HTTP_INVALID_REDIRECT if next_url is None else None
            if redirect == tools.limits.http_redirects:
                wrong = Failure.HTTP_TOO_MANY_REDIRECTS
            seen[-1] = replace(seen[-1], failure=wrong)
        steps += [Step(observation=observation, attempt=attempt, redirect=redirect) for observation in seen]
        if next_url is None:
            break
        url = next_url
    return steps


def dialled(steps: Sequence[Step]) -> list[str]:
    """List the addresses of the target's own host at which something accepted a connection, each once."""
    return list(
        dict.fromkeys(
            step.observation.address
            for step in steps
            if step.redirect == 0
            and step.observation.operation is Operation.TCP
            and step.observation.failure is None
            and step.observation.address
        )
    )


def is_answered(steps: Sequence[Step]) -> bool:
    """Tell whether a page came back: not that it was the right one, which is for the analysis to say."""
    last = steps[-1].observation if steps else None
    return last is not None and last.operation is Operation.HTTP and last.failure is None


async def _visit(
    page: Page, tools: Tools, *, asks_every_resolver: bool
) -> tuple[list[Observation], Observation | None]:
    """Give the observations of one hop, an HTTP exchange last where there was one, and that exchange."""
    queries = await _resolve(page.host, tools, asks_every_resolver=asks_every_resolver)
    addresses = candidates(page.host, queries, tools.limits.addresses_per_family)
    opened: list[Stream] = []
    try:
        dialled = await asyncio.gather(*(_dial(address, page, tools, opened) for address in addresses))
        seen = [*queries, *(observation for observations, _ in dialled for observation in observations)]
        usable = [(address, stream) for address, (_, stream) in zip(addresses, dialled, strict=True) if stream]
        if not usable:
            return seen, None
        address, stream = usable[0]
        exchange = await http.exchange(
            http.HttpEndpoint(stream=stream, address=address, port=page.port, url=page.url),
            tools.net,
            tools.clock,
            tools.limits,
        )
    finally:
        for stream in opened:  # also those that a cancelled gather would forget
            await stream.close()
    return [*seen, exchange], exchange if exchange.failure is None else None


async def _resolve(host: str, tools: Tools, *, asks_every_resolver: bool) -> list[Observation]:
    if _is_literal(host):
        return []
    resolvers = [r for r in tools.resolvers if asks_every_resolver or r.transport is DnsTransport.SYSTEM]
    return await asyncio.gather(
        *(
            dns.query(
                dns.DnsEndpoint(resolver=resolver, name=host, query_type=query_type, trust=tools.trust),
                tools.net,
                tools.clock,
                tools.limits,
            )
            for resolver in resolvers
            for query_type in QUERY_TYPES
        )
    )


def candidates(host: str, queries: Sequence[Observation], per_family: int) -> list[str]:
    """Choose the addresses to dial.

    First up to ``per_family`` of each family from the system's own answer, in its
    order, then as many again that only others gave, late answers included.
    """
    if _is_literal(host):
        return [host]
    own = [q for q in queries if q.transport is DnsTransport.SYSTEM]
    others = [q for q in queries if q.transport is not DnsTransport.SYSTEM]
    chosen: list[str] = []
    for group in (own, others):
        taken = {4: 0, 6: 0}
        # Breadth first over answers, so that one injected answer with many addresses cannot crowd out the true one.
        columns = [answer.addresses for query in group for answer in query.answers if answer.is_valid]
        for place in range(max(map(len, columns), default=0)):
            for address in (column[place] for column in columns if place < len(column)):
                family = ipaddress.ip_address(address).version
                if address not in chosen and taken[family] < per_family:
                    chosen.append(address)
                    taken[family] += 1
    return chosen


async def _dial(
    address: str, page: Page, tools: Tools, opened: list[Stream]
) -> tuple[list[Observation], Stream | None]:
    """Connect, and for https shake hands; no stream where the certificate is not the name's own.

    What is opened is added to ``opened``, for the caller to close.
    """
    connected, stream = await tcp.connect(
        tcp.TcpEndpoint(address=address, port=page.port), tools.net, tools.clock, tools.limits
    )
    if stream is None:
        return [connected], None
    opened.append(stream)
    if page.scheme == "http":
        return [connected], stream
    shaken, secured = await tls.handshake(
        tls.TlsEndpoint(
            stream=stream,
            address=address,
            port=page.port,
            server_name=None if _is_literal(page.host) else page.host,
            trust=tools.trust,
        ),
        tools.net,
        tools.clock,
        tools.limits,
    )
    return [connected, shaken], secured if shaken.certificate_failure is None else None


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
