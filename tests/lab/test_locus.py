"""Ladders of hop limits on real packets: what each rung brings, and the hop that comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from analysis.facts import CaptureFacts, MeasurementFacts, Step
from analysis.locus import Locus, locus_of
from analysis.packets import connections_of
from lab import scenario_file
from lab.namespace import entered
from probe.clock import SystemClock
from probe.ladder import climb
from probe.limited import Limited
from probe.limits import Limits
from probe.measure import Tools
from probe.model import NameKind, Operation, Peer, Target, TargetKind
from probe.net import SystemNet
from probe.packets import capturing
from probe.pairs import Pairs, Places
from probe.record import PairOfSteps
from probe.schedule.model import FollowUp
from probe.steps import tls, trigger
from probe.swaps.swap import Place
from probe.techniques import acted_on, locus, packets
from probe.techniques.technique import Case, Need, Purse
from probe.techniques.ttl_ladder import Ladder
from probe.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.lab.conftest import Hosts

pytestmark = pytest.mark.lab

HELPER = "95.216.10.200"
NAME, OTHER = "social.example", "nafoev.example"
RESET = "sni: [social.example]"


def inside(hosts: Hosts, work: Callable[[], Awaitable[Any]]) -> Any:
    async def awaited() -> Any:
        return await work()

    with entered(hosts.lab.namespaces["vantage-a"].path):
        return asyncio.run(awaited())


def case() -> Case:
    schedule = scenario_file.load("nothing-wrong").schedule
    tools = Tools(
        net=SystemNet(), clock=SystemClock(), limits=Limits(), trust=Trust.load(()), resolvers=schedule.resolvers
    )
    pairs = Pairs(
        seed=bytes(32),
        tools=tools,
        plan=schedule.pairs,
        helpers=schedule.helpers,
        families=frozenset({4}),
        places=Places(180.0),
    )
    target = Target(name="social", service="social", url=f"https://{NAME}/", kind=TargetKind.TARGET)
    return Case(target=target, round="main", number=1, schedule=schedule, tools=tools, pairs=pairs, technique="locus")


def with_failing_pairs(made: Case, count: int) -> Case:
    """As if so many pairs had failed for the target's name alone."""
    now = made.tools.clock.now()

    def arm(failure: Any) -> Any:
        from probe.model import Observation

        return (
            Observation(operation=Operation.TLS, started_at=now, started_mono_s=0.0, ended_mono_s=0.0, failure=failure),
        )

    made.made += [
        PairOfSteps(
            number=number,
            name_kind=NameKind.SNI,
            peer=Peer.HELPER,
            address=HELPER,
            port=443,
            target_name=NAME,
            control_name=OTHER,
            is_target_first=True,
            is_negative_control=False,
            target_arm=arm("connection_reset"),
            control_arm=arm(None),
        )
        for number in range(count)
    ]
    return made


def facts_of(made: Case) -> MeasurementFacts:
    """The case as the analysis would read it back from the store."""
    known = {field.name for field in fields(Step)} - {"answers"}
    steps = []
    for number, step in enumerate(made.steps):
        values = {name: getattr(step.observation, name) for name in known if hasattr(step.observation, name)}
        values |= {"observation_id": f"o{number}", "technique": step.technique, "variant": step.variant}
        steps.append(Step(**values))
    nothing: Any = None
    return MeasurementFacts(
        measurement_id="m",
        cycle_id="c",
        vantage_id="v",
        service="s",
        target="t",
        url=made.target.url,
        kind="target",
        round="main",
        started_at=nothing,
        closer=tuple(steps),
        captures=tuple(CaptureFacts(technique=c.technique, variant=c.variant, pcap=c.pcap) for c in made.captures),
    )


def found_by(made: Case) -> Locus | None:
    return locus_of(facts_of(made))


def rung(name: str, hop_limit: int | None, port: int, *, is_low_refused: bool = False) -> trigger.TriggerEndpoint:
    return trigger.TriggerEndpoint(
        address=HELPER,
        port=443,
        operation=Operation.TLS,
        name=name,
        message=tls.client_hello(name),
        limited=Limited(hop_limit=hop_limit, source_port=port, is_low_refused=is_low_refused),
    )


def test_a_message_dies_where_it_was_told_to_and_leaves_its_port_free(hosts: Hosts) -> None:
    async def work() -> list[Any]:
        net, clock, limits = SystemNet(), SystemClock(), Limits()
        return [await trigger.send(rung(NAME, hop_limit, 45_001), net, clock, limits) for hop_limit in (2, 5, 6)]

    near, last_router, peer = inside(hosts, work)
    assert [step.failure for step in (near, last_router, peer)] == ["host_unreachable", "host_unreachable", None]
    assert near.icmp_errors == last_router.icmp_errors == 1
    assert peer.is_peer_hello_received
    assert {step.source_port for step in (near, last_router, peer)} == {45_001}


def test_routers_are_named_but_for_the_homes_own(hosts: Hosts) -> None:
    async def work() -> list[Any]:
        net, clock, limits = SystemNet(), SystemClock(), Limits()
        return [await trigger.who_drops(rung(NAME, hop_limit, 45_002), net, clock, limits) for hop_limit in (1, 2, 3)]

    home, core, gateway = inside(hosts, work)
    assert (home.icmp_type, home.address) == (11, None)
    assert (core.icmp_type, core.icmp_code) == (11, 0)
    assert (core.address, gateway.address) == ("2.72.0.1", "92.46.0.1")


@pytest.mark.parametrize(("is_on_path", "icmp_errors"), [(True, 1), (False, 0)])
def test_a_router_that_speaks_beside_a_reset_is_counted_though_the_socket_is_gone(
    hosts: Hosts, *, is_on_path: bool, icmp_errors: int
) -> None:
    hosts.censor("reset", RESET, router="core-a", is_on_path=is_on_path)

    async def work() -> Any:
        return await trigger.send(rung(NAME, 4, 45_003), SystemNet(), SystemClock(), Limits())

    step = inside(hosts, work)
    assert step.failure == "connection_reset"
    assert min(step.icmp_errors, 1) == icmp_errors


def test_a_reset_with_few_hops_left_is_dropped_unseen_where_that_is_asked(hosts: Hosts) -> None:
    hosts.censor("reset", RESET, router="core-a", is_on_path=True, is_hop_limit_copied=True)

    async def work() -> list[Any]:
        net, clock, limits = SystemNet(), SystemClock(), Limits()
        heard = await trigger.send(rung(NAME, 4, 45_004), net, clock, limits)
        return [heard, await trigger.send(rung(NAME, 4, 45_005, is_low_refused=True), net, clock, limits)]

    heard, refused = inside(hosts, work)
    assert heard.failure == "connection_reset"
    assert refused.failure != "connection_reset"


def test_a_ladder_stops_where_something_first_acts(hosts: Hosts) -> None:
    hosts.censor("reset", RESET, router="gateway")
    made = case()
    ladder = Ladder(
        case=made,
        kind=NameKind.SNI,
        place=Place(Peer.HELPER, HELPER, 443),
        number=1,
        source_port=45_006,
        target_name=NAME,
        control_name=OTHER,
        operation=Operation.TLS,
        message=tls.client_hello,
    )
    assert inside(hosts, lambda: ladder.climb(1, None)) == 3
    sent = [(step.variant, step.observation.hop_limit) for step in made.steps]
    assert sent == [
        *((f"sni/control/{1}", hop_limit) for hop_limit in range(1, 7)),
        *((f"sni/target/{1}", hop_limit) for hop_limit in range(1, 4)),
    ]


def test_a_box_beside_the_path_that_copies_hop_limits_is_named_at_its_hop(hosts: Hosts) -> None:
    hosts.censor("reset", RESET, router="gateway", is_on_path=True, is_hop_limit_copied=True)
    made = with_failing_pairs(case(), 3)
    inside(hosts, lambda: locus.run(made))
    found = found_by(made)
    assert found is not None
    assert (found.after, found.before, found.distance) == (2, 3, 6)
    assert (found.is_in_path, found.is_copying) == (None, True)


def test_without_pairs_that_failed_nothing_is_sent(hosts: Hosts) -> None:
    made = with_failing_pairs(case(), acted_on.ENOUGH_FAILURES - 1)
    inside(hosts, lambda: locus.run(made))
    assert made.steps == []


def test_kept_packets_show_that_the_resets_came_another_way(hosts: Hosts) -> None:
    hosts.censor("reset", RESET, router="core-a", networks=("inside-a",))
    made = with_failing_pairs(case(), 3)
    made.schedule = replace(made.schedule, may_keep_packets=True)
    assert made.has(Need.RAW_PACKETS)
    made.technique = "packets"
    inside(hosts, lambda: packets.run(made))
    (capture,) = made.captures
    assert capture.packets > 2 * packets.REPEATS
    assert ip_address("2.72.1.10").packed not in capture.pcap
    measurement = facts_of(made)
    named = connections_of(measurement, "target")
    assert [len(one.resets) for one in named] == [1] * packets.REPEATS
    # A box at the second hop answers with 64 hops of its own; from the helper, five routers take one each.
    assert {one.resets[0].hop_limit for one in named} == {63}
    assert {one.accepted.hop_limit for one in named if one.accepted} == {59}
    assert not any(one.resets for one in connections_of(measurement, "control"))


def test_a_capture_that_fails_is_a_row_with_its_reason(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing.sys, "executable", "/bin/false")
    made = with_failing_pairs(case(), 3)
    made.schedule = replace(made.schedule, may_keep_packets=True, follow_up=FollowUp(ladder=("packets",)))
    (row,) = inside(hosts, lambda: climb(made, [packets.PACKETS], Purse(1_000_000)))
    assert (row.outcome, row.technique) == ("failed", "packets")
    assert row.reason == "packets could not be kept: it ended"
    assert made.captures == []
