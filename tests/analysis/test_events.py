"""From states to events: one thing that happened is one event, with honest intervals and scope."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.analyse import conclude
from analysis.facts import LinkFacts
from tests.analysis.fact_builder import (
    CADENCE,
    NOT_GENUINE,
    RESET,
    SITE,
    T0,
    TIMEOUT,
    CycleBuilder,
    dns,
    failed,
    plus_pairs,
    reached,
    sentinel_cycle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from analysis.events import Event
    from analysis.facts import Step

HOSTS = ("x.example.com", "t.example.com", "img.example.com")


def dead(name: str, address: str = SITE, round_: str | None = None) -> list[Step]:
    return failed("tcp", TIMEOUT, name, address, attempts=1)


def campaign(vantages: Sequence[str], days: Any, *, networks: Sequence[str] | None = None) -> tuple[Event, ...]:
    """``days``: for each cycle a function of (vantage index, host index) that gives "ok", "blocked", "dark" …."""
    cycles = []
    for index, fate in enumerate(days):
        for v, vantage in enumerate(vantages):
            network = networks[v] if networks else f"AS{v}"
            builder = CycleBuilder(vantage=vantage, index=index, network=network, after=timedelta(seconds=20 * v))
            is_dark = fate(v, 0) == "dark"
            builder.controls(dead, dead) if is_dark else builder.controls()
            for h, host in enumerate(HOSTS):
                kind = fate(v, h)
                address = f"8.80.{h}.1"
                steps, pairs = {
                    "ok": (reached(host, address), plus_pairs(0, alive=1)),
                    "blocked": (failed("tls", RESET, host, address), plus_pairs(14)),
                    "failed": (failed("tls", RESET, host, address), ()),
                    "down": (failed("tcp", TIMEOUT, host, address), ()),
                    "dark": (dead(host, address), ()),
                }[kind]
                builder.add(host, steps, service="twitter", pairs=pairs)
            cycles.append(builder.build())
        sentinel = CycleBuilder(vantage="frankfurt", role="control", index=index, network="AS24940").controls()
        for h, host in enumerate(HOSTS):
            is_down = fate(0, h) == "down"
            steps = failed("tcp", TIMEOUT, host, f"8.80.{h}.1") if is_down else reached(host, f"8.80.{h}.1")
            sentinel.add(host, steps, service="twitter", pairs=[("sni", "helper", None, None)])
        cycles.append(sentinel.build())
    return conclude(cycles).events


def all_(state: str) -> Callable[[int, int], str]:
    return lambda v, h: state


def test_one_national_block_of_one_service_is_one_event() -> None:
    events = campaign(["almaty", "astana", "aktau"], [all_("ok"), *[all_("blocked")] * 3, all_("ok")])
    (event,) = events
    assert event.cause == "selective-blocking"
    assert event.scope == {
        "vantages": ["aktau", "almaty", "astana"],
        "networks": [],
        "regions": [],
        "services": ["twitter"],
        "targets": sorted(HOSTS),
    }
    assert T0 <= event.onset[0] < T0 + CADENCE <= event.onset[1] < T0 + 2 * CADENCE
    assert T0 + 3 * CADENCE <= event.end[0] < T0 + 4 * CADENCE <= event.end[1]


def test_pooled_evidence_is_printed_with_what_is_left_without_one_vantage() -> None:
    (event,) = campaign(["almaty", "astana"], [all_("ok"), all_("blocked")])
    pooled = next(entry for entry in event.ledger if entry.kind == "pairs.pooled")
    singles = [entry.log10_lr for entry in event.ledger if entry.kind == "pairs.selective.sni"]
    assert pooled.channel == "A"
    assert pooled.log10_lr > max(singles)
    assert f"at least {max(singles):.1f}" in pooled.text


def test_network_is_named_only_with_two_vantages_in_it() -> None:
    days = [all_("ok"), all_("blocked")]
    (alone,) = campaign(["almaty"], days, networks=["AS9198"])
    assert alone.scope["networks"] == []
    (both,) = campaign(["almaty", "astana", "aktau"], days, networks=["AS9198", "AS9198", "AS29555"])
    assert both.scope["networks"] == ["AS9198"]


def test_event_that_goes_on_has_no_end_and_one_that_was_there_first_has_no_start() -> None:
    (event,) = campaign(["almaty"], [all_("blocked"), all_("blocked")])
    assert event.onset[0] is None
    assert event.end is None
    assert event.as_dict()["onset"][0] is None


def test_unknown_cycles_beside_a_block_belong_to_it() -> None:
    days = [all_("ok"), all_("blocked"), all_("failed"), all_("blocked"), all_("ok")]
    assert [event.cause for event in campaign(["almaty"], days)] == ["selective-blocking"]


def test_short_intermission_does_not_end_an_event_and_a_long_one_does() -> None:
    intermittent = [all_("ok"), all_("blocked"), all_("ok"), all_("ok"), all_("blocked"), all_("ok")]
    assert len(campaign(["almaty"], intermittent)) == 1
    relapsed = [all_("ok"), all_("blocked"), *[all_("ok")] * 20, all_("blocked"), all_("ok")]  # five hours
    assert len(campaign(["almaty"], relapsed)) == 1
    apart = [all_("ok"), all_("blocked"), *[all_("ok")] * 28, all_("blocked"), all_("ok")]  # seven
    assert len(campaign(["almaty"], apart)) == 2


def test_town_that_goes_dark_inside_a_national_block_is_an_event_of_its_own() -> None:
    def fate(v: int, h: int) -> str:
        return "dark" if v == 1 else "blocked"

    events = campaign(["almaty", "zhanaozen"], [all_("ok"), fate, fate, all_("ok")])
    assert [(e.cause, e.scope["vantages"]) for e in events] == [
        ("selective-blocking", ["almaty"]),
        ("dark-undetermined", ["zhanaozen"]),
    ]
    dark = events[1]
    assert "A" not in {entry.channel for entry in dark.ledger}


def test_darkness_ends_when_a_block_shows_again_because_that_needs_a_path() -> None:
    days = [all_("blocked"), all_("dark"), all_("dark"), all_("blocked")]
    events = campaign(["zhanaozen"], days)
    assert [event.cause for event in events] == ["selective-blocking", "dark-undetermined"]
    block, dark = events
    assert block.end is None
    assert "A" not in {entry.channel for entry in dark.ledger}  # the block before it is no evidence on the darkness
    assert T0 < dark.onset[0] < T0 + CADENCE <= dark.onset[1]
    assert dark.end[0] < T0 + 3 * CADENCE <= dark.end[1]


def test_target_that_is_down_everywhere_is_one_event_without_an_accusation() -> None:
    (event,) = campaign(["almaty", "astana"], [all_("ok"), all_("down"), all_("ok")])
    assert event.cause == "target-down"
    assert event.mechanisms == ()
    assert "frankfurt" in event.scope["vantages"]


def test_own_fault_of_two_vantages_is_two_events() -> None:
    down = (LinkFacts(sampled_at=T0, is_interface_up=False),)
    cycles = []
    for vantage in ("almaty", "astana"):
        no_dns = lambda name, address, round_: [dns(name, failure=TIMEOUT)]  # noqa: E731
        builder = CycleBuilder(vantage=vantage, links=down).controls(no_dns, no_dns)
        cycles.append(builder.add("news.example.com", failed("dns")).build())
    events = conclude(cycles).events
    assert sorted((event.cause, event.scope["vantages"]) for event in events) == [
        ("vantage-local", ["almaty"]),
        ("vantage-local", ["astana"]),
    ]


def test_every_cause_that_is_given_follows_from_its_state() -> None:
    forged = [
        dns("news.example.com", ("93.184.216.34",)),
        *failed("tls", NOT_GENUINE, attempts=1),
    ]
    withheld = reached(status=451, title="Unavailable")
    here = CycleBuilder().controls().add("news.example.com", withheld).build()
    (event,) = conclude([here, sentinel_cycle()]).events
    assert event.cause == "withholding"
    unknown = CycleBuilder().controls().add("news.example.com", forged).build()
    (event,) = conclude([unknown]).events
    assert event.cause == "insufficient"


def test_ids_follow_from_content_alone() -> None:
    first = campaign(["almaty"], [all_("ok"), all_("blocked")])
    other = campaign(["astana"], [all_("ok"), all_("blocked")])
    assert first[0].event_id != other[0].event_id
    assert first[0].event_id.startswith("e")


def test_controls_make_no_events() -> None:
    builder = CycleBuilder().controls(dead).add("news.example.com", reached())
    assert conclude([builder.build(), sentinel_cycle()]).events == ()
