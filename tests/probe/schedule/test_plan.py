"""The plan: everything that a schedule would contact is shown before consent, and the estimate adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from nameblind.cli import build
from probe.limits import Limits
from probe.model import DnsTransport, Target, TargetKind
from probe.schedule import plan
from probe.schedule.loader import load
from probe.schedule.model import Helper, PairPlan, Resolver, Schedule, VantageSpec
from probe.schedule.plan import DNS_DATAGRAM, HELPER_TLS, HTTP_HEAD, SMALL_BODY, TCP, TLS, estimate

ZHANAOZEN = Path(__file__).parents[3] / "schedules" / "zhanaozen.yaml"
SYSTEM = Resolver(name="system", transport=DnsTransport.SYSTEM)


def _target(url: str, kind: TargetKind = TargetKind.TARGET, video: str | None = None) -> Target:
    return Target(name=url, service="s", url=url, kind=kind, video=video)


def _schedule(*targets: Target) -> Schedule:
    return Schedule(
        name="s",
        sha256="",
        vantage=VantageSpec(country="ZZ"),
        resolvers=(SYSTEM,),
        targets=targets,
        cadence_s=3600.0,
        pairs=PairPlan(routine=0),
        limits=Limits(addresses_per_family=1),
    )


def test_one_https_target_costs_two_questions_a_connection_and_a_page() -> None:
    planned = estimate(_schedule(_target("https://a.example/")))
    assert planned.cycles_per_day == 24
    assert planned.bytes_per_cycle.low == 2 * DNS_DATAGRAM + TCP + TLS + HTTP_HEAD + SMALL_BODY
    assert planned.bytes_per_day.low == 24 * planned.bytes_per_cycle.low


def test_a_control_is_counted_twice_and_a_target_once() -> None:
    target, control = _target("http://a.example/"), _target("http://b.example/", TargetKind.CONTROL_ABROAD)
    alone = estimate(_schedule(target)).bytes_per_cycle.low
    assert estimate(_schedule(target, control)).bytes_per_cycle.low == 3 * alone


def test_a_routine_pair_adds_two_arms_of_each_kind_of_name_for_those_that_are_drawn() -> None:
    https, http = _target("https://a.example/"), _target("http://a.example/v?id=y4De4CSEvAU", video="y4De4CSEvAU")
    helper = Helper(name="h", networks=(ip_network("192.0.2.1/32"),), public_key=b"k" * 32)
    for target, arms in ((https, 2 * (TCP + HELPER_TLS)), (http, 2 * 2 * (TCP + HTTP_HEAD))):
        without = replace(_schedule(target, target, target), helpers=(helper,))
        with_pairs = replace(without, pairs=PairPlan(routine=1, drawn=2))
        assert estimate(with_pairs).bytes_per_cycle.low - estimate(without).bytes_per_cycle.low == 2 * arms


def test_without_a_helper_the_routine_makes_no_pairs() -> None:
    schedule = _schedule(_target("https://a.example/"))
    assert estimate(replace(schedule, pairs=PairPlan(routine=1))) == estimate(schedule)


def test_the_light_schedule_costs_at_most_150_kilobytes_a_cycle_by_the_low_estimate() -> None:
    assert estimate(load(ZHANAOZEN.with_name("kazakhstan.yaml"))).bytes_per_cycle.low <= 150_000


def test_an_encrypted_resolver_costs_nothing_while_nothing_is_wrong() -> None:
    plain = _schedule(_target("https://a.example/"))
    dot = Resolver(name="d", transport=DnsTransport.DOT, address="192.0.2.1", server_name="d.example")
    dearer = replace(plain, resolvers=(SYSTEM, dot))
    assert estimate(dearer).bytes_per_cycle == estimate(plain).bytes_per_cycle


@pytest.mark.parametrize("path", sorted(ZHANAOZEN.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_range_is_a_range(path: Path) -> None:
    planned = estimate(load(path))
    for estimated in (planned.bytes_per_cycle, planned.bytes_per_day, planned.follow_up_bytes):
        assert 0 < estimated.low < estimated.high


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(build("plan"), ["plan", "--schedule", str(ZHANAOZEN), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_lists_every_name_and_resolver_and_labels_the_estimate() -> None:
    shown = _run()
    schedule = load(ZHANAOZEN)
    for target in schedule.targets:
        assert urlsplit(target.url).hostname in shown
    for resolver in schedule.resolvers:
        assert (resolver.address or resolver.name) in shown
    assert "These are estimates, not measurements" in shown
    for reason in plan.BASIS:
        assert reason in shown


def test_the_command_prints_one_object_for_programs() -> None:
    planned = json.loads(_run("--json"))
    schedule = load(ZHANAOZEN)
    assert [target["url"] for target in planned["targets"]] == [target.url for target in schedule.targets]
    assert planned["estimate"]["bytes_per_day"]["low"] == estimate(schedule).bytes_per_day.low
    assert planned["schedule_sha256"] == schedule.sha256


def test_the_flight_recorders_looks_are_counted_by_the_minute_and_stay_small() -> None:
    """Six hops of 36 bytes, each answered by 64 of ICMP at most, and one short question: a tenth of the budget."""
    look = 6 * (36 + 64) + 55 + 120
    planned = estimate(_schedule(_target("https://a.example/")))
    assert planned.recorder_bytes_per_day == 24 * 60 * look
    assert planned.recorder_bytes_per_day < 2_000_000


def test_asking_a_helper_for_the_own_address_is_part_of_a_cycle_with_a_table() -> None:
    without = _schedule(_target("https://a.example/"))
    with_table = replace(without, as_table=Path("table.csv"))
    assert estimate(with_table).bytes_per_cycle.low == estimate(without).bytes_per_cycle.low + 2_000
