"""Every row of the state table, as small worlds of facts: what happened, and the state that it must come out as."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude, judge
from analysis.facts import CycleFacts, Facts, LinkFacts, MeasurementFacts, VantageFacts
from analysis.rules import RULES, RULESET, find_all
from analysis.rules.evidence import weights
from analysis.states import STATE_TABLE, State, decide
from tests.analysis.fact_builder import (
    EOF,
    NOT_GENUINE,
    RESET,
    SITE,
    SITE_SIX,
    T0,
    TIMEOUT,
    CycleBuilder,
    dns,
    failed,
    http,
    new_id,
    plus_pairs,
    reached,
    reached_plain,
    sentinel_cycle,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from analysis.analyse import Judged
    from analysis.facts import Step
    from tests.analysis.fact_builder import PairSpec

NEWS = "news.example.com"
PLAIN_URL = f"http://{NEWS}/"
FORGED = "5.6.7.8"


def dead(name: str, address: str, round_: str = "first") -> list[Step]:
    return failed("tcp", TIMEOUT, name, address, attempts=1)


def no_dns(name: str, address: str, round_: str = "first") -> list[Step]:
    return [dns(name, failure=TIMEOUT)]


def judged(cycles: Sequence[CycleFacts], vantage: str = "almaty", index: int = -1, target: str = NEWS) -> Judged:
    """Judge the target's measurement of one cycle (the last unless said) of one vantage."""
    found = [
        j
        for j in conclude(cycles).judged
        if j.facts.measurement.vantage_id == vantage and j.facts.measurement.target == target
    ]
    return found[index]


def world(
    steps: Sequence[Step],
    *,
    pairs: Sequence[PairSpec] = (),
    builder: CycleBuilder = None,
    sentinel: Any = None,
    sentinel_pairs: Any = None,
    url: str | None = None,
    **sentinel_extra: Any,
) -> list[CycleFacts]:
    """One cycle at one vantage with good controls, and a sentinel that reaches the target unless ``sentinel`` says."""
    cycle = (builder or CycleBuilder().controls().portal_check()).add(NEWS, steps, pairs=pairs, url=url).build()
    if sentinel == "absent":
        return [cycle]
    return [cycle, sentinel_cycle(sentinel, pairs=sentinel_pairs, url=url, **sentinel_extra)]


def rules_of(judgement: Judged) -> set[str]:
    return {evidence.rule for evidence in judgement.evidence}


def assert_state(
    cycles: Sequence[CycleFacts],
    state: str,
    rule: str | None = None,
    mechanisms: tuple[str, ...] | None = None,
    **which: Any,
) -> Judged:
    judgement = judged(cycles, **which)
    assert (judgement.decision.state, judgement.decision.rule if rule else None) == (state, rule), rules_of(judgement)
    if mechanisms is not None:
        assert judgement.decision.mechanisms == mechanisms
    assert judgement.decision.reason
    return judgement


# ---------------------------------------------------------------- the table itself


def test_every_rule_id_is_unique_and_every_rule_of_the_table_exists() -> None:
    known = [rule.id for rule in RULES]
    assert len(known) == len(set(known))
    assert {rule for row in STATE_TABLE for rule in row.rules} <= set(known)


def test_every_rule_without_a_measured_weight_has_one_in_the_file_and_none_is_left_over() -> None:
    measured = (
        "pairs.selective",
        "pairs.intermittent",
        "pairs.leaning",
        "pairs.own_address",
        "pairs.weak",
        "address.only_this_target",
        "transfers.throttled",
        "transfers.frozen",
        "transfers.stopped",
        "transfers.leaning",
        "transfers.own_address",
        "transfers.weak",
        "video.media_selective",
        "video.media_leaning",
    )
    assert set(weights()) == {rule.id for rule in RULES if not rule.id.startswith(measured)}


def test_ruleset_names_a_version_and_a_hash() -> None:
    version, _, digest = RULESET.partition("+")
    assert version
    assert len(digest) == 12


def test_nothing_known_gives_insufficient_and_no_exception() -> None:
    empty = MeasurementFacts(
        measurement_id="m", cycle_id="c", vantage_id="v", service="s", target="t", url="", kind="target",
        round="main", started_at=T0,
    )  # fmt: skip
    facts = Facts(
        measurement=empty, cycle=CycleFacts(cycle_id="c", vantage=VantageFacts(vantage_id="v"), started_at=T0)
    )
    assert judge(facts).decision.state is State.INSUFFICIENT
    assert decide((), facts).reason == "Nothing was measured."
    assert {e.rule for e in find_all(facts)} == {"controls.absent", "sentinel.absent"}


@pytest.mark.parametrize("operation", ["dns", "tcp", "tls", "http", "hop", "unheard-of"])
def test_a_single_bare_row_of_any_kind_accuses_nobody(operation: str) -> None:
    for failure in (None, TIMEOUT, "unknown_failure", "not in any list"):
        step = tcp(failure=failure)
        assert judged(world([replace(step, operation=operation, address=None)])).decision.state in {
            State.INSUFFICIENT,
            State.DOWN,
        }


# ---------------------------------------------------------------- local


@pytest.mark.parametrize(
    ("link", "rule"),
    [
        ({"is_interface_up": False}, "local.interface"),
        ({"is_interface_up": True, "has_default_route": False}, "local.interface"),
        ({"is_interface_up": True, "has_default_route": True, "is_gateway_answering": False}, "local.gateway"),
    ],
)
def test_own_link_down_is_local(link: dict[str, bool], rule: str | None) -> None:
    builder = CycleBuilder(links=(LinkFacts(sampled_at=T0, **link),)).controls(no_dns, no_dns)
    assert_state(world(failed("dns"), builder=builder), State.LOCAL, rule)


def test_gateway_that_never_answers_says_nothing() -> None:
    silent = (LinkFacts(sampled_at=T0, is_gateway_answering=False),)
    good = CycleBuilder(index=0, links=silent).controls().add(NEWS, reached()).build()
    cut = CycleBuilder(index=1, links=silent).controls(no_dns, no_dns).add(NEWS, failed("dns")).build()
    assert_state([good, cut, sentinel_cycle(index=1)], State.DARK, "dark.everything")


def test_target_that_was_reached_was_not_behind_a_dead_link() -> None:
    builder = CycleBuilder(links=(LinkFacts(sampled_at=T0, is_interface_up=False),)).controls()
    assert_state(world(reached(), builder=builder), State.OK, "reach.verified")


def portal_page(name: str, address: str, round_: str = "first") -> list[Step]:
    return [
        dns(name, ("192.168.0.1",)),
        tcp("192.168.0.1", failure="address_not_dialled"),
    ]


@pytest.mark.parametrize("status", [200, 302, 511])
def test_captive_portal_is_local_whatever_else_it_breaks(status: int) -> None:
    builder = CycleBuilder().controls(portal_page, portal_page).portal_check(status, location="http://login.example/")
    steps = [dns(NEWS, ("192.168.0.1",)), tcp("192.168.0.1", failure="address_not_dialled")]
    assert_state(world(steps, builder=builder, pairs=plus_pairs(0, both=3)), State.LOCAL, "local.portal")


def test_captive_portal_with_discordant_pairs_is_still_local() -> None:
    builder = CycleBuilder().controls(portal_page, portal_page).portal_check(200)
    assert_state(world(failed("tls", RESET), builder=builder, pairs=plus_pairs(14)), State.LOCAL, "local.portal")


def test_portal_check_that_is_broken_for_the_sentinel_too_is_no_portal() -> None:
    sentinel = CycleBuilder(vantage="frankfurt", role="control").controls().portal_check(200).add(NEWS, reached())
    here = CycleBuilder().controls().portal_check(200).add(NEWS, failed("tcp")).build()
    assert_state([here, sentinel.build()], State.INSUFFICIENT, "address.dead")


def test_portal_check_that_answers_with_its_servers_error_is_no_portal() -> None:
    builder = CycleBuilder().controls().portal_check(503)
    assert judged(world(failed("tcp"), builder=builder)).decision.state is State.INSUFFICIENT


# ---------------------------------------------------------------- ok, withheld


def test_verified_page_is_ok_without_any_control_or_sentinel() -> None:
    assert_state([CycleBuilder().add(NEWS, reached()).build()], State.OK, "reach.verified")


def by_another_try(layer: str = "tls", failure: str = RESET, **place: Any) -> list[Step]:
    """One try that failed, and the page by the next."""
    return [*failed(layer, failure, attempts=1, **place), *(replace(s, attempt=2) for s in reached())]


def test_success_in_a_retry_is_ok() -> None:
    assert_state(world(by_another_try(), pairs=plus_pairs(0, alive=4)), State.OK, "reach.verified")


def test_page_that_came_by_another_try_is_blocked_where_pairs_prove_the_rule() -> None:
    cycles = world(by_another_try(), pairs=plus_pairs(14, alive=8), sentinel_pairs=plus_pairs(0, alive=4))
    assert_state(cycles, State.BLOCKED, "pairs.intermittent.sni", ("tls.reset.sni",))


@pytest.mark.parametrize(
    "steps",
    [
        reached(),  # spared
        by_another_try("tcp", TIMEOUT),  # no name was sent yet
        by_another_try("tls", TIMEOUT),  # not as the pairs' arms fail
        by_another_try(address="2606:2800:220::1"),  # IPv6 may be broken on its own
    ],
)
def test_page_whose_own_tries_did_not_die_of_the_rule_is_ok(steps: list[Step]) -> None:
    assert_state(world(steps, pairs=plus_pairs(14)), State.OK, "reach.verified")


@pytest.mark.parametrize(
    ("pairs", "sentinel_pairs"),
    [
        (plus_pairs(9), plus_pairs(0, alive=4)),  # E of a hundred: too few
        (plus_pairs(14, control_failed=8), plus_pairs(0, alive=4)),  # damage that struck the name more often
        (plus_pairs(0, both=20), plus_pairs(0, alive=4)),
        (plus_pairs(14), plus_pairs(6)),  # the helper's side reads names
        (plus_pairs(14), []),  # nobody says that it does not
    ],
)
def test_page_that_came_by_another_try_is_ok_without_proof(pairs: list[PairSpec], sentinel_pairs: Any) -> None:
    assert_state(world(by_another_try(), pairs=pairs, sentinel_pairs=sentinel_pairs), State.OK, "reach.verified")


def test_other_addresses_of_a_content_network_are_ok() -> None:
    assert_state(world(reached(address="151.101.1.1")), State.OK, "reach.verified", ())


def test_plain_page_like_the_sentinels_is_ok() -> None:
    assert_state(world(reached_plain(), url=PLAIN_URL, sentinel=reached_plain()), State.OK, "reach.same_as_sentinel")


def test_plain_page_without_a_sentinel_is_insufficient() -> None:
    assert_state(world(reached_plain(), url=PLAIN_URL, sentinel="absent"), State.INSUFFICIENT, "reach.unconfirmed", ())


def test_plain_page_at_the_sentinel_itself_is_ok_unless_another_sentinel_differs() -> None:
    cycles = world(reached_plain(), url=PLAIN_URL, sentinel=reached_plain())
    assert_state(cycles, State.OK, "reach.sentinel_itself", vantage="frankfurt")
    cycles.append(sentinel_cycle(reached_plain(title="Other"), vantage="tokyo", url=PLAIN_URL))
    assert_state(cycles, State.INSUFFICIENT, "reach.differs", vantage="frankfurt")


def test_plain_page_unlike_the_sentinels_is_insufficient_by_itself() -> None:
    cycles = world(reached_plain(title="Blocked by law"), url=PLAIN_URL, sentinel=reached_plain())
    assert_state(cycles, State.INSUFFICIENT, "reach.differs", ())


def test_forged_redirect_to_a_block_page_with_a_flawless_certificate_is_not_ok() -> None:
    steps = [
        dns(NEWS, (SITE,)),
        tcp(port=80),
        http(PLAIN_URL, status=302, location="https://blocked.example/", title=None),
        *(replace(s, redirect=1) for s in reached("blocked.example", "8.50.1.1", title="Blocked")),
    ]
    assert_state(world(steps, url=PLAIN_URL, sentinel=reached_plain()), State.INSUFFICIENT, "reach.differs")


def test_upgrade_to_https_of_the_same_name_is_ok() -> None:
    steps = [
        dns(NEWS, (SITE,)),
        tcp(port=80),
        http(PLAIN_URL, status=301, location=f"https://www.{NEWS}/", title=None),
        *(replace(s, redirect=1) for s in reached(f"www.{NEWS}")),
    ]
    assert_state(world(steps, url=PLAIN_URL, sentinel="absent"), State.OK, "reach.verified")


@pytest.mark.parametrize(
    "page", [{"status": 403, "title": "Forbidden"}, {"status": 451, "title": "No"}, {"title": "Attention Required!"}]
)
def test_proven_server_that_refuses_only_this_client_withholds(page: Any) -> None:
    assert_state(world(reached(**page)), State.WITHHELD, "reach.refused_here", ())


def test_refusal_of_everyone_is_ok_and_of_nobody_knows_whom_is_insufficient() -> None:
    refused = {"status": 403, "title": "Forbidden"}
    assert_state(world(reached(**refused), sentinel=reached(**refused)), State.OK, "reach.same_as_sentinel")
    assert_state(world(reached(**refused), sentinel="absent"), State.INSUFFICIENT, "reach.server_error")


def test_plain_refusal_is_not_withheld_because_anybody_can_write_it() -> None:
    cycles = world(reached_plain(status=403, title="Forbidden"), url=PLAIN_URL, sentinel=reached_plain())
    assert_state(cycles, State.INSUFFICIENT, "reach.differs")


def test_servers_own_error_everywhere_is_down_and_here_alone_is_insufficient() -> None:
    error = {"status": 502, "title": "Bad gateway"}
    assert_state(world(reached(**error), sentinel=reached(**error)), State.DOWN, "reach.error_for_everyone")
    assert_state(world(reached(**error)), State.INSUFFICIENT, "reach.server_error")


def test_portal_check_itself_is_ok_when_it_gets_its_answer() -> None:
    found = judged(world(reached()), target="check.example.org")
    assert (found.decision.state, found.decision.rule) == (State.OK, "reach.portal_check")


# ---------------------------------------------------------------- dark


@pytest.mark.parametrize("fate", [dead, no_dns])
def test_everything_dead_before_and_after_is_dark(fate: Any) -> None:
    builder = CycleBuilder().controls(fate, fate)
    assert_state(world(fate(NEWS, SITE), builder=builder), State.DARK, "dark.everything", ())


def test_home_alive_and_all_abroad_dead_is_dark_by_another_rule() -> None:
    builder = CycleBuilder().controls(None, dead)
    assert_state(world(dead(NEWS, SITE), builder=builder), State.DARK, "dark.abroad")


@pytest.mark.parametrize("bad_round", ["first", "last"])
def test_controls_that_failed_in_one_round_only_are_flapping_and_insufficient(bad_round: str) -> None:
    def fate(name: str, address: str, round_: str) -> Any:
        return dead(name, address) if round_ == bad_round else reached(name, address)

    builder = CycleBuilder().controls(fate, fate)
    judgement = assert_state(world(dead(NEWS, SITE), builder=builder), State.INSUFFICIENT, "controls.flapping")
    assert "controls.absent" not in rules_of(judgement)


def test_cycle_that_was_cut_short_before_its_last_controls_is_not_dark() -> None:
    builder = CycleBuilder(outcome="interrupted").controls(dead, dead, rounds=("first",))
    judgement = judged(world(dead(NEWS, SITE), builder=builder))
    assert judgement.decision.state is State.INSUFFICIENT
    assert "controls.absent" in rules_of(judgement)


def test_one_dead_control_alone_cannot_show_darkness() -> None:
    builder = CycleBuilder()
    for round_ in ("first", "last"):
        builder.add("example.org", dead("example.org", "9.30.1.1"), kind="control-abroad", round_=round_)
    assert judged(world(dead(NEWS, SITE), builder=builder)).decision.state is State.INSUFFICIENT


def test_other_target_that_answered_in_between_is_no_darkness() -> None:
    builder = CycleBuilder().controls(dead, dead).add("weather", reached("weather.example.com", "8.40.1.1"))
    assert judged(world(dead(NEWS, SITE), builder=builder)).decision.state is State.INSUFFICIENT


def test_path_that_loses_large_packets_is_insufficient() -> None:
    def large(name: str, address: str, round_: str) -> list[Step]:
        return failed("tls", TIMEOUT, name, address, attempts=1)

    builder = CycleBuilder().controls(large, large).portal_check()
    cycles = world(failed("tls"), builder=builder, pairs=plus_pairs(0, both=14))
    assert_state(cycles, State.INSUFFICIENT, "path.large_packets", ())


def test_resolver_that_crashed_is_insufficient_and_not_dark() -> None:
    def servfail(name: str, address: str | None = None, round_: str | None = None) -> list[Step]:
        return [dns(name, failure="dns_server_misbehaving", address="10.0.0.53")]

    builder = CycleBuilder().controls(servfail, servfail)
    assert_state(world(servfail(NEWS), builder=builder), State.INSUFFICIENT, "path.resolver_broken")


# ---------------------------------------------------------------- DNS


def raced(
    first: Sequence[str], *, resolver: str = "isp", query_type: str = "A", transport: str = "udp", true: str = SITE
) -> Step:
    return dns(NEWS, first, (true,), resolver=resolver, query_type=query_type, transport=transport)


def test_forged_answers_before_true_ones_are_injection() -> None:
    steps = [raced((FORGED,)), raced((FORGED,), resolver="public"), tcp(FORGED, TIMEOUT), tcp(), tls(), http()]
    builder = CycleBuilder().controls(two_resolvers, two_resolvers)
    system = dns(NEWS, (FORGED,), resolver="system", transport="system")
    assert_state(
        world([system, *steps[:2], tcp(FORGED, TIMEOUT)], builder=builder),
        State.BLOCKED,
        "dns.two_answers.repeated",
        ("dns.injection",),
    )


def two_resolvers(name: str, address: str, round_: str = "first") -> list[Step]:
    first, *rest = reached(name, address)
    others = [dns(name, (address,), resolver=r, transport=t) for r, t in (("public", "udp"), ("system", "system"))]
    return [first, *others, *rest]


def test_forged_answer_that_harmed_nobody_stays_ok() -> None:
    """Seen on the way to a public resolver, while the system's own answer led to the site."""
    steps = [
        dns(NEWS, (SITE,), resolver="system", transport="system"),
        raced((FORGED,)),
        raced((FORGED,), resolver="public"),
        tcp(FORGED, TIMEOUT),
        tcp(),
        tls(),
        http(),
    ]
    builder = CycleBuilder().controls(two_resolvers, two_resolvers)
    assert_state(world(steps, builder=builder), State.OK, "reach.verified")


def test_forged_system_answer_is_blocked_although_another_resolver_led_to_the_site() -> None:
    steps = [
        raced((FORGED,), resolver="system", transport="system"),
        raced((FORGED,)),
        tcp(FORGED, TIMEOUT),
        tls("5.6.7.9", RESET),
    ]
    steps[0] = dns(NEWS, ("10.10.34.35",), resolver="system", transport="system")
    steps += [tcp(), tls(), http()]
    builder = lied_about("10.10.34.35", CycleBuilder().controls(two_resolvers, two_resolvers), resolver="system")
    assert_state(world(steps, builder=builder), State.BLOCKED, "dns.bogon", ("dns.injection.bogon",))


def test_forged_answer_that_leads_to_a_block_page_over_plain_http_is_injection() -> None:
    def forged_and_true() -> list[Step]:
        return [
            dns(NEWS, (FORGED,), resolver="system", transport="system"),
            raced((FORGED,)),
            raced((FORGED,), resolver="public"),
            tcp(FORGED, port=80),
            tcp(port=80),
            http(PLAIN_URL, address=FORGED, title="Blocked", port=80),
        ]

    builder = CycleBuilder().controls(two_resolvers, two_resolvers)
    cycles = world(forged_and_true(), builder=builder, url=PLAIN_URL, sentinel=reached_plain())
    assert_state(cycles, State.BLOCKED, "dns.two_answers.repeated", ("dns.injection",))


def test_injection_that_spared_the_systems_resolver_over_plain_http_stays_ok() -> None:
    steps = [
        dns(NEWS, (SITE,), resolver="system", transport="system"),
        raced(("10.0.0.1",), resolver="public"),
        tcp(port=80),
        http(PLAIN_URL, port=80),
    ]
    builder = CycleBuilder().controls(two_resolvers, two_resolvers)
    cycles = world(steps, builder=builder, url=PLAIN_URL, sentinel=reached_plain())
    assert_state(cycles, State.OK, "reach.same_as_sentinel")


def test_forged_system_answer_is_blocked_although_the_late_true_answer_led_to_the_site() -> None:
    """The race is seen on the way to the resolvers; the system took the first answer, as every program here does."""
    steps = [
        dns(NEWS, (FORGED,), resolver="system", transport="system"),
        raced((FORGED,)),
        raced((FORGED,), resolver="public"),
        tcp(FORGED, TIMEOUT),
        tcp(),
        tls(),
        http(),
    ]
    builder = CycleBuilder().controls(two_resolvers, two_resolvers)
    assert_state(world(steps, builder=builder), State.BLOCKED, "dns.two_answers.repeated", ("dns.injection",))


def test_bogon_in_the_race_is_called_at_once_and_a_public_address_only_when_repeated() -> None:
    builder = lambda: CycleBuilder().controls()  # noqa: E731 - one short factory
    once = [raced((FORGED,)), tcp(FORGED, TIMEOUT), tcp(), tls(failure=RESET)]
    assert_state(world(once, builder=builder()), State.SUSPECTED, "dns.two_answers", ("dns.injection",))
    bogus = [raced(("127.0.0.2",)), tcp(), tls(failure=RESET)]
    assert_state(world(bogus, builder=builder()), State.BLOCKED, "dns.two_answers.repeated", ("dns.injection.bogon",))


WATCH = "https://www.video.example.com/watch?v=y4De4CSEvAU"


def watched(title: str | None, *, sentinel_title: str | None = None, sentinel: str = "there") -> list[CycleFacts]:
    def page(name: str | None) -> list[Step]:
        return [dns(NEWS), tcp(), tls(), http(WATCH, title=name)]

    cycle = CycleBuilder().controls().add(NEWS, page(title), url=WATCH, video="y4De4CSEvAU").build()
    beyond = CycleBuilder(vantage="frankfurt", role="control").controls()
    beyond.add(NEWS, page(sentinel_title), url=WATCH, video="y4De4CSEvAU")
    return [cycle, beyond.build()] if sentinel == "there" else [cycle]


def test_page_of_a_video_alone_does_not_show_that_the_video_is_there() -> None:
    assert_state(watched("- YouTube", sentinel="absent"), State.INSUFFICIENT, "reach.video_unread")


def test_video_that_the_sentinel_sees_under_another_title_is_not_ok_and_nobody_is_accused() -> None:
    facts = watched("- YouTube", sentinel_title="The square - YouTube")
    assert_state(facts, State.INSUFFICIENT, "reach.video_unread")


def test_pages_of_a_video_without_titles_are_no_comparison() -> None:
    assert_state(watched(None, sentinel_title=None), State.INSUFFICIENT, "reach.video_unread")


def test_video_under_the_sentinels_title_is_not_ok_by_that_alone() -> None:
    assert_state(watched("Zhanaozen, the square - YouTube"), State.INSUFFICIENT, "reach.video_unread")


def test_race_that_repeats_in_the_next_cycle_is_called() -> None:
    steps = lambda: [raced((FORGED,)), tcp(FORGED, TIMEOUT), tcp(), tls(failure=RESET)]  # noqa: E731
    cycles = [
        *world(steps(), builder=CycleBuilder(index=0).controls()),
        *world(steps(), builder=CycleBuilder(index=1).controls(), index=1),
    ]
    assert_state(cycles, State.BLOCKED, "dns.two_answers.repeated", index=0)


def test_path_that_duplicates_packets_is_no_injection() -> None:
    """A resolver asked twice may give two members of one site; names of controls get two answers too."""

    def doubled(name: str, address: str, round_: str) -> list[Step]:
        return [dns(name, (address,), (address,)), *reached(name, address)[1:]]

    steps = [raced((FORGED,)), raced((FORGED,), query_type="AAAA"), tcp(FORGED, TIMEOUT), tcp(), tls(failure=TIMEOUT)]
    builder = CycleBuilder().controls(doubled, doubled)
    assert judged(world(steps, builder=builder)).decision.state is State.INSUFFICIENT


def test_member_that_even_a_sentinel_without_a_connection_knows_is_no_forgery() -> None:
    steps = [raced((FORGED,)), raced((FORGED,), query_type="AAAA"), tcp(FORGED, TIMEOUT), tcp(), tls(), http()]
    steps.insert(0, dns(NEWS, (FORGED,), resolver="system", transport="system"))
    cut_off = CycleBuilder(vantage="frankfurt", role="control").controls(dead, dead)
    cut_off.add(NEWS, [dns(NEWS, (SITE, FORGED)), tcp(failure=TIMEOUT)])
    here = CycleBuilder().controls(two_resolvers, two_resolvers).add(NEWS, steps).build()
    # No forgery; and yet a program here, which asks the system alone, would have met the dead member.
    assert_state([here, cut_off.build()], State.INSUFFICIENT, "dns.misled")


def test_two_members_of_one_site_are_no_injection() -> None:
    steps = [raced((FORGED,)), raced((FORGED,), resolver="isp", query_type="AAAA"), tcp(FORGED, TIMEOUT), tcp()]
    sentinel = [dns(NEWS, (SITE, FORGED)), tcp(), tls(), http()]
    assert judged(world([*steps, tls(failure=TIMEOUT)], sentinel=sentinel)).decision.state is State.INSUFFICIENT


def lied_about(answer: Any, builder: CycleBuilder | None = None, *, resolver: str = "isp") -> CycleBuilder:
    """A cycle in which a resolver says of an unrelated name what it says of ours, and another leads to it."""
    told = (answer,) if answer != "NXDOMAIN" else answer
    other = "radio.example.net"
    steps = [dns(other, told, resolver=resolver), dns(other, told, resolver=resolver, query_type="AAAA")]
    steps += [dns(other, ("9.30.1.77",), resolver="elsewhere"), *reached(other, "9.30.1.77")[1:]]
    return (builder or CycleBuilder().controls().portal_check()).add(other, steps)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.10.34.35", "0.0.0.0", "::1"])
def test_bogon_for_unrelated_names_is_blocked_while_others_get_a_public_address(address: str) -> None:
    steps = [dns(NEWS, (address,)), tcp(address, failure="address_not_dialled")]
    assert_state(world(steps, builder=lied_about(address)), State.BLOCKED, "dns.bogon", ("dns.injection.bogon",))


def test_bogon_for_one_name_alone_is_suspected_because_its_own_servers_may_say_so() -> None:
    steps = [dns(NEWS, ("127.0.0.1",)), tcp("127.0.0.1", failure="address_not_dialled")]
    assert_state(world(steps), State.SUSPECTED, "dns.bogon.alone", ("dns.injection.bogon",))


def test_bogon_for_two_names_of_one_site_is_suspected_only() -> None:
    sibling = f"mirror.{NEWS}"
    told = [dns(sibling, ("127.0.0.1",)), dns(sibling, ("9.30.1.77",), resolver="elsewhere")]
    builder = CycleBuilder().controls().portal_check().add(sibling, [*told, *reached(sibling, "9.30.1.77")[1:]])
    steps = [dns(NEWS, ("127.0.0.1",)), tcp("127.0.0.1", failure="address_not_dialled")]
    assert_state(world(steps, builder=builder), State.SUSPECTED, "dns.bogon.alone")


def test_bogon_that_the_sentinel_gets_as_well_is_down() -> None:
    def steps() -> list[Step]:
        return [dns(NEWS, ("127.0.0.1",)), tcp("127.0.0.1", failure="address_not_dialled")]

    assert_state(world(steps(), sentinel=steps()), State.DOWN, "sentinel.fails")


def test_bogon_for_controls_as_well_is_no_rule_on_the_name() -> None:
    def bogus(name: str, address: str, round_: str) -> list[Step]:
        return [dns(name, ("10.0.0.1",)), tcp("10.0.0.1", failure="address_not_dialled")]

    steps = [dns(NEWS, ("10.0.0.1",)), tcp("10.0.0.1", failure="address_not_dialled")]
    assert judged(world(steps, builder=CycleBuilder().controls(bogus, bogus))).decision.state in {
        State.DARK,
        State.INSUFFICIENT,
    }


def test_resolver_that_gives_bogons_for_controls_too_is_broken_and_reads_no_name() -> None:
    def two(name: str, address: str, round_: str) -> list[Step]:
        others = reached(name, address)
        return [dns(name, ("10.0.0.1",)), replace(others[0], resolver="public"), *others[1:]]

    system = dns(NEWS, ("10.0.0.1",), resolver="isp", transport="system")
    page = reached()
    steps = [system, replace(page[0], resolver="public"), *page[1:]]
    assert_state(world(steps, builder=CycleBuilder().controls(two, two)), State.OK, "reach.verified")


def test_bogon_without_anyone_to_compare_with_is_insufficient() -> None:
    steps = [dns(NEWS, ("10.0.0.1",)), tcp("10.0.0.1", failure="address_not_dialled")]
    assert_state(world(steps, sentinel="absent"), State.INSUFFICIENT, "dns.unresolved")


def test_bogon_that_came_over_encryption_too_was_written_by_no_network() -> None:
    steps = [dns(NEWS, ("127.0.0.1",)), dns(NEWS, ("127.0.0.1",), resolver="doh", transport="doh")]

    def both(name: str, address: str, round_: str) -> list[Step]:
        return [dns(name, (address,), resolver="doh", transport="doh"), *reached(name, address)]

    builder = CycleBuilder().controls(both, both)
    assert_state(world(steps, builder=builder), State.INSUFFICIENT, "dns.unresolved")


def test_nat64_address_is_no_bogon() -> None:
    steps = [dns(NEWS, ("64:ff9b::5db8:d822",), query_type="AAAA"), tcp("64:ff9b::5db8:d822", failure=TIMEOUT)]
    assert judged(world(steps)).decision.state is State.INSUFFICIENT


def denied(count: int = 2) -> list[Step]:
    return [dns(NEWS, "NXDOMAIN", query_type=t) for t in ("A", "AAAA")[:count]]


def test_denied_name_that_lives_elsewhere_is_suspected_because_a_resolver_may_remember_an_old_answer() -> None:
    assert_state(world(denied()), State.SUSPECTED, "dns.nxdomain.alone", ("dns.nxdomain",))


def test_denied_names_that_have_nothing_in_common_are_blocked() -> None:
    assert_state(world(denied(), builder=lied_about("NXDOMAIN")), State.BLOCKED, "dns.nxdomain", ("dns.nxdomain",))


def test_denied_name_that_another_resolver_inside_leads_to_is_suspected_without_a_sentinel() -> None:
    steps = [*denied(), dns(NEWS, (SITE,), resolver="public"), tcp(), tls(), http()]
    steps[0] = replace(steps[0], transport="system")
    steps[1] = replace(steps[1], transport="udp")
    cycles = world(steps, builder=CycleBuilder().controls(), sentinel="absent")
    assert_state(cycles, State.SUSPECTED, "dns.nxdomain.alone", ("dns.nxdomain",))


@pytest.mark.parametrize("failure", ["dns_server_failure", "dns_refused_error", "dns_no_answer", TIMEOUT])
def test_target_that_only_another_resolver_leads_to_is_not_ok(failure: str) -> None:
    own = dns(NEWS, resolver="isp", transport="system", failure=failure)
    steps = [own, dns(NEWS, (SITE,), resolver="public"), tcp(), tls(), http()]
    assert_state(world(steps), State.INSUFFICIENT, "dns.misled")


# ---------------------------------------------------------------- whose doing it can be


def beside(steps: Sequence[Step], **fields: Any) -> CycleFacts:
    fields = {"vantage": "astana", "region": "Astana", **fields}
    return CycleBuilder(**fields).controls().portal_check().add(NEWS, steps).build()


def met_by_own_answer() -> list[Step]:
    found, *rest = reached()
    return [replace(found, transport="system"), *rest]


def struck_alone() -> list[CycleFacts]:
    """Pairs at this vantage say with all guards that the name is read."""
    builder = CycleBuilder(region="Almaty").controls().portal_check()
    return world(failed("tls", RESET), builder=builder, pairs=plus_pairs(14, alive=0))


def test_rule_that_spares_another_vantage_of_the_network_may_be_a_filter_in_the_home() -> None:
    assert_state(struck_alone(), State.BLOCKED, "pairs.selective.sni")
    assert_state([*struck_alone(), beside(met_by_own_answer())], State.INSUFFICIENT, "locus.own_premises")


@pytest.mark.parametrize(
    "elsewhere",
    [{"network": "AS64500"}, {"network": None}, {"role": "control"}],
    ids=["another network", "nobody knows where", "a sentinel"],
)
def test_only_a_vantage_of_the_same_network_tells_whose_filter_it_is(elsewhere: dict[str, Any]) -> None:
    cycles = [*struck_alone(), beside(met_by_own_answer(), **elsewhere)]
    assert judged(cycles).decision.state is State.BLOCKED


def test_neighbour_that_is_struck_too_clears_the_home() -> None:
    assert judged([*struck_alone(), beside(failed("tls", RESET))]).decision.state is State.BLOCKED


def test_neighbour_that_only_another_resolver_led_there_is_not_spared() -> None:
    steps = [dns(NEWS, ("10.0.0.1",), transport="system"), *reached()]
    assert judged([*struck_alone(), beside(steps)]).decision.state is State.BLOCKED


def test_single_denial_is_not_enough() -> None:
    assert_state(world(denied(1)), State.INSUFFICIENT, "dns.unresolved")


def test_denial_for_everyone_is_down() -> None:
    assert_state(world(denied(), sentinel=denied()), State.DOWN, "sentinel.fails")


def test_system_that_says_no_such_name_for_a_missing_type_denies_nothing() -> None:
    steps = [dns(NEWS, transport="system", resolver="isp", query_type="AAAA", failure="dns_nxdomain_error")]
    steps += [replace(steps[0], observation_id=new_id(), attempt=2), dns(NEWS, (SITE,)), tcp(failure=TIMEOUT)]
    assert judged(world(steps)).decision.state is State.INSUFFICIENT


def test_denial_while_the_name_was_dying_everywhere_is_not_called() -> None:
    """The sentinel still reached it just before, and no longer just after."""
    here = CycleBuilder(index=1).controls().add(NEWS, denied()).build()
    cycles = [sentinel_cycle(index=0), here, sentinel_cycle(denied(), index=1)]
    assert judged(cycles).decision.state is State.DOWN
    cycles = [sentinel_cycle(index=1), here, sentinel_cycle(denied(), index=2)]
    assert judged(cycles).decision.state is State.INSUFFICIENT


def test_answer_that_leads_to_a_host_with_another_certificate_accuses_nobody() -> None:
    steps = [dns(NEWS, (FORGED,)), tcp(FORGED), tls(FORGED, certificate_failure="ssl_invalid_hostname")]
    judgement = assert_state(world(steps), State.INSUFFICIENT, "dns.wrong_host", ())
    assert "tls.untrusted" in rules_of(judgement)


# ---------------------------------------------------------------- TLS


def forged_chain(
    certificates: tuple[str, ...] = ("forged-news", "false-authority"),
    failure: str | None = "ssl_unknown_authority",
    attempts: int = 12,
) -> list[Step]:
    steps = [dns(NEWS, (SITE,))]
    for attempt in range(1, attempts + 1):
        steps.append(tcp(attempt=attempt))
        steps.append(tls(certificate_failure=failure, certificates=certificates, attempt=attempt))
    return steps


def intercepted(
    certificates: tuple[str, ...] = ("forged-weather", "false-authority"), address: str = "8.40.1.1"
) -> list[Step]:
    return [dns("weather.example.com", (address,)), tcp(address),
            tls(address, certificate_failure="ssl_unknown_authority", certificates=certificates)]  # fmt: skip


def test_forged_certificates_of_one_false_authority_for_two_services_are_tampered() -> None:
    builder = CycleBuilder().controls().add("weather.example.com", intercepted())
    cycles = world(forged_chain(attempts=1), builder=builder)
    assert_state(cycles, State.TAMPERED, "tls.forged", ("tls.mitm.ca_signed",))


def test_one_default_certificate_for_two_services_of_one_host_is_insufficient() -> None:
    same = ("default-leaf", "default-authority")
    builder = CycleBuilder().controls().add("weather.example.com", intercepted(same))
    assert judged(world(forged_chain(same), builder=builder)).decision.state is State.INSUFFICIENT


def test_certificate_that_stays_forged_for_cycles_is_tampered() -> None:
    cycles = []
    for index in range(3):
        builder = CycleBuilder(index=index).controls()
        cycles += world(forged_chain(attempts=4), builder=builder, index=index)
    assert [judged(cycles, index=i).decision.state for i in range(3)] == [
        State.INSUFFICIENT,  # eight handshakes in two cycles
        State.TAMPERED,
        State.INSUFFICIENT,
    ]


@pytest.mark.parametrize(
    ("steps", "extra"),
    [
        (forged_chain(failure="ssl_invalid_hostname"), {}),  # a server's default certificate looks like that
        (forged_chain(failure="ssl_invalid_certificate"), {}),  # out of date
        (forged_chain(certificates=("genuine-leaf", "false-authority")), {}),  # the genuine one, not trusted here
        (forged_chain(), {"sentinel": "absent"}),
        ([*forged_chain(), tcp(), tls(), http(failure=TIMEOUT)], {}),  # one member of a group is misconfigured
    ],
)
def test_wrong_certificate_with_an_innocent_explanation_is_insufficient(steps: Sequence[Step], extra: Any) -> None:
    builder = CycleBuilder().controls().add("weather.example.com", intercepted())
    assert judged(world(steps, builder=builder, **extra)).decision.state is State.INSUFFICIENT


def test_false_certificate_of_one_cycle_and_one_name_is_insufficient() -> None:
    assert_state(world(forged_chain()), State.INSUFFICIENT, "tls.untrusted", ())


def test_certificate_that_is_wrong_for_everyone_is_down() -> None:
    assert_state(world(forged_chain(), sentinel=forged_chain()), State.DOWN, "sentinel.fails")


def test_certificate_that_breaks_for_the_sentinel_a_moment_later_is_not_called() -> None:
    here = CycleBuilder(index=1).controls().add("weather.example.com", intercepted()).add(NEWS, forged_chain()).build()
    cycles = [sentinel_cycle(index=1), here, sentinel_cycle(forged_chain(), index=2)]
    assert judged(cycles).decision.state is State.INSUFFICIENT


def test_clock_that_is_wrong_is_local_and_not_interception() -> None:
    def stale(name: str, address: str, round_: str) -> list[Step]:
        return [dns(name, (address,)), tcp(address), tls(address, certificate_failure="ssl_invalid_certificate")]

    builder = CycleBuilder().controls(stale, stale)
    steps = forged_chain(failure="ssl_invalid_certificate")
    assert_state(world(steps, builder=builder), State.LOCAL, "tls.clock", ())


def test_certificates_of_controls_forged_as_well_are_no_rule_on_the_name() -> None:
    def forged(name: str, address: str, round_: str) -> list[Step]:
        return [dns(name, (address,)), tcp(address), tls(address, certificate_failure="ssl_unknown_authority")]

    builder = CycleBuilder().controls(forged, forged).add("weather.example.com", intercepted())
    assert judged(world(forged_chain(), builder=builder)).decision.state is State.INSUFFICIENT


# ---------------------------------------------------------------- pairs


@pytest.mark.parametrize(
    ("failure", "mechanism"),
    [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni"), (EOF, "tls.eof.sni"),
     ("ssl_failed_handshake", "tls.alert.sni"), (NOT_GENUINE, "tls.mitm"), ("unknown_failure", "tls")],
)  # fmt: skip
def test_pairs_beyond_a_thousand_name_the_block_and_its_mechanism(failure: str | None, mechanism: str) -> None:
    cycles = world(failed("tls", RESET), pairs=plus_pairs(14, failure=failure))
    judgement = assert_state(cycles, State.BLOCKED, "pairs.selective.sni", (mechanism,))
    weight = next(e.log10_lr for e in judgement.evidence if e.rule == "pairs.selective.sni")
    assert weight == pytest.approx(3.339, abs=1e-3)
    assert "14 times the target's" in judgement.decision.reason


@pytest.mark.parametrize(
    ("kind", "failure", "mechanism"),
    [
        ("host", RESET, "http.reset.host"),
        ("host", TIMEOUT, "http.timeout.host"),
        ("host", NOT_GENUINE, "http.blockpage"),
        ("path", RESET, "http.reset.path"),
    ],
)
def test_host_and_path_rules_are_named(kind: str, failure: str | None, mechanism: str) -> None:
    steps = reached_plain(title="Blocked") if failure == NOT_GENUINE else failed("http", failure, is_plain=True)
    cycles = world(
        steps, pairs=plus_pairs(14, kind=kind, failure=failure), url=PLAIN_URL, sentinel=reached_plain(),
        sentinel_pairs=[(kind, "helper", None, None)],
    )  # fmt: skip
    assert_state(cycles, State.BLOCKED, f"pairs.selective.{kind}", (mechanism,))


def test_block_inside_damage_is_found_although_controls_flap() -> None:
    def flap(name: str, address: str, round_: str) -> list[Step]:
        return dead(name, address) if round_ == "first" else reached(name, address)

    builder = CycleBuilder().controls(flap, flap)
    cycles = world(failed("tls", RESET), builder=builder, pairs=plus_pairs(18, control_failed=1, both=20))
    assert_state(cycles, State.BLOCKED, "pairs.selective.sni")


def flapping(name: str, address: str, round_: str) -> list[Step]:
    return dead(name, address) if round_ == "first" else reached(name, address)


def after_the_rule(now: Sequence[PairSpec], *, is_lossy: bool) -> list[CycleFacts]:
    """A cycle with a rule beyond doubt, and the next one, in which the target fails with the pairs ``now``."""
    before = world(failed("tls", RESET), pairs=plus_pairs(16))
    fate = flapping if is_lossy else None
    builder = CycleBuilder(index=1).controls(fate, fate)
    return [*before, *world(failed("tls", TIMEOUT), builder=builder, pairs=now, index=1)]


@pytest.mark.parametrize(
    "now",
    [
        plus_pairs(0, control_failed=1),
        plus_pairs(1),
        plus_pairs(4),
        plus_pairs(6, control_failed=3, both=15),
        plus_pairs(0, both=24),
    ],
    ids=["the control fails", "once", "four times", "both ways", "both arms"],
)
def test_damage_that_comes_after_a_rule_is_not_called_a_rule(now: list[PairSpec]) -> None:
    assert judged(after_the_rule(now, is_lossy=True)).decision.state is State.INSUFFICIENT


@pytest.mark.parametrize(("now", "is_lossy"), [(plus_pairs(1), False), (plus_pairs(5), True), (plus_pairs(20), True)])
def test_rule_that_still_holds_is_called_where_it_wins_again(now: list[PairSpec], is_lossy: bool) -> None:
    assert judged(after_the_rule(now, is_lossy=is_lossy)).decision.state is State.BLOCKED


def test_rule_on_half_of_the_flows_adds_up_over_cycles_and_spares_what_succeeded() -> None:
    days = [(False, 7), (True, 1), (False, 7)]
    cycles = []
    for index, (ok, discordant) in enumerate(days):
        builder = CycleBuilder(index=index).controls()
        steps = reached() if ok else failed("tls", RESET)
        cycles += world(steps, builder=builder, pairs=plus_pairs(discordant, alive=discordant), index=index)
    states = [judged(cycles, index=i).decision.state for i in range(3)]
    assert states == [State.BLOCKED, State.OK, State.BLOCKED]


@pytest.mark.parametrize("discordant", [5, 8, 12])
def test_fewer_pairs_on_a_path_without_other_loss_are_suspected(discordant: int) -> None:
    cycles = world(failed("tls", RESET), pairs=plus_pairs(discordant))
    assert_state(cycles, State.SUSPECTED, "pairs.leaning.sni", ("tls.reset.sni",))


def blemished(name: str, address: str, round_: str) -> list[Step]:
    return [*failed("tls", TIMEOUT, name, address, attempts=1), *reached(name, address)]


@pytest.mark.parametrize(
    ("pairs", "builder"),
    [
        (plus_pairs(4), CycleBuilder().controls()),  # E below 10
        (plus_pairs(9, control_failed=1), CycleBuilder().controls()),  # a control's arm failed as well
        (plus_pairs(9, both=1), CycleBuilder().controls()),  # both arms failed
        (plus_pairs(9), CycleBuilder().controls(blemished)),  # controls lost connections
        (plus_pairs(9), CycleBuilder().controls(pairs=[("sni", "helper", None, TIMEOUT)])),  # innocuous names failed
        (plus_pairs(9), CycleBuilder()),  # no controls
    ],
)
def test_fewer_pairs_on_a_path_that_loses_other_things_are_insufficient(
    pairs: Sequence[PairSpec], builder: CycleBuilder
) -> None:
    assert judged(world(failed("tls", TIMEOUT), pairs=pairs, builder=builder)).decision.state is State.INSUFFICIENT


def test_without_a_sentinels_pairs_nothing_is_more_than_suspected() -> None:
    for extra in ({"sentinel": "absent"}, {"sentinel_pairs": ()}, {"sentinel_pairs": plus_pairs(0, both=1)}):
        cycles = world(failed("tls", RESET), pairs=plus_pairs(20), **extra)
        assert_state(cycles, State.SUSPECTED, "pairs.leaning.sni")


def test_more_bets_raise_the_bar() -> None:
    here = judged(world(failed("tls", RESET), pairs=plus_pairs(14, control_failed=0))).facts
    (run,) = here.pair_runs
    assert judge(here).decision.state is State.BLOCKED
    raised = replace(here, pair_runs=(replace(run, bar_log10=run.log10_e + 0.1),))
    assert judge(raised).decision.state is State.SUSPECTED


def test_sentinel_whose_own_pairs_lean_voids_the_claim() -> None:
    cycles = world(failed("tls", RESET), pairs=plus_pairs(20), sentinel_pairs=plus_pairs(6, alive=1))
    judgement = assert_state(cycles, State.INSUFFICIENT, "pairs.sentinel_too", ())
    assert judgement.decision.mechanisms == ()


def test_negative_controls_that_lean_void_the_instrument() -> None:
    builder = CycleBuilder().controls(pairs=plus_pairs(2))
    cycles = world(failed("tls", RESET), pairs=plus_pairs(20), builder=builder)
    assert_state(cycles, State.INSUFFICIENT, "pairs.negative_controls")


def test_own_pairs_that_are_calm_contradict_an_older_run() -> None:
    """The rule was lifted; what fails now fails for another reason."""
    first = CycleBuilder(index=0).controls().add(NEWS, failed("tls", RESET), pairs=plus_pairs(20)).build()
    later = CycleBuilder(index=1).controls().add(NEWS, failed("tcp"), pairs=plus_pairs(0, alive=12)).build()
    cycles = [first, sentinel_cycle(index=0), later, sentinel_cycle(index=1)]
    assert judged(cycles, index=0).decision.state is State.BLOCKED
    judgement = judged(cycles, index=1)
    assert judgement.decision.state is State.INSUFFICIENT
    assert "pairs.silent.sni" in rules_of(judgement)


def test_pairs_on_the_name_of_the_first_hop_say_nothing_on_a_later_one() -> None:
    steps = [
        *reached(status=302, location="https://other.example.com/"),
        *(replace(s, redirect=1) for s in failed("tls", RESET, "other.example.com", "8.60.1.1")),
    ]
    assert judged(world(steps, pairs=plus_pairs(14))).decision.state is State.INSUFFICIENT


def test_pairs_cannot_explain_a_page_that_failed_behind_a_verified_handshake() -> None:
    assert judged(world(failed("http"), pairs=plus_pairs(14))).decision.state is State.INSUFFICIENT


def test_pairs_at_the_servers_own_address_are_at_most_suspected() -> None:
    own = plus_pairs(14, peer="target")
    calm = [("sni", "target", None, None)]
    assert_state(world(failed("tls", RESET), pairs=own, sentinel_pairs=calm), State.SUSPECTED, "pairs.own_address.sni")
    assert judged(world(failed("tls", RESET), pairs=own, sentinel="absent")).decision.state is State.INSUFFICIENT


def test_server_that_chooses_by_name_while_the_helper_is_silent_is_insufficient() -> None:
    pairs = [*plus_pairs(14, peer="target"), *plus_pairs(0, alive=14)]
    judgement = judged(world(failed("tls", RESET), pairs=pairs))
    assert judgement.decision.state is State.INSUFFICIENT
    assert "pairs.silent.sni" in rules_of(judgement)


def test_pairs_that_do_not_follow_from_the_seed_are_evidence_of_their_own() -> None:
    here, beside = world(failed("tls", RESET), pairs=plus_pairs(20))
    forged = replace(here, seed="00" * 32)
    assert_state([forged, beside], State.INSUFFICIENT, "pairs.mismatch", ())


def test_cycle_whose_seed_was_never_revealed_accuses_nobody() -> None:
    here, beside = world(failed("tls", RESET), pairs=plus_pairs(20))
    assert_state([replace(here, seed=None, outcome=None), beside], State.INSUFFICIENT, "pairs.unrevealed", ())


# ---------------------------------------------------------------- down


@pytest.mark.parametrize("operation", ["dns", "tcp", "tls", "http"])
def test_target_that_fails_for_the_sentinel_too_is_down(operation: str) -> None:
    cycles = world(failed(operation), sentinel=failed(operation))
    assert_state(cycles, State.DOWN, "sentinel.fails", ())


def test_dead_target_with_pairs_that_lean_a_little_is_down_and_not_suspected() -> None:
    assert_state(world(failed("tcp"), pairs=plus_pairs(6), sentinel=failed("tcp")), State.DOWN, "sentinel.fails")


def test_sentinel_that_is_cut_off_itself_says_nothing_and_that_is_not_the_same_as_none() -> None:
    cut = CycleBuilder(vantage="frankfurt", role="control").controls(dead, dead).add(NEWS, failed("tcp")).build()
    judgement = judged([CycleBuilder().controls().add(NEWS, failed("tcp")).build(), cut])
    assert judgement.decision.state is State.INSUFFICIENT
    assert "sentinel.cut_off" in rules_of(judgement)
    alone = judged(world(failed("tcp"), sentinel="absent"))
    assert "sentinel.absent" in rules_of(alone)
    assert alone.decision.state is State.INSUFFICIENT


def test_one_sentinel_that_reaches_it_is_enough_not_to_call_it_down() -> None:
    cycles = world(failed("tcp"), sentinel=failed("tcp"))
    cycles.append(sentinel_cycle(vantage="tokyo"))
    assert judged(cycles).decision.state is State.INSUFFICIENT


def test_sentinel_that_measured_an_hour_ago_is_not_at_the_same_time() -> None:
    here = CycleBuilder(index=4).controls().add(NEWS, failed("tcp")).build()
    judgement = judged([sentinel_cycle(failed("tcp"), index=0), here])
    assert judgement.decision.state is State.INSUFFICIENT
    assert "sentinel.absent" in rules_of(judgement)


# ---------------------------------------------------------------- addresses

TWO = ("93.184.216.34", "94.20.7.34")
NEXT_DOOR = ("93.184.216.40", "94.20.7.40")


def address_block(
    index: int = 0,
    *,
    neighbours: bool = True,
    dead_others: Sequence[str] = (),
    pairs: Sequence[PairSpec] | None = None,
    target_addresses: Sequence[str] = TWO,
) -> CycleFacts:
    """Both addresses of the target dead; 20 others alive, two of them next door."""
    builder = CycleBuilder(index=index).controls()
    others = [f"8.70.{i}.{end}" for i in range(8) for end in (1, 2)] + (list(NEXT_DOOR) if neighbours else [])
    for i, address in enumerate(others):
        name = f"site{i // 9}.example.com"
        builder.add(
            name,
            dead(name, address) if address in dead_others else reached(name, address),
            service=name,
        )
    steps = [dns(NEWS, target_addresses)] + [tcp(a, TIMEOUT, attempt=n) for n in (1, 2, 3) for a in target_addresses]
    return builder.add(NEWS, steps, pairs=plus_pairs(0, alive=3) if pairs is None else pairs).build()


def test_only_this_targets_addresses_dead_in_two_cycles_is_suspected_and_no_more() -> None:
    cycles = [address_block(0), sentinel_cycle(index=0), address_block(1), sentinel_cycle(index=1)]
    judgement = assert_state(cycles, State.SUSPECTED, "address.only_this_target", ("tcp.timeout",))
    assert next(e for e in judgement.evidence if e.rule == "address.only_this_target").log10_lr >= 1.0


@pytest.mark.parametrize(
    "case",
    [
        [{}],  # one cycle
        [{"neighbours": False}] * 2,  # a dead origin network takes its neighbours along
        [{"dead_others": NEXT_DOOR}] * 2,
        [{"dead_others": ("8.70.3.1",)}] * 2,  # one member of a group of routers takes others as well
        [{"target_addresses": TWO[:1]}] * 2,  # one address: counting cannot exclude chance
        [{"pairs": ()}] * 2,  # no pairs that came through
    ],
)
def test_dead_addresses_that_a_fault_explains_are_insufficient(case: list[dict[str, Any]]) -> None:
    cycles = []
    for index, changes in enumerate(case):
        cycles += [address_block(index, **changes), sentinel_cycle(index=index)]
    assert judged(cycles).decision.state is State.INSUFFICIENT


def test_dead_addresses_that_the_sentinel_reaches_elsewhere_are_insufficient() -> None:
    elsewhere = lambda: reached(address="151.101.1.1")  # noqa: E731
    cycles = [address_block(0), sentinel_cycle(elsewhere()), address_block(1), sentinel_cycle(elsewhere(), index=1)]
    assert judged(cycles).decision.state is State.INSUFFICIENT


def test_ipv6_that_is_broken_on_its_own_is_left_out() -> None:
    def dual(name: str, address: str, round_: str = "first") -> list[Step]:
        return [*reached(name, address), tcp("2001:db8::1", failure="network_unreachable")]

    steps = [dns(NEWS, (SITE_SIX,), query_type="AAAA"), tcp(SITE_SIX, failure="network_unreachable"), *reached()]
    for has_ipv6, is_said in ((True, True), (False, False), (None, False)):
        links = (LinkFacts(sampled_at=T0, is_interface_up=True, has_ipv6_route=has_ipv6),)
        builder = CycleBuilder(links=links).controls(dual, dual)
        judgement = assert_state(world(steps, builder=builder), State.OK, "reach.verified")
        assert ("path.ipv6_broken" in rules_of(judgement)) is is_said
    blocked = world(failed("tls", RESET), builder=CycleBuilder().controls(dual, dual), pairs=plus_pairs(8))
    assert_state(blocked, State.SUSPECTED, "pairs.leaning.sni")
