"""What resolvers do apart from the target's name: what they invent, who answers in their place, and from where.

*Names that nobody has*: some resolvers send whoever mistypes a name to a page
of theirs, and some portals answer everything. What such a resolver says of a
name that does not exist is no trace of a rule on it. The names are random
labels under controls' own: nobody asked for them before, and no list holds them.

*Who answers*: each public resolver is asked over UDP what it calls itself, by
an option of EDNS (NSID, RFC 5001) and by three names of class CHAOS (RFC 4892);
and names whose zone answers with the address that asked, which shows in whose
network the resolver stands that asked on. What answers in another's place gives
other answers than a sentinel gets. A box in the home may tell the home's name,
and the address that asked may be the volunteer's own: so of what they call
themselves the pattern alone is kept, and of the address the network.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dns.edns import GenericOption, OptionType

from probe import measure, randomness
from probe.addresses import is_public_address, parse_address
from probe.anomaly import Anomaly
from probe.itself import networks
from probe.model import DnsTransport, TargetKind
from probe.steps import dns
from probe.steps.dns_message import RECORDS_KEPT
from probe.steps.dns_reply import read_reply
from probe.techniques.technique import LeftOutError, Technique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from probe.model import DnsAnswer, Observation
    from probe.schedule.model import Resolver
    from probe.techniques.technique import Case

    Address = IPv4Address | IPv6Address

NAMES = 2
"""Under different controls: one zone may honestly answer for every label."""
_SHAPE = "bcdfghjklmnp"
"""Consonants are drawn for consonants: 20 to the 12th labels."""

UNUSED, IDENTITY, WHOAMI = "unused", "identity", "whoami"
CHAOS_NAMES = ("id.server", "hostname.bind", "version.bind")
_NSID = GenericOption(OptionType.NSID, b"")
_PATTERN_CHARS = 60


async def run(case: Case) -> None:
    """Ask for what nobody has of every resolver in the clear, and who they are of the public ones. LeftOutError."""
    plain = [resolver for resolver in case.tools.resolvers if not resolver.transport.is_encrypted]
    hosts = _control_hosts(case)
    for number, host in enumerate(hosts[:NAMES]):
        label = randomness.scramble(case.seed, case.number * NAMES + number, _SHAPE)
        for seen in await measure.resolve(f"{label}.{host}", plain, case.tools):
            case.keep(seen, variant=UNUSED)
    public = [resolver for resolver in plain if _is_public_over_udp(resolver)]
    await _ask_who_they_are(case, public, hosts[:1])
    await _ask_from_where(case, public)


def _control_hosts(case: Case) -> list[str]:
    """Give the hosts of the controls, in an order drawn by chance."""
    controls = case.schedule.of_kind(TargetKind.CONTROL_ABROAD, TargetKind.CONTROL_HOME)
    hosts = list(dict.fromkeys(measure.Page.of(control.url).host for control in controls))
    return [hosts[i] for i in randomness.permutation(case.seed, "dns-checks", case.number, len(hosts))]


def _is_public_over_udp(resolver: Resolver) -> bool:
    address = parse_address(resolver.address or "")
    return resolver.transport is DnsTransport.UDP and address is not None and is_public_address(address)


async def _ask_who_they_are(case: Case, resolvers: Sequence[Resolver], names: Sequence[str]) -> None:
    asked = [
        dns.DnsEndpoint(resolver=resolver, name=name, query_type="TXT", query_class="CH", trust=None)
        for resolver in resolvers
        for name in CHAOS_NAMES
    ]
    asked += [
        dns.DnsEndpoint(resolver=resolver, name=name, query_type="A", trust=None, options=(_NSID,))
        for resolver in resolvers
        for name in names
    ]
    for seen in await _ask(case, asked):
        case.keep(replace(seen, answers=tuple(map(_by_pattern, seen.answers))), variant=IDENTITY)


async def _ask_from_where(case: Case, resolvers: Sequence[Resolver]) -> None:
    table = case.schedule.as_table
    if not case.schedule.whoami or table is None:
        missing = "name that answers with the address that asked" if table is not None else "table of networks"
        raise LeftOutError(f"who asks on for the resolvers was left out: the schedule has no {missing}")
    asked = [
        dns.DnsEndpoint(resolver=resolver, name=name, query_type="A", trust=None)
        for resolver in resolvers
        for name in case.schedule.whoami
    ]
    came = await _ask(case, asked)
    told = {parse_address(a) for seen in came for answer in seen.answers for a in answer.addresses}
    try:
        found = networks.look_up(table, {a for a in told if a is not None and is_public_address(a)})
    except (OSError, EOFError):
        found = {}
    for seen in came:
        case.keep(replace(seen, answers=tuple(_by_network(a, found) for a in seen.answers)), variant=WHOAMI)


async def _ask(case: Case, asked: Sequence[dns.DnsEndpoint]) -> list[Observation]:
    tools = case.tools
    return await asyncio.gather(*(dns.query(one, tools.net, tools.clock, tools.limits) for one in asked))


def _by_pattern(answer: DnsAnswer) -> DnsAnswer:
    """Keep of an answer what its server calls itself as a pattern, and none of its bytes."""
    reply = read_reply(answer.raw, RECORDS_KEPT)
    said = None if reply is None else reply.nsid or next(iter(reply.texts), None)
    return replace(answer, raw=b"", identity=None if said is None else pattern_of(said))


def pattern_of(said: bytes) -> str:
    """Give a name without what is told by it: each run of letters is ``a``, of digits ``9``, and marks are kept."""
    text = re.sub(r"[^a-z0-9.:_/ -]", "?", said.decode("ascii", "replace").lower())
    return re.sub(r"[0-9]+", "9", re.sub(r"[a-z]+", "a", text))[:_PATTERN_CHARS]


def _by_network(answer: DnsAnswer, found: Mapping[Address, networks.Network]) -> DnsAnswer:
    """Keep of an answer in which networks its addresses lie, and neither them nor its bytes."""
    parsed = [parse_address(address) for address in answer.addresses]
    names = tuple(found[a].name if a is not None and a in found else None for a in parsed)
    return replace(answer, addresses=(), cnames=(), raw=b"", networks=names)


DNS_CHECKS = Technique(
    name="dns-checks",
    summary="names that nobody has, of every resolver in the clear; what public resolvers call themselves, and whence "
    "they ask",
    looks_into=frozenset({Anomaly.ODD_NAME}),
    most_bytes=24_000,
    most_s=40.0,
    run=run,
)
