"""Where something acts on a name, from ladders written as letters: one a rung, from hop limit 1 on.

d: a router said that the hop limit ran out; s: silence; a: an answer; r: a reset; R: a reset, and the router's
word too; u: no connection.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.facts import Facts, MeasurementFacts, Step, VantageFacts
from analysis.locus import locus_of
from analysis.rules.locus import hop, own_premises
from tests.analysis.fact_builder import CycleBuilder, failed, new_id

RUNG = {
    "d": ("tls", "host_unreachable", 1),
    "s": ("tls", "generic_timeout_error", 0),
    "a": ("tls", None, 0),
    "r": ("tls", "connection_reset", 0),
    "R": ("tls", "connection_reset", 1),
    "u": ("tcp", "generic_timeout_error", None),
}


def rungs(name: str, run: str, letters: str, start: int = 1) -> list[Step]:
    made = []
    for hop_limit, letter in enumerate(letters, start=start):
        operation, failure, icmp_errors = RUNG[letter]
        made.append(
            Step(
                observation_id=new_id(),
                operation=operation,
                failure=failure,
                icmp_errors=icmp_errors,
                hop_limit=hop_limit,
                technique="locus",
                variant=f"sni/{name}/{run}",
            )
        )
    return made


def measured(*ladders: tuple[str, str], beyond: dict[str, str] | None = None, path: str = "") -> MeasurementFacts:
    """Ladders as (control's letters, target's); ``path`` has the addresses of routers, from hop 1 on."""
    steps = [
        step
        for run, (control, target) in enumerate(ladders, start=1)
        for step in (*rungs("control", str(run), control), *rungs("target", str(run), target))
    ]
    for label, letters in (beyond or {}).items():
        steps += rungs("target", label, letters)
    for hop_limit, address in enumerate(path.split(), start=1):
        router = {"operation": "hop", "variant": "sni/path/1", "hop_limit": hop_limit, "technique": "locus"}
        steps.append(Step(observation_id=new_id(), address=None if address == "-" else address, **router))
    cycle = CycleBuilder().add("news.example.com", failed("tls", "connection_reset")).build()
    measurement = next(m for m in cycle.measurements if m.target == "news.example.com")
    return replace(measurement, closer=tuple(steps))


@pytest.mark.parametrize(
    ("control", "target", "interval", "is_in_path"),
    [
        ("ddddda", "ddr", (2, 3), True),
        ("ddddda", "ddR", (2, 3), False),
        ("ddddda", "r", (0, 1), True),
        ("ddddda", "dda", (2, 3), True),  # a forged page
        ("ddddda", "dddddr", (5, 6), None),  # at the peer nobody says that the hop limit ran out
        ("ddddda", "ddsss", (2, 3), True),
        ("ddddda", "ddsu", (2, 3), True),  # punished for the rung before
        ("dsddda", "dsr", (2, 3), True),
        ("dsddda", "dssss", (1, 3), True),  # a router that never speaks widens the interval
    ],
)
def test_ladders_that_agree_give_the_interval_and_the_way(
    control: str, target: str, interval: tuple[int, int], is_in_path: bool | None
) -> None:
    found = locus_of(measured(*[(control, target)] * 5))
    assert found is not None
    assert (found.after, found.before) == interval
    assert found.is_in_path is is_in_path
    assert (found.agreeing, found.ladders, found.distance) == (5, 5, 6)


@pytest.mark.parametrize(
    "ladders",
    [
        [],
        [("ddddda", "ddr")] * 2,  # too few
        [("ddddda", "ddr"), ("ddddda", "r"), ("ddddda", "dddr"), ("ddddda", "ddddr"), ("ddddda", "dr")],
        [("ddddda", "ddr")] * 3 + [("ddddda", "dddddaaaaaaa")] * 3,  # no majority
        [("ddddda", "dddddaaaaaaa")] * 5,  # nothing acts
        [("ddddda", "dsdsdaaaaaaa")] * 5,  # a router that is silent now and then is no box
        [("ddr", "ddr")] * 5,  # the control's name fares alike: it is not the name
        [("dds", "dds")] * 5,
        [("du", "ddr")] * 5,  # the control could not connect
    ],
)
def test_nothing_is_said_where_ladders_disagree_or_the_control_fares_alike(ladders: list[tuple[str, str]]) -> None:
    assert locus_of(measured(*ladders)) is None


def test_who_copies_the_hop_limit_stands_at_half_the_way() -> None:
    """A reset that carries what was left of our hop limit lives to reach us from twice the distance on only."""
    heard = [("ddddda", "ddddR")] * 5
    found = locus_of(measured(*heard, beyond={"filtered": "ss"}))
    assert found is not None
    assert (found.after, found.before, found.is_copying, found.is_in_path) == (2, 3, True, None)
    once = locus_of(measured(*heard, beyond={"filtered": "s"}))
    assert once is not None
    assert not once.is_copying, "one packet may have been lost"
    still_heard = locus_of(measured(*heard, beyond={"filtered": "rr"}))
    assert still_heard is not None
    assert (still_heard.after, still_heard.before, still_heard.is_copying) == (4, 5, False)


def test_a_peer_that_a_box_beside_the_path_has_silenced_is_not_taken_for_the_box() -> None:
    found = locus_of(measured(*[("ddddda", "dddddsr")] * 5, beyond={"filtered": "ss"}))
    assert found is not None
    assert (found.after, found.before, found.is_copying) == (3, 4, True)


def test_behind_the_peer_the_peers_own_answer_is_no_sign_that_the_reset_was_heard() -> None:
    found = locus_of(measured(*[("ddddda", "dddddaaar")] * 5, beyond={"filtered": "aa"}))
    assert found is not None
    assert (found.after, found.before, found.is_copying) == (4, 5, True)


def test_who_is_silent_on_the_way_and_heard_with_all_hops_copies_too() -> None:
    found = locus_of(measured(*[("ddddda", "ddsss")] * 5, beyond={"whole": "rr"}))
    assert found is not None
    assert (found.after, found.before, found.is_copying) == (2, 3, True)


def test_a_reset_forged_towards_the_peer_brings_a_routers_word_and_hides_the_hop_until_it_is_searched_for() -> None:
    """Of a box in the path that copies, at hop 6: its reset to the peer dies beyond it, and we are told of that."""
    hidden = measured(*[("dddddddda", "dddddddsss")] * 5, beyond={"whole": "rr"})
    searched = [*rungs("target", "search", "s", start=10), *rungs("target", "search", "r", start=11)]
    found = locus_of(replace(hidden, closer=(*hidden.closer, *searched)))
    assert found is not None
    assert (found.after, found.before, found.is_copying, found.is_in_path) == (5, 6, True, True)


def test_the_nearest_routers_that_may_be_known_are_named_on_either_side() -> None:
    found = locus_of(measured(*[("ddddda", "dddr")] * 5, path="- 92.46.0.1 - 62.115.0.1 80.81.192.1"))
    assert found is not None
    assert found.neighbours == ("92.46.0.1", "62.115.0.1")


def facts(measurement: MeasurementFacts, bearer: str) -> Facts:
    cycle = CycleBuilder().build()
    return Facts(
        measurement=measurement, cycle=replace(cycle, vantage=VantageFacts(vantage_id="almaty", bearer=bearer))
    )


def test_the_rule_says_where_and_by_how_many_ladders_and_accuses_nobody() -> None:
    evidence = hop(facts(measured(*[("ddddda", "ddR")] * 5, path="- 92.46.0.1 62.115.0.1"), "fixed"))
    assert evidence is not None
    assert "In 5 of 5 ladders" in evidence.text
    assert "between hop 2 and hop 3 of 6, beside the path" in evidence.text
    assert "92.46.0.1, 62.115.0.1" in evidence.text
    assert evidence.mechanism is None


@pytest.mark.parametrize(
    ("target", "bearer", "is_own"),
    [("r", "fixed", True), ("r", "unknown", True), ("r", "mobile", False), ("dr", "fixed", False)],
)
def test_a_box_before_the_first_router_of_a_line_is_the_homes_own(target: str, bearer: str, is_own: bool) -> None:
    evidence = own_premises(facts(measured(*[("ddddda", target)] * 5), bearer))
    assert (evidence is not None) is is_own
