"""Lies of DNS in a measurement that another program made, which asks no names of controls beside the target's.

So a resolver that is ill, a captive portal or an old answer is told from a lie
only by what else was asked at that moment: other resolvers, in the clear and
over encryption, and the sentinel. No finding here says more than `suspected`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import is_same_page
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.dns import is_public
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import sentinel_page
from analysis.rules.refusal import is_refusal_page
from probe.failures import Failure
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.facts import Facts, MeasurementFacts, Step

_DENIALS = frozenset({Failure.DNS_NXDOMAIN, Failure.DNS_NO_ANSWER})
_BOTH_TYPES = frozenset({"ANY", "A"})
"""Questions whose denial says that the name has no address of the kind that everybody has."""


def denied(facts: Facts) -> Evidence | None:
    """Fire where the system's resolver says that the name has no address, and everybody else gives one that proves it.

    It may remember an old denial (RFC 2308).
    """
    if not _may_judge(facts):
        return None
    own = [q for q in _system(facts.measurement) if _is_denial(q) and q.query_type in _BOTH_TYPES]
    if not own or any(q.addresses for q in _system(facts.measurement)) or not _is_name_alive(facts):
        return None
    if any(_is_denial(q) and q.query_type in _BOTH_TYPES for q in _sealed(facts.measurement)):
        return None
    is_nxdomain = all(q.failure == Failure.DNS_NXDOMAIN for q in own)
    return fired(
        "unpaired.dns_denied",
        "The system's resolver says that the name has no address, and others gave one that leads to the site; an old "
        "denial that is remembered looks the same.",
        own,
        "dns.nxdomain" if is_nxdomain else "dns",
    )


def bogon(facts: Facts) -> Evidence | None:
    """Fire where the system's resolver gave only addresses that cannot be on the Internet, and others the site's."""
    if not _may_judge(facts):
        return None
    own = [q for q in _system(facts.measurement) if q.addresses or q.failure == Failure.DNS_BOGON]
    if not own or any(map(is_public, _addresses(own))) or not _is_name_alive(facts):
        return None
    if any(not any(map(is_public, q.addresses)) for q in _sealed(facts.measurement) if q.addresses):
        return None  # nobody on the way wrote that
    return fired(
        "unpaired.dns_bogon",
        "The system's resolver answered with an address that cannot be on the Internet, and others gave one that leads "
        "to the site.",
        own,
        "dns.injection.bogon",
    )


def astray(facts: Facts) -> Evidence | None:
    """Fire where all resolvers in the clear agree on addresses that lead nowhere, and all sealed ones on the site's.

    One resolver's old answer would not be given by another one as well; nodes of a content network prove the name.
    """
    if not _may_judge(facts) or not is_sentinel_steady(facts):
        return None
    clear, told = _agreed_in_clear(facts.measurement)
    if not any(map(is_public, told)) or not _contradict(facts, told) or _leads_to_site(facts, told):
        return None  # an address that cannot be on the Internet is another finding
    return fired(
        "unpaired.dns_astray",
        "Resolvers asked in the clear agree on addresses that do not lead to the site; those asked over encryption "
        "and the sentinel were given others.",
        clear,
        "dns.injection",
    )


def detoured(facts: Facts) -> Evidence | None:
    """Fire where all resolvers in the clear agree on addresses in the client's own network, and no sealed one does.

    The site may be reached there, through a proxy. A node of a content network in that network would be given over
    encryption as well; that is likely and not certain.
    """
    if not _may_judge(facts) or not is_sentinel_steady(facts):
        return None
    network = facts.cycle.vantage.network
    clear, told = _agreed_in_clear(facts.measurement)
    networks = _networks(clear)
    if network is None or not told or set(networks.values()) != {network} or set(networks) != told:
        return None
    sealed = _networks([*_sealed(facts.measurement), *_sentinel_queries(facts)])
    if not _contradict(facts, told) or not sealed or network in sealed.values():
        return None
    return fired(
        "unpaired.dns_detoured",
        "Resolvers asked in the clear agree on an address in this network; those asked over encryption and the "
        "sentinel were given the site's, elsewhere.",
        clear,
        "dns.injection",
    )


def ghost(facts: Facts) -> Evidence | None:
    """Fire where a name that does not exist any more is led to a page of refusal by all resolvers in the clear.

    A resolver that sells names which nobody has shows advertisements, not a refusal.
    """
    if not _may_judge(facts):
        return None
    clear, told = _agreed_in_clear(facts.measurement)
    page = facts.measurement.outcome.page
    if not told or page is None or page.address not in told or not is_refusal_page(page):
        return None
    sealed = [q for q in _sealed(facts.measurement) if q.query_type in _BOTH_TYPES]
    beyond = _sentinel_queries(facts)
    if not beyond or not sealed or not all(q.failure == Failure.DNS_NXDOMAIN for q in (*sealed, *beyond)):
        return None
    return fired(
        "unpaired.dns_ghost",
        "The name does not exist for the sentinel and over encryption, and resolvers in the clear lead it to a page "
        "that refuses.",
        [*clear, page],
        "dns.injection",
    )


def is_astray(facts: Facts) -> bool:
    """Tell whether what the system was told shares no address with what the sentinel or a sealed resolver was told."""
    told = _addresses(_system(facts.measurement))
    known = _addresses([*_sealed(facts.measurement), *_sentinel_queries(facts)])
    return bool(told) and bool(known) and not told & known


def _may_judge(facts: Facts) -> bool:
    """Tell whether another program measured, whose only control is its exchange with the sentinel, which worked."""
    return facts.cycle.is_imported and not facts.cycle.vantage.is_sentinel and facts.cycle.is_well_connected


def _queries(measurement: MeasurementFacts) -> list[Step]:
    return [*measurement.of(Operation.DNS, redirect=0)]


def _system(measurement: MeasurementFacts) -> list[Step]:
    return [q for q in _queries(measurement) if q.transport == DnsTransport.SYSTEM]


def _sealed(measurement: MeasurementFacts) -> list[Step]:
    return [q for q in _queries(measurement) if q.transport in {DnsTransport.DOH, DnsTransport.DOT}]


def _sentinel_queries(facts: Facts) -> list[Step]:
    return [q for w in facts.usable_sentinels for q in _queries(w.measurement)]


def _addresses(queries: Iterable[Step]) -> frozenset[str]:
    return frozenset(address for query in queries for address in query.addresses)


def _is_denial(query: Step) -> bool:
    return query.failure in _DENIALS and not query.addresses


def _agreed_in_clear(measurement: MeasurementFacts) -> tuple[list[Step], frozenset[str]]:
    """Give the questions in the clear that brought addresses, and the addresses, if two resolvers gave the very same.

    Nothing where the system or only one resolver was asked.
    """
    clear = [
        q for q in _queries(measurement) if q.transport not in {DnsTransport.DOH, DnsTransport.DOT} and q.addresses
    ]
    by_resolver: dict[str | None, frozenset[str]] = {}
    for query in clear:
        by_resolver[query.resolver] = by_resolver.get(query.resolver, frozenset()) | query.addresses
    is_of_system = any(q.transport == DnsTransport.SYSTEM for q in clear)
    if len(by_resolver) < 2 or not is_of_system or len(set(by_resolver.values())) > 1:
        return [], frozenset()
    return clear, next(iter(by_resolver.values()))


def _contradict(facts: Facts, told: frozenset[str]) -> bool:
    """Tell whether sealed resolvers and the sentinel were given other addresses, and share some."""
    sealed = _addresses(_sealed(facts.measurement))
    beyond = _addresses(_sentinel_queries(facts))
    return bool(sealed & beyond) and not told & (sealed | beyond)


def _networks(queries: Iterable[Step]) -> dict[str, str]:
    """Give the network of each address, where it is known."""
    return {
        address: network
        for query in queries
        for answer in query.valid_answers
        for address, network in zip(answer.addresses, answer.networks, strict=False)
        if network is not None
    }


def _leads_to_site(facts: Facts, told: frozenset[str]) -> bool:
    """Tell whether one of the addresses proved the name, here or to the sentinel, or gave the sentinel's page."""
    page = sentinel_page(facts)
    here = [*facts.measurement.steps, *facts.measurement.closer]
    beyond = [step for w in facts.usable_sentinels for step in w.measurement.steps]
    if any(step.is_verified and step.address in told for step in (*here, *beyond) if step.redirect == 0):
        return True
    return any(
        step.operation == Operation.HTTP
        and step.failure is None
        and step.address in told
        and page is not None
        and is_same_page(step, page)
        for step in here
    )


def _is_name_alive(facts: Facts) -> bool:
    """Tell whether the site is there: TLS proved it here, at an address of another resolver, or a sentinel met it."""
    if any(step.is_verified for step in facts.measurement.of(Operation.TLS, redirect=0)):
        return True
    return is_sentinel_steady(facts) and any(map(is_public, _addresses(_sentinel_queries(facts))))
