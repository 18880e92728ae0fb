"""Another way round supports, and never accuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude
from tests.analysis.fact_builder import TIMEOUT, CycleBuilder, failed, http, reached_plain, sentinel_cycle, tcp, tls

if TYPE_CHECKING:
    from analysis.analyse import Judged
    from analysis.facts import Step

NEWS = "news.example.com"


def by(variant: str, *steps: Step, way: str = "anonymizer") -> list[Step]:
    return [replace(step, technique="detour", variant=variant, way=way) for step in steps]


TARGET_ALIVE = by("target", tcp(), tls(), http())
TARGET_DEAD = by("target", tcp(failure="connection_refused"))
CONTROL_ALIVE = by("control", tcp(), tls(), http("https://example.org/", title="Example"))
FORGED = by("target", tcp(), tls(certificate_failure="ssl_unknown_authority"), http())


def judged(steps: list[Step], closer: list[Step], *, url: str | None = None) -> Judged:
    plain = url is not None
    cycle = CycleBuilder().controls().add(NEWS, steps, url=url, closer=closer).build()
    beyond = sentinel_cycle(reached_plain()) if plain else sentinel_cycle()
    conclusions = conclude([cycle, beyond])
    return next(
        j for j in conclusions.judged if j.facts.measurement.target == NEWS and not j.facts.cycle.vantage.is_sentinel
    )


def rules(found: Judged) -> set[str]:
    return {item.rule for item in found.evidence if item.rule.startswith("detour.")}


@pytest.mark.parametrize(
    ("closer", "expected"),
    [
        ([*TARGET_ALIVE, *CONTROL_ALIVE], {"detour.alive"}),
        ([*TARGET_DEAD, *CONTROL_ALIVE], {"detour.dead"}),
        (TARGET_DEAD, set()),  # nothing shows that the way itself works
        ([*FORGED, *CONTROL_ALIVE], {"detour.dead"}),  # a proxy may forge as well: only a proven page counts
        ([], set()),
    ],
)
def test_what_another_way_shows_of_a_target_that_fails_here(closer: list[Step], expected: set[str]) -> None:
    found = judged(failed("tls", TIMEOUT), closer)
    assert rules(found) == expected
    assert found.decision.state not in {"blocked", "suspected", "tampered", "throttled", "ok"}


def test_plain_page_by_another_way_counts_only_where_it_is_the_sentinels() -> None:
    url = f"http://{NEWS}/"
    alike, other = (by("target", tcp(port=80), http(url, title=title)) for title in ("News", "Pay here"))
    assert rules(judged(failed("http", TIMEOUT, is_plain=True), [*alike, *CONTROL_ALIVE], url=url)) == {"detour.alive"}
    assert rules(judged(failed("http", TIMEOUT, is_plain=True), [*other, *CONTROL_ALIVE], url=url)) == {"detour.dead"}


def test_target_that_answers_here_needs_no_other_way() -> None:
    assert rules(judged([*failed("tls", TIMEOUT, attempts=1), tcp(), tls(), http(attempt=2)], TARGET_ALIVE)) == set()
