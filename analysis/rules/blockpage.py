"""Plain HTTP that somebody on the way has written or passed on: known block pages, proxies, pages that were altered.

Over plain HTTP anybody may write an answer, so a page that is merely another one
shows nothing. A page that matches a known fingerprint, an answer of our own helper
that is not as the helper sent it, and a proxy that signs unrelated sites' answers
alike are artefacts: damage cannot write them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.outcome import host_of, is_same_site
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.evidence import Evidence, fired
from probe.model import Operation, Peer, TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analysis.facts import CycleFacts, Facts, MeasurementFacts, Step

SURE = 5
"""Of the confidence that a list gives to its pattern, from 0 to 10: what is vaguer is met on innocent pages too."""
ENOUGH_ALTERED = 2

_OF_A_NETWORK = frozenset({"nat", "isp"})
"""Scopes: a whole country's, a provider's. The others are an institution's, a product's, or too vague."""


@dataclass(frozen=True, slots=True)
class Known:
    """A known block page that was met."""

    name: str
    scope: str
    confidence: int
    countries: frozenset[str]
    step: Step


def known(facts: Facts) -> Evidence | None:
    """Fire where a provider's known block page came, where its list expects it, and the sentinel got another page."""
    met = _met(facts)
    if met is None or not _is_sure(met) or facts.cycle.vantage.country not in met.countries:
        return None
    return fired(
        "http.blockpage",
        f"The answer is the known block page {met.name}, expected in {facts.cycle.vantage.country}; the sentinel got "
        "the site's own page.",
        [met.step],
        "http.blockpage",
    )


def alone(facts: Facts) -> Evidence | None:
    """Fire where a provider's known block page came in a country for which its list does not know it."""
    met = _met(facts)
    if met is None or not _is_sure(met) or facts.cycle.vantage.country in met.countries:
        return None
    return fired(
        "http.blockpage.alone",
        f"The answer is the known block page {met.name}, which its list does not expect here.",
        [met.step],
        "http.blockpage",
    )


def vague(facts: Facts) -> Evidence | None:
    """Fire where the page is an institution's, a product's, or matches a pattern that innocent pages may match too."""
    met = _met(facts)
    if met is None or _is_sure(met):
        return None
    return fired(
        "http.blockpage.vague",
        f"The answer matches {met.name}, which is no provider's page for certain: a school, an office or a home may "
        "show it.",
        [met.step],
    )


def proxied(facts: Facts) -> Evidence | None:
    """Fire where a proxy on the way signed this answer over plain HTTP, and the sentinel's has no such mark.

    A content network signs its answers as well. So the same mark must stand on an answer of our helper, which sends
    none, or on answers of sites of different services, one of them a control, for none of which the sentinel's
    answer has any mark.
    """
    page = facts.measurement.outcome.page
    mark = _mark(page)
    if page is None or mark is None or host_of(page.url) != host_of(facts.measurement.url):
        return None
    if not _has_sentinel_no_mark(facts, facts.measurement):
        return None
    at_helper = [arm for m in facts.cycle.measurements for arm in _helper_answers(m) if _mark(arm) == mark]
    marked = [m for m in facts.cycle.measurements if _mark(m.outcome.page) == mark and _has_sentinel_no_mark(facts, m)]
    is_unrelated = len({m.service for m in marked}) > 1 and any(m.kind != TargetKind.TARGET for m in marked)
    if not at_helper and not is_unrelated:
        return None
    others = [m.outcome.page for m in marked if m.outcome.page is not None]
    return fired(
        "http.proxied",
        "A proxy on the way signed this answer and those of unrelated servers alike; the sentinel's have no such mark.",
        [page, *at_helper, *others],
        "http",
    )


def altered(facts: Facts) -> Evidence | None:
    """Fire where our helper's own page was changed on the way for the target's name, and never for its scramble."""
    if not any(True for _ in _helper_answers(facts.measurement)):
        return None
    beyond = frozenset[str | None]().union(*(cycle.helper_pages for cycle in _cycles(facts)))
    if len(beyond) != 1:
        return None
    changed: list[Step] = []
    for pair in facts.measurement.pairs:
        if pair.peer != Peer.HELPER or pair.is_negative_control or pair.pair_id in facts.pairs_not_counted:
            continue
        if any(arm.is_helper_page and arm.body_sha256 not in beyond for arm in (pair.control_arm,) if arm):
            return None
        arm = pair.target_arm
        if arm is not None and arm.is_helper_page and arm.body_sha256 not in beyond:
            changed.append(arm)
    if len(changed) < ENOUGH_ALTERED:
        return None
    return fired(
        "http.altered",
        f"In {len(changed)} pairs our helper's page was changed on the way for this name, and never for its scramble.",
        changed,
        "http",
    )


def _met(facts: Facts) -> Known | None:
    """Give the known block page that came where the site's own server did not prove itself, and not to the sentinel."""
    if facts.cycle.vantage.is_sentinel or not is_sentinel_steady(facts):
        return None
    if any(step.fingerprint for w in facts.usable_sentinels for step in w.measurement.of(Operation.HTTP)):
        return None
    own = host_of(facts.measurement.url)
    last = max((step.attempt for step in facts.measurement.steps), default=0)
    for step in reversed(facts.measurement.of(Operation.HTTP)):
        is_own_word = (step.url or "").startswith("https:") and is_same_site(host_of(step.url), own)
        if step.fingerprint and step.attempt == last and not is_own_word:
            return _parsed(step)
    return None


def _parsed(step: Step) -> Known | None:
    name, _, rest = (step.fingerprint or "").partition(";")
    scope, confidence, countries, *_ = (*rest.split(";"), "", "", "")
    sure = int(confidence) if confidence.isdigit() else 0
    return Known(name, scope, sure, frozenset(countries.split(",")) - {""}, step)


def _is_sure(met: Known) -> bool:
    return met.scope in _OF_A_NETWORK and met.confidence >= SURE


def _mark(step: Step | None) -> str | None:
    """Give what a proxy wrote into an answer over plain HTTP (RFC 9110, section 7.6.3)."""
    if step is None or step.status is None or (step.url or "").startswith("https:"):
        return None
    return next((value for name, value in step.headers if name == "via"), None)


def _has_sentinel_no_mark(facts: Facts, measurement: MeasurementFacts) -> bool:
    """Tell whether every usable sentinel that got an answer for the target got it without any mark."""
    pages = [
        page
        for cycle in _cycles(facts)
        for m in cycle.measurements
        if m.target == measurement.target and (page := m.outcome.page) is not None
    ]
    return bool(pages) and not any(_mark(page) for page in pages)


def _cycles(facts: Facts) -> Iterable[CycleFacts]:
    return {witness.cycle.cycle_id: witness.cycle for witness in facts.usable_sentinels}.values()


def _helper_answers(measurement: MeasurementFacts) -> Iterator[Step]:
    """Give the answers of our helper that it signed."""
    for pair in measurement.pairs:
        if pair.peer == Peer.HELPER:
            yield from (arm for arm in (pair.target_arm, pair.control_arm) if arm is not None and arm.is_helper_page)
