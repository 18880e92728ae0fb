"""The answer: three questions, one sentence a scope, and nothing said that the events do not carry."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.analyse import analyse, conclude
from analysis.causes.cause import Cause
from analysis.ledger import _ARTEFACTS, _STRUCTURE
from analysis.report import accumulated, catalogue, write_report
from analysis.report.answer import QUESTIONS
from analysis.report.appearance import LOOK_OF_CAUSE
from analysis.report.axis import lay_out
from analysis.report.catalogue import load
from analysis.report.citing import cite
from analysis.report.grid import Versions, read_grid
from analysis.report.quoted import kind_in_words
from probe.store.database import Database
from probe.store.models import Event
from tests.analysis.fact_builder import CycleBuilder, failed, plus_pairs, sentinel_cycle, store
from tests.analysis.report.page_parser import Page
from tests.analysis.report.zhanaozen_2011 import SLOTS, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.facts import CycleFacts
    from probe.store.models import Base

    Build = Callable[[list[Base]], Database]


def questions(page: Page) -> dict[str, str]:
    return {
        attributes["data-question"]: " ".join(text.split())
        for tag, attributes, text in page.inside
        if tag == "div" and "data-question" in attributes
    }


def page_with(build: Build, tmp_path: Path, **changes: object) -> Page:
    rows = zhanaozen_rows()
    for row in rows:
        if isinstance(row, Event) and row.event_id == "e2":
            for name, value in changes.items():
                setattr(row, name, value)
    return Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8"))


def test_every_cause_answers_exactly_one_question() -> None:
    answering = [cause for causes in QUESTIONS.values() for cause in causes]
    assert sorted(answering) == sorted(cause.value for cause in Cause)


def test_the_answer_says_what_in_how_many_rounds_and_from_where(page: Page) -> None:
    """Twitter's event begins in slot 1 and was last seen in slot 4: four vantages, one missed, one dark in slot 4."""
    told = questions(page)
    assert "Twitter was blocked by name, in 14 of 16 rounds (among the 16: 1 missed)" in told["interference"]
    assert "from 16 Dec 2011, 09:00 to 18 Dec 2011, 06:00 UTC" in told["interference"]
    assert "4 of 6 vantages" not in told["interference"]
    assert "4 of 5 vantages" in told["interference"]


def test_darkness_without_a_cause_is_neither_damage_nor_interference(page: Page) -> None:
    told = questions(page)
    assert "Zhanaozen" in told["unsaid"]
    assert "these data cannot say" in told["unsaid"]
    assert "Zhanaozen" not in told["interference"] + told["broken"]
    assert "1 missed" in told["unsaid"] or "2 missed, 1 not heard" in told["unsaid"]
    assert "No measurement shows that." in told["unsaid"]


@pytest.mark.parametrize(("cause", "question"), [("damage", "broken"), ("shutdown", "interference")])
def test_a_named_darkness_answers_its_question_in_words_of_its_own(
    build: Build, tmp_path: Path, cause: str, question: str
) -> None:
    page = page_with(build, tmp_path, cause=cause)
    told = questions(page)
    assert "Zhanaozen" in told[question]
    assert "Zhanaozen" not in told["unsaid"]
    assert ("blocked by name" in told[question]) == (question == "interference")
    drawn = Page(section_of(page_html(build, tmp_path, cause), "whole"))
    assert drawn.count("rect", f"f-{LOOK_OF_CAUSE[cause]}") > 1
    assert drawn.count("rect", "f-dark") > 0, "darkness outside the event keeps its own looks"


def page_html(build: Build, tmp_path: Path, cause: str) -> str:
    rows = zhanaozen_rows()
    for row in rows:
        if isinstance(row, Event) and row.event_id == "e2":
            row.cause = cause
    return write_report(build(rows), tmp_path).read_text(encoding="utf-8")


def section_of(html: str, name: str) -> str:
    start = html.index(f'<section id="{name}"')
    return html[start : html.index("</section>", start) + len("</section>")]


def test_a_service_is_not_named_as_a_whole_where_one_of_its_targets_is_meant(build: Build, tmp_path: Path) -> None:
    rows = zhanaozen_rows()
    for row in rows:
        if isinstance(row, Event) and row.event_id == "e1":
            row.scope = {**row.scope, "services": ["Twitter", "YouTube"], "targets": ["twitter.com"]}
    told = questions(Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8")))
    assert "(twitter.com; 1 of 2 targets) was blocked by name" in told["interference"]


def test_without_events_nothing_is_claimed(build: Build, tmp_path: Path) -> None:
    rows = [row for row in zhanaozen_rows() if not isinstance(row, Event)]
    told = questions(Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8")))
    assert "Nothing that was measured shows interference with a name." in told["interference"]
    assert "Nothing that was measured shows damage" in told["broken"]


def test_without_measurements_there_is_not_enough_data(build: Build, tmp_path: Path) -> None:
    told = questions(Page(write_report(build([]), tmp_path).read_text(encoding="utf-8")))
    assert "Not enough data." in told["interference"]
    assert "Not enough data." in told["broken"]


def test_a_gap_of_one_vantage_stays_a_gap_in_the_whole_picture(zhanaozen: Database, tmp_path: Path) -> None:
    html = write_report(zhanaozen, tmp_path).read_text(encoding="utf-8")
    drawn = Page(section_of(html, "whole"))
    assert drawn.count("rect", "g-missed") == 2 * 5 + 1
    assert drawn.count("rect", "g-unheard") == 1 * 5 + 1


def test_darkness_after_a_named_event_ended_keeps_its_own_looks(build: Build, tmp_path: Path) -> None:
    """The town is dark in slots 2 to 5, with five services; the event that names a cause ends with slot 3."""
    rows = zhanaozen_rows()
    for row in rows:
        if isinstance(row, Event) and row.event_id == "e2":
            row.cause, row.end_after, row.end_before = "damage", SLOTS[3] + timedelta(minutes=10), SLOTS[4]
    drawn = Page(section_of(write_report(build(rows), tmp_path).read_text(encoding="utf-8"), "whole"))
    legend, schematic = 1, 1
    assert drawn.count("rect", "f-damage") == 2 * 5 + legend + schematic
    town, coast = 2 * 5, 2 * 5
    assert drawn.count("rect", "f-dark") == town + coast + legend + 2 * schematic


def test_the_schematic_says_where_no_vantage_stands(page: Page) -> None:
    (table,) = page.texts("table", "schematic")
    assert "no vantage" in table
    assert "Zhanaozen" in table
    assert "dark (1 vantage)" in table


def test_every_kind_of_entry_that_the_analysis_makes_has_a_name() -> None:
    folder = catalogue._FOLDER.parent.parent
    made = {*_ARTEFACTS, *_STRUCTURE, "pairs.selective.sni", "pairs.leaning.host", "pairs.own_address.sni"}
    for path in [*folder.glob("causes/*.py"), folder / "ledger.py"]:
        made |= set(re.findall(r'"[ABC]", "([a-z_.]+)"', path.read_text(encoding="utf-8")))
    assert len(made) > 40
    assert not [kind for kind in sorted(made) if not kind_in_words(kind, load("en"))]


def test_a_citation_has_three_forms_and_the_dates_of_the_facts() -> None:
    versions = Versions("7", "0.1.0", "ab" * 32, (), None)
    cited = cite(versions, "a_b & {c}", None, "no time", load("en"), is_lab=True)
    assert "ab" * 32 in cited.plain
    assert "Made in the lab" in cited.plain
    assert r"a\_b \& \{c\}" in cited.bibtex
    assert cited.bibtex.count("{") == cited.bibtex.count("}")
    assert '"@context": "https://schema.org"' in cited.json_ld
    assert "datePublished" not in cited.json_ld


def cycles_with_pairs() -> list[CycleFacts]:
    """One block over three cycles, pairs of two innocuous names beside it, and a sentinel that reaches all."""
    cycles = []
    for index in range(3):
        builder = CycleBuilder(index=index).controls(pairs=plus_pairs(0, alive=2))
        builder.add(
            "news.example.com",
            failed("tls", "connection_reset"),
            pairs=[*plus_pairs(6, alive=1), *plus_pairs(3, peer="target")],
        )
        cycles += [builder.build(), sentinel_cycle(index=index)]
    return cycles


def test_a_curve_ends_at_the_value_that_the_analysis_stored() -> None:
    cycles = cycles_with_pairs()
    totals = conclude(cycles).bets.totals
    targets, negatives = accumulated.steps_of(cycles)
    assert {vantage for vantage, _, _ in targets} == {"almaty", "frankfurt"}
    assert negatives["almaty", "sni"][-1][1].pairs > 0
    for (vantage, target, kind), steps in targets.items():
        assert steps[-1][1] == totals[(vantage, target, kind, "helper"), False]
        assert steps[-1][1].pairs > 0
        assert [one.pairs for _, one in steps] == sorted(one.pairs for _, one in steps)


def test_a_curve_is_drawn_beside_its_guards_and_crosses_the_floor_where_it_does(tmp_path: Path) -> None:
    with Database.open(str(tmp_path / "results.db"), create=True) as database:
        store(database, cycles_with_pairs())
        analyse(database)
        html = write_report(database, tmp_path).read_text(encoding="utf-8")
        with database.session() as session:
            grid = read_grid(session, None)
            (drawn,) = accumulated.accumulate(session, grid, lay_out(grid.slots), load("en"))
    assert [curve.kind for curve in drawn.curves] == ["target", "sentinel", "calibration"]
    real, outside, calm = drawn.curves
    assert real.last_log10_e > 3 > max(outside.last_log10_e, calm.last_log10_e)
    assert min(part.y2 for part in real.segments) < drawn.floor < min(part.y2 for part in outside.segments)
    assert all(0 <= value <= 100 for curve in drawn.curves for part in curve.segments for value in (part.y1, part.y2))
    assert 'id="accumulated"' in html
    assert f"log10 E at the end {real.last_log10_e:.1f}" in html
