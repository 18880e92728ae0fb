"""Lies in the domain name system. Damage can silence a resolver; it cannot write an answer.

An answer that merely differs from another is no lie: content networks answer
every place differently, and an address that completes a verified TLS handshake
for the name is harmless whoever gave it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from analysis.outcome import Reach, host_of, is_same_page
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import sentinel_page
from probe.addresses import is_public_address, parse_address
from probe.failures import Failure
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.facts import Answer, CycleFacts, Facts, MeasurementFacts, Step

ENOUGH_QUESTIONS = 2
"""Questions that must show a forged answer that is no bogon, and NXDOMAIN answers, before anything is called."""

_ENCRYPTED = frozenset({DnsTransport.DOT, DnsTransport.DOH})

_TOLD_OF_OTHERS = "It says so of unrelated names too, which no one name's own servers can bring about."
_TOLD_OF_ONE = (
    "It says so of this name alone: what the name's own servers tell this country, or an old answer, is alike."
)


def two_answers(facts: Facts) -> Evidence | None:
    """Fire where one question brought a true and a forged answer, seen only once."""
    seen = _races(facts.measurement, facts)
    if not seen or _is_harmless(facts) or _is_bogon_race(seen) or len(_all_races(facts)) >= ENOUGH_QUESTIONS:
        return None
    return fired(
        "dns.two_answers",
        "One question brought two answers that contradict each other; only one leads to the site.",
        seen,
        _race_mechanism(seen, facts),
    )


def two_answers_repeated(facts: Facts) -> Evidence | None:
    """Fire where questions brought a true and a forged answer, again and again or with a bogon in it."""
    seen = _races(facts.measurement, facts)
    if not seen or _is_harmless(facts):
        return None
    count = len(_all_races(facts))
    if not _is_bogon_race(seen) and count < ENOUGH_QUESTIONS:
        return None
    return fired(
        "dns.two_answers.repeated",
        f"A forged answer raced the true one, in {count} question(s), while names of controls got single good answers "
        "from the same resolver.",
        seen,
        _race_mechanism(seen, facts),
    )


def bogon(facts: Facts) -> Evidence | None:
    """Fire where a resolver answers with an address that cannot be on the Internet, for unrelated names."""
    return _bogon(facts, is_alone=False)


def bogon_alone(facts: Facts) -> Evidence | None:
    """Fire where a resolver does so for this name alone: the name's own servers may tell this country the same."""
    return _bogon(facts, is_alone=True)


def _bogon(facts: Facts, *, is_alone: bool) -> Evidence | None:
    lies = [
        q
        for q in _queries(facts.measurement)
        if _is_bogon_only(q) and len(q.valid_answers) <= 1 and _do_controls_resolve(facts.cycle, q.resolver)
    ]
    if not lies or _is_harmless(facts) or not _has_public_witness(facts, lies):
        return None
    if _is_told_of_others(facts, lies, _is_bogon_only) is is_alone:
        return None
    return fired(
        "dns.bogon.alone" if is_alone else "dns.bogon",
        f"The resolver {_named(lies)} answered with an address that cannot be on the Internet, while others gave a "
        f"public one. {_TOLD_OF_ONE if is_alone else _TOLD_OF_OTHERS}",
        lies,
        "dns.injection.bogon",
    )


def nxdomain(facts: Facts) -> Evidence | None:
    """Fire where a resolver denies unrelated names that others resolve to servers which prove them."""
    return _nxdomain(facts, is_alone=False)


def nxdomain_alone(facts: Facts) -> Evidence | None:
    """Fire where a resolver denies this name alone: it may remember an old answer (RFC 2308)."""
    return _nxdomain(facts, is_alone=True)


def _nxdomain(facts: Facts, *, is_alone: bool) -> Evidence | None:
    if not _is_name_alive(facts):
        return None
    lies = _denials(facts.measurement, facts)
    before_and_after = [s for w in facts.neighbours for s in _denials(w.measurement, facts)]
    if not lies or len(lies) + len(before_and_after) < ENOUGH_QUESTIONS:
        return None
    if _is_harmless(facts) or not _has_public_witness(facts, lies):
        return None
    if _is_told_of_others(facts, lies, _is_denial) is is_alone:
        return None
    return fired(
        "dns.nxdomain.alone" if is_alone else "dns.nxdomain",
        f"The resolver {_named(lies)} says that the name does not exist, while others resolve it to a server that "
        f"answers for it. {_TOLD_OF_ONE if is_alone else _TOLD_OF_OTHERS}",
        [*lies, *before_and_after],
        "dns.nxdomain",
    )


def wrong_host(facts: Facts) -> Evidence | None:
    """Fire where an answer leads to a host that cannot prove the name, while others' answers lead to one that can.

    A stale answer, or one edge of a content network that is misconfigured, looks the same: this accuses nobody.
    """
    proven = _proven_addresses(facts)
    wrong = {
        step.address
        for step in facts.measurement.of(Operation.TLS, redirect=0)
        if step.certificate_failure is not None and step.address not in proven
    }
    led_there = [
        q
        for q in _queries(facts.measurement)
        if q.addresses & wrong and not q.addresses & proven and _do_controls_resolve(facts.cycle, q.resolver)
    ]
    if not proven or not led_there:
        return None
    return fired(
        "dns.wrong_host",
        f"The resolver {_named(led_there)} leads to a host that cannot prove the name; a stale answer looks the same.",
        led_there,
    )


def misled(facts: Facts) -> Evidence | None:
    """Fire where the system's own answer led nowhere, and the target was met only through another resolver's.

    A program here would have failed. A stale answer, or a resolver that is ill, looks the same, so this accuses nobody.
    """
    own = [q for q in _queries(facts.measurement) if q.transport == DnsTransport.SYSTEM]
    own_addresses = {address for query in own for address in query.addresses}
    genuine = _genuine_addresses(facts.measurement, facts)
    tried = {step.address for step in facts.measurement.of(Operation.TCP, redirect=0)} & own_addresses
    if not own or not genuine or own_addresses & genuine or (own_addresses and not tried):
        return None
    what = "answer led to no server that proves the name" if own_addresses else "resolver gave no address"
    return fired("dns.misled", f"The system's own {what}; only another resolver's answer led to the target.", own)


def unresolved(facts: Facts) -> Evidence | None:
    """Fire where no address came of any question."""
    if facts.measurement.outcome.reach is not Reach.DNS_FAILED:
        return None
    return fired("dns.unresolved", "No resolver gave an address that may be dialled.", facts.measurement.outcome.steps)


def _queries(measurement: MeasurementFacts) -> tuple[Step, ...]:
    return measurement.of(Operation.DNS, redirect=0)


def _named(steps: list[Step]) -> str:
    return ", ".join(sorted({step.resolver or "of the system" for step in steps}))


@lru_cache(maxsize=65_536)
def is_public(address: str) -> bool:
    """Tell whether an answer's address can be on the Internet."""
    parsed = parse_address(address)
    return parsed is not None and is_public_address(parsed)


def _is_bogon_only(query: Step) -> bool:
    if any(is_public(address) for address in query.addresses):
        return False
    return bool(query.addresses) or query.failure == Failure.DNS_BOGON


def _is_denial(query: Step) -> bool:
    answers = query.valid_answers
    if answers:
        return all(answer.rcode == "NXDOMAIN" for answer in answers)
    return query.failure == Failure.DNS_NXDOMAIN


def _proven_addresses(facts: Facts) -> frozenset[str]:
    """Give the addresses at which the name was proven: by TLS here, or by a sentinel that reached the target."""
    own = {step.address for step in facts.measurement.of(Operation.TLS, redirect=0) if step.is_verified}
    theirs: set[str] = set()
    for witness in facts.usable_sentinels:
        if witness.measurement.outcome.is_reached:
            theirs |= {a for q in _queries(witness.measurement) for a in q.addresses if is_public(a)}
    return frozenset(a for a in own if a) | theirs


def _is_name_alive(facts: Facts) -> bool:
    """Tell whether the name leads to a server that proves it, here by another resolver or at the sentinel."""
    if any(step.is_verified for step in facts.measurement.of(Operation.TLS, redirect=0)):
        return True
    return is_sentinel_steady(facts)


def _is_harmless(facts: Facts) -> bool:
    """Tell whether the lies did not reach the user: the system's own answer led to the target all the same."""
    own = [q for q in _queries(facts.measurement) if q.transport == DnsTransport.SYSTEM]
    genuine = _genuine_addresses(facts.measurement, facts)
    if not own:
        return bool(genuine)
    return any(query.addresses & genuine for query in own)


def _genuine_addresses(measurement: MeasurementFacts, facts: Facts) -> frozenset[str]:
    """Give the addresses at which this measurement met the target: by TLS, or by the sentinel's page over HTTP."""
    page = sentinel_page(facts)
    return frozenset(
        step.address
        for step in measurement.steps
        if step.address
        and step.redirect == 0
        and (
            step.is_verified
            or (
                step.operation == Operation.HTTP
                and step.failure is None
                and page is not None
                and is_same_page(step, page)
            )
        )
    )


def is_name_misanswered(facts: Facts) -> bool:
    """Tell whether no address that the system was told is known to be the name's own, so that DNS may be at fault.

    Known are those that proved the name, those that any sentinel was told, and those that came over encryption.
    """
    queries = _queries(facts.measurement)
    own = [q for q in queries if q.transport == DnsTransport.SYSTEM] or queries
    told = {a for q in own for a in q.addresses}
    known = _proven_addresses(facts) | _genuine_addresses(facts.measurement, facts)
    known |= {a for q in queries if q.transport in _ENCRYPTED for a in q.addresses}
    known |= {a for w in facts.sentinels for q in _queries(w.measurement) for a in q.addresses}
    return bool(queries) and not told & known


def _has_public_witness(facts: Facts, lies: list[Step]) -> bool:
    """Tell whether somebody got a public address, and no resolver asked over encryption told the same tale."""
    resolvers = {step.resolver for step in lies}
    if any(step.transport in _ENCRYPTED for step in lies):
        return False  # nobody on the way wrote that: the site or the resolver chose it
    is_given_inside = any(
        is_public(address)
        for query in _queries(facts.measurement)
        if query.resolver not in resolvers
        for address in query.addresses
    )
    return (is_given_inside and not _does_sentinel_hear_it_too(facts)) or is_sentinel_steady(facts)


def _is_told_of_others(facts: Facts, lies: list[Step], is_lie: Callable[[Step], bool]) -> bool:
    """Tell whether the same resolver says the same of another site's name, to which others give a public address."""
    resolvers = {step.resolver for step in lies}
    own = _site_of(facts.measurement)
    return any(
        _site_of(m) != own
        and any(is_lie(q) for q in _queries(m) if q.resolver in resolvers)
        and any(is_public(a) for q in _queries(m) if q.resolver not in resolvers for a in q.addresses)
        for m in facts.cycle.measurements
    )


def _site_of(measurement: MeasurementFacts) -> tuple[str, ...]:
    """Give the last two labels of a target's name: what mostly has servers of its own."""
    return tuple(host_of(measurement.url).split(".")[-2:])


def _does_sentinel_hear_it_too(facts: Facts) -> bool:
    """Tell whether a sentinel got a bogon or a denial as well: then the site's own DNS says so."""
    return any(
        _is_bogon_only(query) or _is_denial(query)
        for witness in facts.sentinels
        for query in _queries(witness.measurement)
    )


def _control_queries(cycle: CycleFacts, resolver: str | None) -> list[Step]:
    return [q for m in cycle.controls() for q in _queries(m) if q.resolver == resolver]


def _do_controls_resolve(cycle: CycleFacts, resolver: str | None) -> bool:
    """Tell whether the same resolver gave public addresses for names of controls, and bogons or denials for none."""
    queries = _control_queries(cycle, resolver)
    if any(_is_bogon_only(q) or _is_denial(q) for q in queries):
        return False
    return any(is_public(address) for q in queries for address in q.addresses)


def _are_control_answers_single(cycle: CycleFacts, resolver: str | None) -> bool:
    """Tell whether names of controls got one answer a sending: a path that duplicates packets would bring more."""
    answered = [group for q in _control_queries(cycle, resolver) for group in _by_sending(q)]
    return bool(answered) and all(len(group) == 1 for group in answered)


def _denials(measurement: MeasurementFacts, facts: Facts) -> list[Step]:
    """Give the questions that were answered with NXDOMAIN by a resolver that resolves names of controls.

    A system's resolution also says "no such name" where only the asked type is missing,
    so there a question counts only for a type that somebody found.
    """
    found_types = {
        query.query_type
        for m in (facts.measurement, *(w.measurement for w in facts.usable_sentinels))
        for query in _queries(m)
        if any(is_public(address) for address in query.addresses)
    }
    return [
        q
        for q in _queries(measurement)
        if _is_denial(q)
        and (q.transport != DnsTransport.SYSTEM or q.query_type in found_types)
        and _do_controls_resolve(facts.cycle, q.resolver)
    ]


def _races(measurement: MeasurementFacts, facts: Facts) -> list[Step]:
    """Give the questions that brought a proven answer and, beside it, one that is shown to be forged."""
    proven = _proven_addresses(facts)
    return [
        q
        for q in _queries(measurement)
        if any(
            any(set(a.addresses) & proven for a in group)
            and any(_is_forged(a, measurement, facts, proven) for a in group)
            for group in _by_sending(q)
        )
        and _do_controls_resolve(facts.cycle, q.resolver)
        and _are_control_answers_single(facts.cycle, q.resolver)
    ]


def _by_sending(query: Step) -> list[list[Answer]]:
    """Group the answers by the sending that they answer.

    A question that got no answer is sent again. One answer to each of two sendings is no race: two members of one
    resolver may differ honestly, where one of them remembers an old denial.
    """
    groups: dict[int | None, list[Answer]] = {}
    for answer in query.valid_answers:
        groups.setdefault(answer.sending, []).append(answer)
    return list(groups.values())


def _is_forged(answer: Answer, measurement: MeasurementFacts, facts: Facts, proven: frozenset[str]) -> bool:
    """Tell whether an answer that came beside the proven one is a bogon, a denial, or led nowhere when dialled."""
    addresses = set(answer.addresses)
    if addresses & proven:
        return False
    if not addresses:
        return answer.rcode == "NXDOMAIN"
    if not any(is_public(address) for address in addresses):
        return True
    known = {a for w in facts.sentinels for q in _queries(w.measurement) for a in q.addresses}
    dialled = {s.address for s in measurement.of(Operation.TCP, redirect=0)}
    genuine = _genuine_addresses(measurement, facts)
    return not addresses & known and bool(addresses & dialled) and not addresses & genuine


def _is_bogon_race(races: list[Step]) -> bool:
    return any(
        bool(answer.addresses) and not any(is_public(address) for address in answer.addresses)
        for query in races
        for answer in query.valid_answers
    )


def _race_mechanism(races: list[Step], facts: Facts) -> str:
    """Give the deepest node that fits all answers beside the proven ones."""
    proven = _proven_addresses(facts)
    beside = [answer for query in races for answer in query.valid_answers if not set(answer.addresses) & proven]
    if all(answer.addresses and not any(map(is_public, answer.addresses)) for answer in beside):
        return "dns.injection.bogon"
    return "dns.nxdomain" if all(answer.rcode == "NXDOMAIN" for answer in beside) else "dns.injection"


def _all_races(facts: Facts) -> list[Step]:
    """Give the races of this measurement and of its neighbours in time."""
    return [
        step
        for measurement in (facts.measurement, *(w.measurement for w in facts.neighbours))
        for step in _races(measurement, facts)
    ]
