"""One measurement of one URL: names, addresses, connections, and one page.

Every step is a row, whether or not the next one needed it. The order is that of
a browser that shows its work: each resolver of the schedule is asked that costs
no handshake (the encrypted ones are a closer look's); the system's addresses
are dialled, and beside them those that only other resolvers gave, because they
tell a lying resolver from a dead site; the page is fetched once, over the first
connection that works; redirects are followed by us, each hop checked before it
is dialled.
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.failures import Failure
from probe.fingerprints import NO_FINGERPRINTS
from probe.model import Operation
from probe.record import Step
from probe.steps import dns, http, tcp, tls
from probe.url import DEFAULT_PORTS, redirect_target
from probe.watching import routine_url, with_player

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from probe.clock import Clock
    from probe.fingerprints import Fingerprints
    from probe.limits import Limits
    from probe.model import Observation, Target
    from probe.net import Net, Stream
    from probe.schedule.model import Resolver
    from probe.trust import Trust

    Seen = tuple[list[Observation], Observation | None]
    """The observations of one hop, an HTTP exchange last where there was one, and that exchange if it succeeded."""
    Visit = Callable[["Page", "Tools"], Awaitable[Seen]]

QUERY_TYPES = ("A", "AAAA")
PLAIN_BODY_BYTES = 4096
"""Read of a page over plain HTTP even where the schedule wants none: nothing else shows whose page it is."""
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})  # RFC 9110, section 15.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every measurement works with."""

    net: Net
    clock: Clock
    limits: Limits
    trust: Trust
    resolvers: tuple[Resolver, ...]
    fingerprints: Fingerprints = NO_FINGERPRINTS
    """Of known block pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a page is asked for, where it is not as usual."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body_limit_bytes: int | None = None
    is_enough: Callable[[bytes], bool] | None = None


USUAL = Manner()
HEAD_ALONE = Manner(method="HEAD")
PLAIN = Manner(body_limit_bytes=PLAIN_BODY_BYTES)


@dataclass(frozen=True, slots=True)
class Page:
    """Where a URL is to be fetched."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def rest(self) -> str:
        """Give what comes after the host: the path, and the query."""
        return self.url[self.url.index("/", self.url.index("//") + 2) :]

    @classmethod
    def of(cls, url: str) -> Page:
        """Take a checked URL (the schedule's, or a redirect's that passed) apart."""
        parts = urlsplit(url)
        scheme = parts.scheme
        return cls(url, scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[scheme])


async def routine(
    target: Target,
    tools: Tools,
    attempt: int,
    *,
    asks_others: bool = True,
    answered: asyncio.Future[list[Step]] | None = None,
) -> list[Step]:
    """Measure a target once, redirects included: what a program here would do, and beside it what others resolve.

    Other resolvers are listened to while the page is fetched, and longer: a forged answer arrives first. ``answered``
    is given the steps so far as soon as a page came, so that nobody else needs to wait for what they may still say.
    """
    url = routine_url(target)
    page = Page.of(url)
    steps: list[Step] = []
    others = [r for r in tools.resolvers if asks_others and not r.transport.is_encrypted and not r.is_system]
    listening = asyncio.ensure_future(resolve(page.host, others, tools))
    try:
        await follow(url, tools, attempt, _visit, steps.append)
        is_proven = is_answered(steps) and page.scheme == "https"
        if answered is not None and is_answered(steps):
            answered.set_result(list(steps))
        queries = await listening
    finally:
        listening.cancel()
    late = [Step(observation=query, attempt=attempt) for query in queries]
    if not is_proven:
        tried = [step.observation.address for step in steps if step.redirect == 0 and step.observation.address]
        further = addresses_of(queries, tools.limits.addresses_per_family, without=tried)

        async def look_further(page: Page, tools: Tools) -> Seen:
            manner = manner_of(page, tools)
            return await fetch(page, further, tools, is_page_wanted=not is_answered(steps), manner=manner)

        more: list[Step] = []
        if further:
            await follow(url, tools, attempt, look_further, more.append)
        # A page stands last, whoever led to it.
        steps = [*more, *steps] if is_answered(steps) else [*steps, *more]
    steps = [replace(step, observation=with_player(step.observation, target.video)) for step in steps]
    return [*late, *steps]


async def follow(url: str, tools: Tools, attempt: int, first: Visit, keep: Callable[[Step], None]) -> None:
    """Visit a URL with ``first``, and where redirects lead as the routine does; keep the steps of each hop."""
    for redirect in range(tools.limits.http_redirects + 1):
        page = Page.of(url)
        seen, answer = await (_visit if redirect else first)(page, tools)
        next_url = None
        if answer is not None and answer.status in REDIRECT_STATUSES and answer.location is not None:
            next_url = redirect_target(url, answer.location)
            wrong = Failure.HTTP_INVALID_REDIRECT if next_url is None else None
            if redirect == tools.limits.http_redirects:
                wrong = Failure.HTTP_TOO_MANY_REDIRECTS
            seen[-1] = replace(seen[-1], failure=wrong)
        for observation in seen:
            keep(Step(observation=observation, attempt=attempt, redirect=redirect))
        if next_url is None:
            break
        url = next_url


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
    """Tell whether a page came back: not that it was the right one, which is for the analysis to say.

    What ends in it is the routine pass, or a closer look that went on from there.
    """
    last = {step.technique: step.observation for step in steps}
    return any(seen.operation is Operation.HTTP and seen.failure is None for seen in last.values())


async def _visit(page: Page, tools: Tools) -> Seen:
    """Do what a program here would: ask the system's resolver, dial what it says."""
    queries = await resolve(page.host, [r for r in tools.resolvers if r.is_system], tools)
    addresses = candidates(page.host, queries, tools.limits.addresses_per_family)
    seen, exchange = await fetch(page, addresses, tools, manner=manner_of(page, tools))
    return [*queries, *seen], exchange


def manner_of(page: Page, tools: Tools) -> Manner:
    """Say how the routine asks: for the head alone where the schedule wants no body and TLS proves whose page it is."""
    if tools.limits.http_body_bytes:
        return USUAL
    return HEAD_ALONE if page.scheme == "https" else PLAIN


async def fetch(
    page: Page, addresses: Sequence[str], tools: Tools, *, is_page_wanted: bool = True, manner: Manner = USUAL
) -> Seen:
    """Dial every address, and get the page over the first that works, where it is wanted."""
    opened: list[Stream] = []
    try:
        dialled = await asyncio.gather(*(_dial(address, page, tools, opened) for address in addresses))
        seen = [observation for observations, _ in dialled for observation in observations]
        usable = [(address, stream) for address, (_, stream) in zip(addresses, dialled, strict=True) if stream]
        if not usable or not is_page_wanted:
            return seen, None
        address, stream = usable[0]
        exchange = await http.exchange(
            http.HttpEndpoint(
                stream=stream,
                address=address,
                port=page.port,
                url=page.url,
                method=manner.method,
                headers=manner.headers,
                body_limit_bytes=manner.body_limit_bytes,
                is_enough=manner.is_enough,
            ),
            tools.net,
            tools.clock,
            tools.limits,
        )
    finally:
        for stream in opened:  # also those that a cancelled gather would forget
            await stream.close()
    exchange = tools.fingerprints.marked(exchange)
    return [*seen, exchange], exchange if exchange.failure is None else None


async def resolve(host: str, resolvers: Sequence[Resolver], tools: Tools) -> list[Observation]:
    """Ask each of the resolvers for both families of addresses, all at once."""
    if is_literal(host):
        return []
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
    """Choose up to ``per_family`` addresses of each family from the answers; of a literal, itself."""
    return [host] if is_literal(host) else addresses_of(queries, per_family)


def addresses_of(queries: Sequence[Observation], per_family: int, without: Collection[str] = ()) -> list[str]:
    """Choose up to ``per_family`` addresses of each family from the answers, those of ``without`` left out."""
    chosen: list[str] = []
    taken = {4: 0, 6: 0}
    # Breadth first over answers, so that one injected answer with many addresses cannot crowd out the true one.
    columns = [answer.addresses for query in queries for answer in query.answers if answer.is_valid]
    for place in range(max(map(len, columns), default=0)):
        for address in (column[place] for column in columns if place < len(column)):
            family = ipaddress.ip_address(address).version
            if address not in chosen and address not in without and taken[family] < per_family:
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
            server_name=None if is_literal(page.host) else page.host,
            trust=tools.trust,
        ),
        tools.net,
        tools.clock,
        tools.limits,
    )
    return [connected, shaken], secured if shaken.certificate_failure is None else None


def is_literal(host: str) -> bool:
    """Tell whether a host is an address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
