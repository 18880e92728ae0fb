"""Plain HTTP that somebody else wrote: what is an artefact, and what is only another page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from analysis.analyse import conclude
from analysis.outcome import ALIKE, is_same_page
from analysis.states import State
from probe.sketch import sketch_of
from tests.analysis.fact_builder import (
    SITE,
    CycleBuilder,
    dns,
    http,
    reached,
    reached_plain,
    sentinel_cycle,
    tcp,
    tls,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.analyse import Judged
    from analysis.facts import CycleFacts, PairFacts, Step

NEWS = "news.example.com"
URL = f"http://{NEWS}/"
BLOCKED = {"title": "Access denied", "body_length_bytes": 400}
KNOWN = "made.isp;isp;5;KZ"


def judged(cycles: Sequence[CycleFacts], vantage: str = "almaty", target: str = NEWS) -> Judged:
    return next(
        j
        for j in conclude(cycles).judged
        if (j.facts.measurement.vantage_id, j.facts.measurement.target) == (vantage, target)
        and j.facts.measurement.round == "main"
    )


def assert_is(cycles: Sequence[CycleFacts], state: State, rule: str | None = None) -> None:
    found = judged(cycles)
    assert found.decision.state is state, {e.rule for e in found.evidence}
    assert rule is None or found.decision.rule == rule


def world(steps: Sequence[Step], sentinel: Sequence[Step] | None = None, url: str = URL) -> list[CycleFacts]:
    cycle = CycleBuilder().controls().portal_check().add(NEWS, steps, url=url).build()
    return [cycle, sentinel_cycle(reached_plain() if sentinel is None else sentinel, url=url)]


# ---------------------------------------------------------------- known block pages


def test_a_providers_known_page_where_its_list_expects_it_is_blocked() -> None:
    cycles = world(reached_plain(**BLOCKED, fingerprint=KNOWN))
    assert_is(cycles, State.BLOCKED, "http.blockpage")
    assert judged(cycles).decision.mechanisms == ("http.blockpage",)


@pytest.mark.parametrize(
    ("fingerprint", "state"),
    [
        ("made.isp;isp;5;RU", State.SUSPECTED),
        ("made.isp;isp;5;", State.SUSPECTED),
        ("made.isp;isp;4;KZ", State.INSUFFICIENT),
        ("made.inst;inst;10;KZ", State.INSUFFICIENT),
        ("made.prod;prod;10;KZ", State.INSUFFICIENT),
        ("made.vbw;vbw;10;KZ", State.INSUFFICIENT),
        ("made.none;;10;KZ", State.INSUFFICIENT),
        ("made", State.INSUFFICIENT),
    ],
)
def test_a_vaguer_page_says_less(fingerprint: str, state: State) -> None:
    assert_is(world(reached_plain(**BLOCKED, fingerprint=fingerprint)), state)


@pytest.mark.parametrize(
    "cycles",
    [
        pytest.param(
            world(reached_plain(**BLOCKED, fingerprint=KNOWN), reached_plain(**BLOCKED, fingerprint=KNOWN)),
            id="the sentinel gets it too",
        ),
        pytest.param(
            world(reached(fingerprint=KNOWN), reached(), f"https://{NEWS}/"), id="the site's own, by its certificate"
        ),
        pytest.param(world(reached_plain(**BLOCKED, fingerprint=KNOWN))[:1], id="no sentinel"),
        pytest.param(
            world(reached_plain(**BLOCKED, fingerprint=KNOWN), [tcp(failure="generic_timeout_error")]),
            id="the site is down",
        ),
    ],
)
def test_a_known_page_accuses_nobody_where_a_guard_does_not_hold(cycles: list[CycleFacts]) -> None:
    assert judged(cycles).decision.state not in {State.BLOCKED, State.SUSPECTED, State.TAMPERED}


def test_a_known_page_behind_a_redirect_counts_even_with_a_flawless_certificate_of_its_own() -> None:
    stop = "stop.example.kz"
    steps = [
        dns(NEWS, (SITE,)),
        tcp(port=80),
        http(URL, status=302, title=None, port=80, location=f"https://{stop}/"),
        *[replace(step, redirect=1) for step in reached(stop, "8.60.1.1", **BLOCKED, fingerprint=KNOWN)],
    ]
    assert_is(world(steps), State.BLOCKED, "http.blockpage")


# ---------------------------------------------------------------- proxies

VIA = (("via", "1.1 proxy-a"),)


def proxied(here: Any, *, portal_headers: Any = VIA, sentinel: Any = (), sentinel_portal: Any = ()) -> list[CycleFacts]:
    cycle = CycleBuilder().controls().portal_check(headers=portal_headers)
    cycle.add(NEWS, reached_plain(headers=here), url=URL)
    beyond = CycleBuilder(vantage="frankfurt", role="control", network="AS24940").controls()
    beyond.portal_check(headers=sentinel_portal).add(NEWS, reached_plain(headers=sentinel), url=URL)
    return [cycle.build(), beyond.build()]


def test_one_mark_on_unrelated_sites_that_the_sentinel_sees_on_none_is_a_proxy() -> None:
    cycles = proxied(VIA)
    assert_is(cycles, State.TAMPERED, "http.proxied")
    assert judged(cycles).decision.mechanisms == ("http",)
    assert judged(cycles, "frankfurt").decision.state is State.OK


@pytest.mark.parametrize(
    "cycles",
    [
        pytest.param(proxied(VIA, portal_headers=()), id="one site alone: its own content network"),
        pytest.param(proxied(VIA, portal_headers=(("via", "1.1 other"),)), id="marks of two makers"),
        pytest.param(proxied(VIA, sentinel=(("via", "1.1 far"),)), id="the sentinel's answer has a mark as well"),
        pytest.param(
            proxied(VIA, sentinel_portal=(("via", "1.1 far"),)), id="the other site's has one at the sentinel"
        ),
        pytest.param(proxied(VIA)[:1], id="no sentinel"),
        pytest.param(proxied(()), id="this answer has none"),
    ],
)
def test_a_mark_alone_is_no_proxy(cycles: list[CycleFacts]) -> None:
    assert "http.proxied" not in {e.rule for e in judged(cycles).evidence}


# ---------------------------------------------------------------- the helper's own page


def answered(pair: PairFacts, target: str, control: str) -> PairFacts:
    """A pair over plain HTTP in which both arms got the helper's signed answer, with these bodies."""
    assert pair.target_arm is not None
    assert pair.control_arm is not None
    return replace(
        pair,
        target_arm=replace(pair.target_arm, is_genuine=True, body_sha256=target),
        control_arm=replace(pair.control_arm, is_genuine=True, body_sha256=control),
    )


def helper_world(bodies: Sequence[tuple[str, str]], beyond: str = "own") -> list[CycleFacts]:
    cycles = []
    for vantage, role, seen in (("almaty", "probe", bodies), ("frankfurt", "control", [(beyond, beyond)])):
        builder = CycleBuilder(vantage=vantage, role=role, network=vantage).controls()
        builder.add(NEWS, reached_plain(), url=URL, pairs=[("host", "helper", None, None)] * len(seen))
        cycle = builder.build()
        measured = tuple(
            replace(m, pairs=tuple(answered(pair, *body) for pair, body in zip(m.pairs, seen, strict=True)))
            if m.target == NEWS
            else m
            for m in cycle.measurements
        )
        cycles.append(replace(cycle, measurements=measured))
    return cycles


def test_a_helpers_page_that_is_changed_for_one_name_alone_was_changed_on_the_way() -> None:
    assert_is(helper_world([("changed", "own"), ("changed too", "own")]), State.TAMPERED, "http.altered")


@pytest.mark.parametrize(
    "bodies",
    [
        [("own", "own")] * 3,
        [("changed", "own"), ("own", "own")],
        [("changed", "changed")] * 3,
        [("changed", "own"), ("changed", "own"), ("own", "changed")],
    ],
)
def test_a_helpers_page_that_is_changed_once_or_for_both_names_accuses_nobody(bodies: list[tuple[str, str]]) -> None:
    assert_is(helper_world(bodies), State.OK)


# ---------------------------------------------------------------- the likeness of pages

WORDS = (
    *("the", "square", "was", "empty", "in", "the", "morning", "and", "full", "of", "people", "at", "noon"),
    *("when", "the", "first", "of", "them", "began", "to", "sing"),
)


def page(words: Sequence[str], title: str = "News", **extra: Any) -> Step:
    body = f"<title>{title}</title><p>{' '.join(words)}</p>".encode()
    return http(title=title, body_sha256=str(hash(body)), body_sketch=sketch_of(body, "utf-8"), **extra)


def test_a_page_of_other_words_under_the_genuine_title_is_another_page() -> None:
    blocked = ["access", "to", "this", "resource", "is", "restricted", "under", "the", "law", "on", "communications"]
    assert not is_same_page(page(WORDS), page(blocked))
    assert is_same_page(page(WORDS), page([*WORDS, "today"]))
    assert 0 < ALIKE < 1


def test_a_block_page_with_the_sites_title_is_not_ok() -> None:
    blocked = page(["access", "to", "this", "resource", "is", "restricted", "under", "the", "law"], url=URL, port=80)
    genuine = page(WORDS, url=URL, port=80)
    steps = [dns(NEWS, (SITE,)), tcp(port=80)]
    assert_is(world([*steps, blocked], [*steps, genuine]), State.INSUFFICIENT, "reach.differs")
    assert_is(world([*steps, genuine], [*steps, genuine]), State.OK)


# ---------------------------------------------------------------- a server's own refusal


def refusing(status: int, vantage: str = "almaty", index: int = 0, **extra: Any) -> CycleFacts:
    return CycleBuilder(vantage=vantage, index=index, **extra).controls().add(NEWS, reached(status=status)).build()


def test_an_error_that_a_proven_server_keeps_for_one_country_is_its_own_refusal() -> None:
    assert_is([refusing(530), refusing(530, "astana"), sentinel_cycle()], State.WITHHELD, "reach.error_here")
    in_two_cycles = [refusing(530), refusing(530, index=1), sentinel_cycle(), sentinel_cycle(index=1)]
    assert_is(in_two_cycles, State.WITHHELD, "reach.error_here")


@pytest.mark.parametrize(
    "cycles",
    [
        pytest.param([refusing(503), sentinel_cycle()], id="seen once"),
        pytest.param([refusing(503), refusing(200, "astana"), sentinel_cycle()], id="spares another vantage"),
        pytest.param([refusing(503), refusing(503, "astana")], id="no sentinel"),
        pytest.param(
            [
                refusing(503),
                refusing(503, "astana"),
                sentinel_cycle(),
                sentinel_cycle(reached(status=503), vantage="paris"),
            ],
            id="a sentinel gets it too",
        ),
    ],
)
def test_an_error_that_others_may_share_is_no_refusal(cycles: list[CycleFacts]) -> None:
    assert "reach.error_here" not in {e.rule for e in judged(cycles).evidence}


def test_a_handshake_that_proves_another_name_does_not_lend_itself_to_a_block_page() -> None:
    steps = [dns(NEWS, (SITE,)), tcp(), tls(), http(f"https://{NEWS}/", **BLOCKED, fingerprint=KNOWN)]
    assert judged(world(steps, reached(), f"https://{NEWS}/")).decision.state is not State.BLOCKED
