"""Closer looks at names: questions where no resolver runs, pairs of questions, and answers to repeated questions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from analysis.analyse import conclude
from analysis.facts import Answer
from analysis.states import State
from tests.analysis.fact_builder import (
    NOT_GENUINE,
    SITE,
    TIMEOUT,
    CycleBuilder,
    dns,
    failed,
    http,
    plus_pairs,
    reached,
    sentinel_cycle,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts, Step

NEWS = "news.example.com"
FORGED = "5.6.7.8"
BOGON = "10.10.34.35"


def misled(address: str = FORGED) -> list[Step]:
    """What the system was told leads nowhere."""
    return [dns(NEWS, (address,), resolver="system", transport="system"), tcp(address, TIMEOUT)]


def look(target: int = 14, control: int = 0, scramble: int = 0, answer: Any = (FORGED,), asked: int = 14) -> list[Step]:
    """Questions where no resolver runs: so many of each kind were answered."""

    def questions(variant: str, name: str, count: int, of: int) -> list[Step]:
        told = [dns(name, answer, resolver="none", technique="non-resolver", variant=variant) for _ in range(count)]
        lost = [
            dns(name, resolver="none", failure=TIMEOUT, technique="non-resolver", variant=variant)
            for _ in range(of - count)
        ]
        return told + lost

    return [
        *questions("target", NEWS, target, asked),
        *questions("control", "example.org", control, asked),
        *questions("scramble", "nuwr.example.com", scramble, 3),
    ]


def cycle(steps: Sequence[Step], closer: Sequence[Step] = (), index: int = 0, **how: Any) -> CycleFacts:
    builder = how.pop("builder", None) or CycleBuilder(index=index).controls().portal_check()
    return builder.add(NEWS, steps, closer=closer, **how).build()


def judged(*cycles: CycleFacts, index: int = -1) -> Judged:
    found = [j for j in conclude(cycles).judged if j.facts.measurement.target == NEWS]
    return [j for j in found if j.facts.measurement.vantage_id == "almaty"][index]


def rules_of(judgement: Judged) -> set[str]:
    return {evidence.rule for evidence in judgement.evidence}


# ---------------------------------------------------------------- where no resolver runs


@pytest.mark.parametrize(
    ("answer", "mechanism"),
    [((FORGED,), "dns.injection"), ((BOGON,), "dns.injection.bogon"), ("NXDOMAIN", "dns.nxdomain")],
)
def test_answers_to_the_name_alone_where_no_resolver_runs_are_blocked(answer: Any, mechanism: str) -> None:
    judgement = judged(cycle(misled(), look(answer=answer)), sentinel_cycle())
    assert (judgement.decision.state, judgement.decision.rule) == (State.BLOCKED, "dns.forged_here")
    assert mechanism in judgement.decision.mechanisms


def test_few_answers_to_the_name_alone_are_suspected_and_the_next_cycle_adds_to_them() -> None:
    once = judged(cycle(misled(), look(target=7)), sentinel_cycle())
    assert (once.decision.state, once.decision.rule) == (State.SUSPECTED, "dns.forged_here.few")
    twice = [cycle(misled(), look(target=7), index=i) for i in (0, 1)]
    assert judged(*twice, sentinel_cycle(), sentinel_cycle(index=1)).decision.rule == "dns.forged_here"


def test_neighbours_answers_alone_say_nothing_of_a_quiet_measurement() -> None:
    cycles = [cycle(misled(), look(), index=0), cycle(misled(), look(target=0), index=1)]
    judgement = judged(*cycles, sentinel_cycle(), sentinel_cycle(index=1))
    assert not {"dns.forged_here", "dns.forged_here.few"} & rules_of(judgement)


@pytest.mark.parametrize("other", [{"control": 1}, {"scramble": 1}, {"control": 14, "scramble": 3}])
def test_port_that_is_answered_for_other_names_too_accuses_nobody(other: dict[str, int]) -> None:
    judgement = judged(cycle(misled(), look(**other)), sentinel_cycle())
    assert judgement.decision.state is State.INSUFFICIENT
    assert not {"dns.forged_here", "dns.forged_here.few"} & rules_of(judgement)
    assert ("dns.port_intercepted" in rules_of(judgement)) is (sum(other.values()) > 1)


def test_port_that_was_intercepted_in_the_cycle_before_accuses_nobody() -> None:
    cycles = [cycle(misled(), look(control=9), index=0), cycle(misled(), look(), index=1)]
    judgement = judged(*cycles, sentinel_cycle(), sentinel_cycle(index=1))
    assert judgement.decision.state is State.INSUFFICIENT


def test_address_that_answers_the_sentinel_as_well_is_not_what_the_schedule_says() -> None:
    beyond = sentinel_cycle(closer=look(target=2))
    assert judged(cycle(misled(), look()), beyond).decision.state is State.INSUFFICIENT


def test_forged_answers_that_do_not_reach_the_user_stay_ok() -> None:
    page = reached()
    steps = [replace(page[0], transport="system"), *page[1:]]
    assert judged(cycle(steps, look()), sentinel_cycle()).decision.state is State.OK


def test_system_that_was_told_what_the_sentinel_was_told_fails_for_another_reason() -> None:
    steps = [dns(NEWS, (SITE,), resolver="system", transport="system"), tcp(failure=TIMEOUT)]
    assert "dns.forged_here" not in rules_of(judged(cycle(steps, look()), sentinel_cycle()))


def test_target_that_is_down_for_everyone_at_the_address_that_everybody_is_told_is_down() -> None:
    steps = [dns(NEWS, (SITE,), resolver="system", transport="system"), tcp(failure=TIMEOUT)]
    beyond = sentinel_cycle([dns(NEWS, (SITE,)), tcp(failure=TIMEOUT)])
    judgement = judged(cycle(steps, look()), beyond)
    assert judgement.decision.state is State.DOWN
    assert "dns.forged_here" not in rules_of(judgement)


def test_system_that_was_told_what_came_over_encryption_fails_for_another_reason() -> None:
    steps = [*misled(), dns(NEWS, (FORGED,), resolver="doh", transport="doh", technique="resolvers")]
    assert "dns.forged_here" not in rules_of(judged(cycle(steps, look()), sentinel_cycle()))


def test_in_a_cycle_whose_controls_died_nothing_is_called() -> None:
    def dead(name: str, address: str, round_: str) -> list[Step]:
        return failed("tcp", TIMEOUT, name, address, attempts=1) if round_ == "last" else reached(name, address)

    builder = CycleBuilder().controls(dead, dead)
    assert "dns.forged_here" not in rules_of(judged(cycle(misled(), look(), builder=builder), sentinel_cycle()))


# ---------------------------------------------------------------- pairs of questions


def with_pairs(steps: Sequence[Step], sentinel_pairs: Any = (("qname", "helper", None, None),)) -> Judged:
    pairs = plus_pairs(14, kind="qname", failure=NOT_GENUINE)
    return judged(cycle(steps, pairs=pairs), sentinel_cycle(pairs=sentinel_pairs))


def test_name_that_is_forged_at_a_helper_and_not_for_the_sentinel_is_blocked() -> None:
    judgement = with_pairs(misled())
    assert (judgement.decision.state, judgement.decision.rule) == (State.BLOCKED, "pairs.selective.qname")
    assert judgement.decision.mechanisms == ("dns.injection",)


def test_it_is_blocked_too_where_another_resolver_led_to_the_site() -> None:
    proven = [dns(NEWS, (SITE,), resolver="doh", transport="doh"), tcp(), tls(), http()]
    assert with_pairs([*misled(), *proven]).decision.rule == "pairs.selective.qname"


def test_questions_that_are_swallowed_are_a_time_out() -> None:
    pairs = plus_pairs(14, kind="qname", failure=TIMEOUT)
    unanswered = [dns(NEWS, resolver="system", transport="system", failure="dns_temporary_failure")]
    beyond = sentinel_cycle(pairs=[("qname", "helper", None, None)])
    judgement = judged(cycle(unanswered, pairs=pairs), beyond)
    assert (judgement.decision.state, judgement.decision.mechanisms) == (State.BLOCKED, ("dns.timeout",))


def test_without_a_sentinels_pairs_it_is_suspected() -> None:
    assert with_pairs(misled(), ()).decision.state is State.SUSPECTED


def test_names_that_are_read_beside_a_system_that_was_told_the_truth_do_not_explain_a_failure() -> None:
    steps = [dns(NEWS, (SITE,), resolver="system", transport="system"), tcp(failure=TIMEOUT)]
    assert with_pairs(steps).decision.state is State.INSUFFICIENT


def test_page_that_came_by_the_systems_own_answer_stays_ok() -> None:
    page = reached()
    assert with_pairs([replace(page[0], transport="system"), *page[1:]]).decision.state is State.OK


def test_plain_page_that_came_by_the_systems_own_answer_accuses_nobody_without_a_sentinel() -> None:
    url = f"http://{NEWS}/"
    steps = [dns(NEWS, (SITE,), transport="system"), tcp(port=80), http(url, port=80)]
    pairs = plus_pairs(14, kind="qname", failure=NOT_GENUINE)
    assert judged(cycle(steps, pairs=pairs, url=url)).decision.state is State.INSUFFICIENT


def test_port_53_that_is_intercepted_for_all_names_costs_other_pairs_nothing() -> None:
    """Both arms fail at the helper, for controls too; a rule on the SNI is suspected all the same."""
    builder = CycleBuilder().controls(pairs=[("qname", "helper", NOT_GENUINE, NOT_GENUINE)]).portal_check()
    pairs = [*plus_pairs(6), *plus_pairs(0, kind="qname", failure=NOT_GENUINE, both=6)]
    here = cycle(failed("tls", TIMEOUT), builder=builder, pairs=pairs)
    assert judged(here, sentinel_cycle()).decision.rule == "pairs.leaning.sni"


# ---------------------------------------------------------------- repeated questions


def answered_twice(first: int, second: int, resolver: str = "isp", query_type: str = "A") -> Step:
    """A forged answer and the true one, each to the sending of that number."""
    query = dns(NEWS, "NXDOMAIN", (SITE,), resolver=resolver, query_type=query_type)
    one, two = query.answers
    return replace(query, answers=(replace(one, sending=first), replace(two, sending=second)))


@pytest.mark.parametrize(("second", "is_race"), [(1, True), (2, False)])
def test_one_answer_to_each_of_two_sendings_is_no_race(second: int, is_race: bool) -> None:
    """Two machines behind one resolver's address: one of them remembers a denial."""
    steps = [answered_twice(1, second), answered_twice(1, second, query_type="AAAA"), *misled(), tcp(), tls(), http()]
    judgement = judged(cycle(steps), sentinel_cycle())
    assert ("dns.two_answers.repeated" in rules_of(judgement)) is is_race
    assert (judgement.decision.state is State.BLOCKED) is is_race
    if is_race:
        assert judgement.decision.mechanisms == ("dns.nxdomain",)


def test_controls_that_were_asked_twice_and_answered_twice_still_vouch_for_their_resolver() -> None:
    def slow(name: str, address: str, round_: str) -> list[Step]:
        query, *rest = reached(name, address)
        answer = query.answers[0]
        return [replace(query, answers=(replace(answer, sending=1), replace(answer, sending=2))), *rest]

    steps = [answered_twice(1, 1), answered_twice(1, 1, query_type="AAAA"), *misled(), tcp(), tls(), http()]
    builder = CycleBuilder().controls(slow, slow)
    judgement = judged(cycle(steps, builder=builder), sentinel_cycle())
    assert "dns.two_answers.repeated" in rules_of(judgement)


# ---------------------------------------------------------------- names that nobody has


def unused(resolver: str, *names: str, told: bool) -> list[Step]:
    answer = (FORGED,) if told else "NXDOMAIN"
    return [dns(name, answer, resolver=resolver, technique="dns-checks", variant="unused") for name in names]


@pytest.mark.parametrize(
    ("closer", "is_found"),
    [
        ([*unused("isp", "q.a.org", "w.b.net", told=True), *unused("public", "q.a.org", told=False)], True),
        ([*unused("isp", "q.a.org", told=True), *unused("public", "q.a.org", told=False)], False),  # one zone's own
        ([*unused("isp", "q.a.org", "w.b.net", told=True), *unused("public", "q.a.org", told=True)], False),
        (unused("isp", "q.a.org", "w.b.net", told=False), False),
    ],
)
def test_resolver_that_invents_addresses_is_named_and_nobody_accused(closer: list[Step], is_found: bool) -> None:
    judgement = judged(cycle(misled(), closer), sentinel_cycle())
    assert ("dns.wildcard" in rules_of(judgement)) is is_found
    assert judgement.decision.state is State.INSUFFICIENT


def test_a_resolvers_other_answers_are_not_taken_for_names_that_nobody_has() -> None:
    closer = [
        *unused("public", "q.a.org", told=False),
        *[
            dns(name, (FORGED,), resolver="isp", technique="dns-checks", variant="whoami")
            for name in ("a.org", "b.net")
        ],
        dns("q.a.org", (FORGED,), resolver="isp", technique="dns-checks", variant="identity"),
    ]
    assert "dns.wildcard" not in rules_of(judged(cycle(misled(), closer), sentinel_cycle()))


# ---------------------------------------------------------------- who answers in a resolver's place

QUAD = "9.9.9.9"


def said(question: str, told: str | None, *, address: str = QUAD, rcode: str = "NOERROR") -> Step:
    """A resolver's answer to what it calls itself; ``nsid`` is asked with a control's name."""
    is_name = question == "nsid"
    answer = Answer(rcode=rcode, identity=told, addresses=(SITE,) if is_name else ())
    step = dns(
        "example.org" if is_name else question,
        query_type="A" if is_name else "TXT",
        resolver="public",
        address=address,
        technique="dns-checks",
        variant="identity",
    )
    return replace(step, answers=(answer,))


def asked_on(*networks: str | None, address: str = QUAD) -> Step:
    step = dns("whoami.example", resolver="public", address=address, technique="dns-checks", variant="whoami")
    return replace(step, answers=(Answer(networks=networks),))


GENUINE = [
    said("id.server", "a9.a.a"),
    said("hostname.bind", "a9.a.a"),
    said("version.bind", "a9-a"),
    said("nsid", "a9.a.a"),
]
REFUSED = [said(name, None, rcode="NOTIMP") for name in ("id.server", "hostname.bind")]
SILENT = [
    dns(name, query_type="TXT", failure=TIMEOUT, address=QUAD, technique="dns-checks", variant="identity")
    for name in ("id.server", "hostname.bind", "version.bind")
]


@pytest.mark.parametrize(
    ("here", "there", "is_found"),
    [
        (GENUINE, GENUINE, False),
        ([said("id.server", "a-9.9"), said("nsid", None)], GENUINE, True),
        (REFUSED, GENUINE, True),
        ([said("version.bind", "a-9.9")], GENUINE, False),  # one may differ from site to site
        ([said("version.bind", "a-9.9")] * 2, GENUINE, False),
        (SILENT, GENUINE, False),  # lost, or dropped by a firewall
        (REFUSED, SILENT, False),
        (REFUSED, [], False),
        ([said("id.server", "a", address="8.8.8.8"), said("nsid", "a", address="8.8.8.8")], GENUINE, False),
        ([asked_on("AS9198")], [asked_on("AS42")], True),
        ([asked_on("AS9198", "AS42")], [asked_on("AS42")], False),
        ([asked_on(None)], [asked_on("AS42")], False),
        ([asked_on("AS9198")], [asked_on(None)], False),
        ([asked_on("AS9198", address="8.8.8.8")], [asked_on("AS42")], False),
    ],
)
def test_resolver_that_is_another_than_to_the_sentinel_is_shown_and_nobody_accused(
    here: list[Step], there: list[Step], is_found: bool
) -> None:
    judgement = judged(cycle(misled(), here), sentinel_cycle(closer=there))
    assert ("dns.resolver_intercepted" in rules_of(judgement)) is is_found
    assert judgement.decision.state is State.INSUFFICIENT
    assert judgement.decision.mechanisms == ()


def test_another_resolver_changes_nothing_of_a_page_that_came() -> None:
    judgement = judged(
        cycle(reached(), [*REFUSED, asked_on("AS9198")]), sentinel_cycle(closer=[*GENUINE, asked_on("AS42")])
    )
    assert "dns.resolver_intercepted" in rules_of(judgement)
    assert judgement.decision.state is State.OK


@pytest.mark.parametrize(("answered", "is_found"), [(0, False), (1, False), (2, True)])
def test_port_53_that_is_taken_over_tcp_too_is_shown_and_nobody_accused(answered: int, is_found: bool) -> None:
    def asked(variant: str, *answers: Any) -> Step:
        failure = None if answers else "connection_refused"
        return dns(NEWS, *answers, transport="tcp", failure=failure, technique="non-resolver", variant=variant)

    closer = [asked("tcp-control", (SITE,)) for _ in range(answered)]
    closer += [asked("tcp-control") for _ in range(2 - answered)] + [asked("tcp-target", (FORGED,)) for _ in range(2)]
    judgement = judged(cycle(misled(), closer), sentinel_cycle())
    assert ("dns.tcp_port_intercepted" in rules_of(judgement)) is is_found
    assert not {"dns.forged_here", "dns.forged_here.few", "dns.port_intercepted"} & rules_of(judgement)
    assert judgement.decision.state is State.INSUFFICIENT
