"""What a vantage recorded of itself: it excuses a network where that is shown, and accuses nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analysis.analyse import conclude
from analysis.facts import CycleFacts, LinkFacts, SelfFacts
from analysis.flight import clock_error
from analysis.reading import read_cycles
from analysis.states import State
from probe.store import models
from probe.store.database import Database
from tests.analysis.fact_builder import (
    RESET,
    T0,
    CycleBuilder,
    dns,
    failed,
    plus_pairs,
    reached,
    sentinel_cycle,
    store,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.analyse import Judged
    from analysis.facts import Step

NEWS = "news.example.com"
GOOD = LinkFacts(
    sampled_at=T0,
    is_interface_up=True,
    has_default_route=True,
    is_gateway_answering=True,
    last_hop_answering=6,
    power="mains",
    hash_key="k1",
    boot_hash="b1",
    since_last_s=60.0,
)
TUNNEL = SelfFacts(way_out="tunnel", has_other_line=True)


def dead(name: str, address: str, round_: str = "first") -> list[Step]:
    return [dns(name, (address,), transport="system"), tcp(address, failure="generic_timeout_error")]


def at(minutes: float, **changes: Any) -> LinkFacts:
    """One look of the recorder, so many minutes after the cycle began."""
    return replace(GOOD, sampled_at=T0 + timedelta(minutes=minutes), **changes)


def cut(*flight: LinkFacts, links: Sequence[LinkFacts] = (), itself: SelfFacts | None = None) -> CycleFacts:
    """A cycle in which nothing was reached."""
    builder = CycleBuilder(links=tuple(links)).controls(dead, dead).add(NEWS, failed("tcp"))
    return replace(builder.build(), flight=tuple(flight), itself=itself)


def judged(*cycles: CycleFacts, index: int = -1) -> Judged:
    found = [j for j in conclude(cycles).judged if j.facts.measurement.target == NEWS]
    return [j for j in found if j.facts.measurement.vantage_id == "almaty"][index]


def rules_of(judgement: Judged) -> set[str]:
    return {evidence.rule for evidence in judgement.evidence}


# ---------------------------------------------------------------- the machine and its own network


def test_darkness_without_any_sign_of_a_local_fault_stays_dark() -> None:
    judgement = judged(cut(at(-1), at(0), at(1)), sentinel_cycle())
    assert judgement.decision.state is State.DARK
    assert not {rule for rule in rules_of(judgement) if rule.startswith("local.")}


def test_mains_that_failed_with_the_gateway_are_local() -> None:
    silent = {"power": "battery", "is_gateway_answering": False, "last_hop_answering": 0}
    judgement = judged(cut(at(-10), at(-1, **silent), at(0, **silent)), sentinel_cycle())
    assert (judgement.decision.state, judgement.decision.rule) == (State.LOCAL, "local.power")


@pytest.mark.parametrize(
    "flight",
    [
        (at(-10, power="battery"), at(0, power="battery")),  # a laptop on its battery, its gateway alive
        (at(-10), at(0, power="battery")),  # unplugged by its owner
        (at(-10, power=None), at(0, power=None, is_gateway_answering=None)),  # a system that does not tell
    ],
)
def test_a_battery_alone_is_no_power_cut(flight: tuple[LinkFacts, ...]) -> None:
    judgement = judged(cut(*flight), sentinel_cycle())
    assert (judgement.decision.state, "local.power" in rules_of(judgement)) == (State.DARK, False)


def test_a_boot_minutes_before_is_local_and_one_long_before_is_not() -> None:
    fresh = judged(cut(at(-5), at(-1, boot_hash="b2")), sentinel_cycle())
    assert (fresh.decision.state, fresh.decision.rule) == (State.LOCAL, "local.rebooted")
    other_key = judged(cut(at(-5), at(-1, boot_hash="b2", hash_key="k2")), sentinel_cycle())
    assert other_key.decision.state is State.DARK  # nobody can tell
    old = judged(cut(at(-29), at(-28, boot_hash="b2"), at(0, boot_hash="b2")), sentinel_cycle())
    assert old.decision.state is State.DARK


def test_a_boot_excuses_nothing_once_something_was_reached() -> None:
    builder = CycleBuilder().controls().add(NEWS, failed("tls", RESET), pairs=plus_pairs(14))
    cycle = replace(builder.build(), flight=(at(-5), at(-1, boot_hash="b2")))
    assert judged(cycle, sentinel_cycle()).decision.state is State.BLOCKED


def test_a_sleep_while_it_measured_is_local_and_one_before_is_not() -> None:
    during = judged(cut(at(-1), at(30, suspended_s=1700.0, since_last_s=1860.0)), sentinel_cycle())
    assert (during.decision.state, during.decision.rule) == (State.LOCAL, "local.asleep")
    before = judged(cut(at(-20, suspended_s=28_000.0, since_last_s=28_060.0), at(0)), sentinel_cycle())
    assert before.decision.state is State.DARK
    after = judged(cut(at(0), at(25, suspended_s=50.0)), sentinel_cycle())
    assert after.decision.state is State.DARK


def test_a_plug_that_was_pulled_between_the_cycles_own_looks_is_seen_by_the_recorder() -> None:
    judgement = judged(cut(at(-1), at(0.5, is_interface_up=False), at(20)), sentinel_cycle())
    assert (judgement.decision.state, judgement.decision.rule) == (State.LOCAL, "local.interface")
    later = judged(cut(at(-1), at(0), at(20, is_interface_up=False)), sentinel_cycle())
    assert later.decision.state is State.DARK


def test_a_gateway_that_is_switched_on_is_not_at_fault_however_silent() -> None:
    silent = replace(GOOD, is_gateway_answering=False, last_hop_answering=0)
    here = replace(silent, is_gateway_neighbour=True)
    gone = replace(silent, is_gateway_neighbour=False)
    assert judged(cut(links=[here]), sentinel_cycle()).decision.state is State.DARK
    assert judged(cut(links=[here, gone]), sentinel_cycle()).decision.rule == "local.gateway"
    assert judged(cut(links=[silent]), sentinel_cycle()).decision.rule == "local.gateway"


# ---------------------------------------------------------------- beyond the gateway


def test_the_last_hop_that_answers_is_told_and_decides_nothing() -> None:
    links = [at(0, last_hop_answering=2), at(4, last_hop_answering=2)]
    judgement = judged(cut(at(-10), *links, links=links), sentinel_cycle())
    assert judgement.decision.state is State.DARK
    text = next(e.text for e in judgement.evidence if e.rule == "upstream.silent_after_hop")
    assert "nothing after hop 2 answered" in text
    assert "where hop 6 had" in text
    event = next(e for e in conclude([cut(at(-10), *links, links=links), sentinel_cycle()]).events)
    assert ("B", "upstream.silent_after_hop") in {(entry.channel, entry.kind) for entry in event.ledger}


@pytest.mark.parametrize(
    "links",
    [
        [at(0, last_hop_answering=6)],  # as far as ever
        [at(0, last_hop_answering=0, is_gateway_answering=False)],  # the gateway is silent too
        [at(0, last_hop_answering=2, is_interface_up=False)],
    ],
)
def test_nothing_is_said_of_hops_while_they_answer_or_the_fault_is_nearer(links: list[LinkFacts]) -> None:
    assert "upstream.silent_after_hop" not in rules_of(judged(cut(at(-10), *links, links=links), sentinel_cycle()))


def test_a_refused_data_session_is_a_sign_and_no_accusation() -> None:
    refused = {"modem_registration": "home", "modem_failure": "ServiceOptionNotSubscribed"}
    cycles = [cut(at(0, **refused)), sentinel_cycle()]
    judgement = judged(*cycles)
    assert judgement.decision.state is State.DARK
    weight = next(e.log10_lr for e in judgement.evidence if e.rule == "modem.data_refused")
    assert 0 <= weight <= 0.5
    assert {event.cause.value for event in conclude(cycles).events} == {"dark-undetermined"}


@pytest.mark.parametrize(
    "told",
    [
        {"modem_registration": "searching", "modem_failure": "ServiceOptionNotSubscribed"},
        {"modem_registration": "home", "modem_failure": None},
        {"modem_registration": "home", "modem_failure": "Timeout"},
        {"modem_registration": "denied", "modem_failure": None},
    ],
)
def test_a_modem_without_a_network_was_refused_nothing(told: dict[str, Any]) -> None:
    assert "modem.data_refused" not in rules_of(judged(cut(at(0, **told)), sentinel_cycle()))


# ---------------------------------------------------------------- VPN, portal, network


def blocked(itself: SelfFacts | None, index: int = 0) -> CycleFacts:
    builder = CycleBuilder(index=index).controls().portal_check()
    return replace(builder.add(NEWS, failed("tls", RESET), pairs=plus_pairs(14)).build(), itself=itself)


def test_a_cycle_through_a_vpn_says_nothing_of_the_vantages_network() -> None:
    assert judged(blocked(None), sentinel_cycle()).decision.state is State.BLOCKED
    judgement = judged(blocked(TUNNEL), sentinel_cycle())
    assert (judgement.decision.state, judgement.decision.rule) == (State.INSUFFICIENT, "local.vpn")
    fine = replace(CycleBuilder().controls().add(NEWS, reached()).build(), itself=TUNNEL)
    assert judged(fine, sentinel_cycle()).decision.state is State.INSUFFICIENT


def test_pairs_through_a_vpn_add_nothing_to_those_of_other_cycles() -> None:
    cycles = [blocked(TUNNEL, 0), sentinel_cycle(index=0)]
    few = CycleBuilder(index=1).controls().portal_check()
    cycles += [few.add(NEWS, failed("tls", RESET), pairs=plus_pairs(3)).build(), sentinel_cycle(index=1)]
    assert judged(*cycles).decision.state is not State.BLOCKED
    tallies = [tally for (series, _), tally in conclude(cycles).bets.totals.items() if series[:2] == ("almaty", NEWS)]
    assert [tally.pairs for tally in tallies] == [3]


def test_a_sentinel_behind_a_vpn_is_no_witness() -> None:
    here = CycleBuilder().controls().portal_check().add(NEWS, failed("tcp")).build()
    elsewhere = replace(sentinel_cycle(failed("tcp")), itself=TUNNEL)
    assert judged(here, sentinel_cycle(failed("tcp"))).decision.state is State.DOWN
    judgement = judged(here, elsewhere)
    assert judgement.decision.state is State.INSUFFICIENT
    assert "sentinel.absent" in rules_of(judgement)


@pytest.mark.parametrize(
    "itself",
    [
        SelfFacts(way_out="tunnel", has_other_line=False),  # a container: the tunnel is its line
        SelfFacts(way_out="ppp", has_other_line=False),  # a modem
        SelfFacts(way_out="line", has_other_line=True),
        SelfFacts(way_out="line", has_proxy_settings=True),  # which no step uses
    ],
)
def test_what_is_no_vpn_changes_nothing(itself: SelfFacts) -> None:
    assert judged(blocked(itself), sentinel_cycle()).decision.state is State.BLOCKED


def test_another_network_than_the_schedules_is_a_label() -> None:
    builder = CycleBuilder(network="AS9198").controls().portal_check().add(NEWS, reached())
    for network, is_said in (("AS9198", False), (None, False), ("AS64500", True)):
        judgement = judged(replace(builder.build(), itself=SelfFacts(network=network)), sentinel_cycle())
        assert judgement.decision.state is State.OK
        assert ("local.other_network" in rules_of(judgement)) is is_said


def private(name: str, address: str, round_: str = "first") -> list[Step]:
    return [dns(name, ("192.168.0.1",), transport="system"), tcp("192.168.0.1", failure="address_not_dialled")]


def portal(check: str, controls: Any) -> CycleFacts:
    builder = CycleBuilder().controls(controls, controls).add(NEWS, private(NEWS, ""))
    for round_ in ("first", "last"):
        name = "check.example.org"
        steps = [dns(name, (check,), transport="system"), tcp(check, failure="address_not_dialled")]
        builder.add(name, steps, kind="portal-check", round_=round_, url=f"http://{name}/", expect_status=204)
    return builder.build()


def test_a_portal_at_a_private_address_is_local_and_not_dark() -> None:
    judgement = judged(portal("192.168.0.1", private), sentinel_cycle())
    assert (judgement.decision.state, judgement.decision.rule) == (State.LOCAL, "local.portal")


def test_private_answers_to_some_names_are_no_portal() -> None:
    without_check = CycleBuilder().controls(private, private).add(NEWS, private(NEWS, "")).build()
    assert judged(without_check, sentinel_cycle()).decision.rule != "local.portal"
    assert judged(portal("9.30.1.9", private), sentinel_cycle()).decision.rule != "local.portal"
    judgement = judged(portal("192.168.0.1", dead), sentinel_cycle())
    assert judgement.decision.rule != "local.portal"


# ---------------------------------------------------------------- clocks


def expired(name: str, address: str, round_: str = "first") -> list[Step]:
    return [*dead(name, address)[:1], tcp(address), tls(address, certificate_failure="ssl_invalid_certificate")]


def test_certificates_that_are_out_of_date_everywhere_are_the_clocks_fault_and_one_sites_are_not() -> None:
    wrong = CycleBuilder().controls(expired, expired).add(NEWS, expired(NEWS, "93.184.216.34")).build()
    assert judged(wrong, sentinel_cycle()).decision.rule == "tls.clock"
    assert judged(wrong, sentinel_cycle()).decision.state is State.LOCAL
    site = CycleBuilder().controls().add(NEWS, expired(NEWS, "93.184.216.34")).build()
    assert "tls.clock" not in rules_of(judged(site, sentinel_cycle()))
    reset = CycleBuilder().controls(expired, expired).add(NEWS, failed("tls", RESET)).build()
    assert "tls.clock" not in rules_of(judged(reset, sentinel_cycle()))  # no clock resets a connection


@pytest.mark.parametrize(
    ("ahead_s", "source", "late", "error_s"),
    [
        (3.0, "http-date", timedelta(), 0),
        (420.0, "http-date", timedelta(), 420),
        (-2400.0, "http-date", timedelta(), -2400),
        (86_400.0, "http-date-plain", timedelta(), 0),  # anybody on the path may have written it
        (None, None, timedelta(minutes=14), 0),  # a cycle that ran over
        (None, None, timedelta(days=400), 400 * 86_400),
        (None, None, timedelta(days=-20_000), -20_000 * 86_400),
    ],
)
def test_a_clocks_error_is_known_from_authentic_words_or_from_the_slot(
    ahead_s: float | None, source: str | None, late: timedelta, error_s: float
) -> None:
    itself = SelfFacts(clock_offset_s=ahead_s, clock_offset_source=source)
    assert clock_error(T0 + late, T0, itself).total_seconds() == error_s


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with Database.open(str(tmp_path / "results.db"), create=True) as opened:
        yield opened


def test_a_wrong_clock_is_put_right_before_anything_is_compared(database: Database) -> None:
    """Forty minutes off, no sentinel would be within the window; stored times stay as they were."""
    late = CycleBuilder(after=timedelta(minutes=40)).controls().portal_check().add(NEWS, failed("tcp")).build()
    store(database, [late, sentinel_cycle(failed("tcp"))])
    assert judged(*read_cycles(database.session())).decision.rule != "sentinel.fails"
    check = {"clock_offset_s": 2400.0, "clock_offset_source": "http-date", "clock_witnesses": 3}
    database.append("almaty", [models.SelfCheck(cycle_id=late.cycle_id, checked_at=T0, **check)])
    with database.session() as session:
        cycles = read_cycles(session)
        assert judged(*cycles).decision.rule == "sentinel.fails"
        mine = next(cycle for cycle in cycles if cycle.vantage.vantage_id == "almaty")
        assert mine.started_at == T0
        assert session.get_one(models.Cycle, late.cycle_id).started_at == T0 + timedelta(minutes=40)


def test_looks_of_the_recorder_are_read_with_the_cycles_that_they_surround(database: Database) -> None:
    cycle = CycleBuilder().controls().add(NEWS, reached()).build()
    store(database, [cycle])
    rows = [
        models.LinkSample(link_sample_id=f"almaty.f{minute}", sampled_at=T0 + timedelta(minutes=minute), power="mains")
        for minute in (-45, -29, 1, 20, 60)
    ]
    database.append("almaty", rows)
    with database.session() as session:
        (read,) = read_cycles(session)
    own = [look for look in read.flight if look.power == "mains"]
    assert [(look.sampled_at - T0) // timedelta(minutes=1) for look in own] == [-29, 1, 20]
    assert len(read.links) == 2
