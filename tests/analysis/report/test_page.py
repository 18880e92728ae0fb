"""What every report's page promises, whatever is in the database."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from analysis.report import bounds, write_report
from analysis.report.appearance import GAPS, LOOK, LOOKS
from analysis.report.catalogue import load
from analysis.report.timeline import word_of
from probe.errors import UserError
from probe.store.models import Analysis, Base, Cycle, MissedSlot, State, Vantage
from tests.analysis.report.page_parser import Page
from tests.analysis.report.zhanaozen_2011 import SLOTS, TARGETS, VANTAGES, events, measurement_rows, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probe.store.database import Database

    Build = Callable[[list[Base]], Database]

WHOLE_STRIPS = 5 * 5
"""Services on each line (place, network, bearer) of the picture of the whole event."""

HOSTILE = (
    "</title><script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "moc.\u202eknalb\u2066\u200f",
    "\x1b[2J\x07\x00bell",
    "=cmd|'/c calc'!A0",
    "{{ 7*7 }}{% raw %}",
    "M" * 1_000_000,
)


def page_of(database: Database, out: Path, **options: str) -> Page:
    return Page(write_report(database, out, **options).read_text(encoding="utf-8"))


def one_vantage(vantage_id: str = "v1", region: str | None = "Almaty") -> Vantage:
    return Vantage(vantage_id=vantage_id, country="KZ", region=region, network="AS9198", bearer="fixed", role="probe")


def one_cycle(vantage_id: str = "v1", number: int = 0) -> Cycle:
    return Cycle(
        cycle_id=f"{vantage_id}-c{number}",
        vantage_id=vantage_id,
        slot_at=SLOTS[number],
        started_at=SLOTS[number],
        schedule="s",
        schedule_sha256="0",
        seed_commitment="0",
        software_version="0",
        clock_source="system",
    )


def analysed() -> Analysis:
    return Analysis(analysis_id=1, ruleset="1", software_version="0.1.0", facts_sha256="ab" * 32)


def test_the_page_runs_nothing_and_fetches_nothing(page: Page, zhanaozen: Database, tmp_path: Path) -> None:
    assert not {"script", "link", "iframe", "img", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("href", "src", "action", "xlink:href", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:text/csv;")), (tag, attributes)
        assert "url(" not in attributes.get("fill", "").replace("url(#p-", "")
    html = write_report(zhanaozen, tmp_path).read_text(encoding="utf-8")
    style = html[html.index("<style>") : html.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style


def test_every_link_within_the_page_leads_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"][1:] for _, attributes in page.tags if attributes.get("href", "").startswith("#")}
    patterns = {attributes["fill"][5:-1] for _, attributes in page.tags if attributes.get("fill", "").startswith("url")}
    assert links | patterns <= set(ids)
    assert links
    assert patterns


def test_sections_stand_in_the_order_of_a_hurried_reader(page: Page) -> None:
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == ["answer", "whole", "summary", "events", "timeline", "evidence", "method"]


def test_the_same_database_gives_the_same_bytes(build: Build, tmp_path: Path) -> None:
    rows, again = zhanaozen_rows(), list(reversed(zhanaozen_rows()))
    first = write_report(build(rows), tmp_path / "a").read_bytes()
    second_database = build(again)
    assert first == write_report(second_database, tmp_path / "b").read_bytes()
    assert first == write_report(second_database, tmp_path / "b").read_bytes()


def test_every_state_and_every_gap_is_in_the_legend(page: Page) -> None:
    legend = [attributes["data-state"] for tag, attributes in page.tags if tag == "div" and "data-state" in attributes]
    assert legend == [*(look.state for look in LOOKS), *GAPS]


def test_rounds_that_did_not_happen_are_drawn_as_gaps_and_never_as_a_state(zhanaozen: Database, tmp_path: Path) -> None:
    html = write_report(zhanaozen, tmp_path).read_text(encoding="utf-8")
    page = Page(html[html.index('<section id="timeline"') : html.index('<section id="evidence"')])
    targets = len(TARGETS)
    legend = 1
    assert page.count("rect", "g-missed") == 2 * targets + legend
    assert page.count("rect", "g-unheard") == 1 * targets + legend
    drawn = sum(page.count("rect", f"f-{look.state}") for look in LOOKS)
    with zhanaozen.session() as session:
        measured = len(session.scalars(select(State.measurement_id)).all())
    chips = page.count("svg", "key") - len(GAPS)
    assert drawn == measured + chips


def test_a_round_that_never_reached_a_target_is_a_gap_of_its_own(build: Build, tmp_path: Path) -> None:
    rows: list[Base] = [one_vantage(), one_cycle(), one_cycle(number=1), analysed()]
    rows += measurement_rows("m0", "v1-c0", "v1", SLOTS[0], "Twitter", "twitter.com", "target", "ok")
    page = page_of(build(rows), tmp_path)
    assert page.count("rect", "g-unmeasured") == 1 + 1


def test_a_measurement_without_a_conclusion_is_never_drawn_as_a_state(build: Build, tmp_path: Path) -> None:
    rows: list[Base] = [one_vantage(), one_cycle()]
    measured = measurement_rows("m0", "v1-c0", "v1", SLOTS[0], "Twitter", "twitter.com", "target", "ok")
    rows += [row for row in measured if not isinstance(row, State)]
    html = write_report(build(rows), tmp_path).read_text(encoding="utf-8")
    timeline = Page(html[html.index('<section id="timeline"') : html.index('<section id="evidence"')])
    assert timeline.count("rect", "g-unjudged") == 1 + 1
    assert "have not been analysed" in " ".join(Page(html).texts("p", "nothing"))


def test_every_picture_has_words_for_those_who_do_not_see_it(zhanaozen: Database, tmp_path: Path) -> None:
    html = write_report(zhanaozen, tmp_path).read_text(encoding="utf-8")
    pictures = re.findall(r'<svg class="strip"[^>]*role="img"[^>]*><title>([^<]+)</title>', html)
    assert len(pictures) == html.count('class="strip"') == len(VANTAGES) * len(TARGETS) + WHOLE_STRIPS
    assert "twitter.com: 4 blocked, 4 ok." in pictures
    assert html.count("<figure") == html.count("The same as a table") == html.count("text/csv") == len(VANTAGES)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_wherever_it_stands(build: Build, tmp_path: Path, text: str) -> None:
    rows: list[Base] = [one_vantage(region=text), one_cycle(), analysed()]
    measured = list(measurement_rows("m0", "v1-c0", "v1", SLOTS[0], text, text, "target", "blocked", title=text))
    for row in measured:
        for column in ("title", "name", "error_text", "location", "url", "reason", "rule", "text", "rcode", "failure"):
            if hasattr(row, column):
                setattr(row, column, text)
        if hasattr(row, "cnames"):
            row.addresses = [text]
    rows += measured
    rows += events()
    rows[-1].scope = {"services": [text], "vantages": [text], "networks": [text], "regions": [text]}
    rows[-1].ledger = [{"channel": text, "kind": text, "log10_lr": 1.0, "witness": [text], "text": text}]
    rows[-1].mechanisms = [text]
    database = build(rows)
    path = write_report(database, tmp_path)
    page = Page(path.read_text(encoding="utf-8"))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not set(page.text) & {chr(0x202E), chr(0x2066), chr(0x200F), chr(0x1B), chr(0x07), chr(0)}
    assert "49" not in page.texts("h1")[0]
    assert path.stat().st_size < 200_000


def test_a_file_name_holds_nothing_of_a_hostile_service(build: Build, tmp_path: Path) -> None:
    service = "../../etc/passwd\x00<b>"
    rows: list[Base] = [one_vantage(), one_cycle(), analysed()]
    rows += measurement_rows("m0", "v1-c0", "v1", SLOTS[0], service, "t", "target", "ok")
    path = write_report(build(rows), tmp_path, service=service)
    assert path.parent == tmp_path
    assert re.fullmatch(r"nameblind-report-[a-z0-9-]+\.html", path.name)


def test_without_a_single_measurement_there_is_not_enough_data(build: Build, tmp_path: Path) -> None:
    page = page_of(build([]), tmp_path)
    assert page.texts("h1") == ["Not enough data"]
    assert page.texts("p", "nothing")[0].startswith("Not enough data.")
    assert page.count("article", "finding") == 0
    named = page_of(build([]), tmp_path, service="twitter")
    assert "no measurement of twitter" in named.texts("p", "nothing")[0]


def test_a_vantage_that_only_missed_its_slots_is_not_enough_data_and_a_gap(build: Build, tmp_path: Path) -> None:
    missed = MissedSlot(missed_slot_id="1", vantage_id="v1", slot_at=SLOTS[0], noticed_at=SLOTS[0], reason="stopped")
    page = page_of(build([one_vantage(), missed]), tmp_path)
    assert page.texts("p", "nothing")[0].startswith("Not enough data.")
    assert "0 measured, 1 missed, 0 not heard" in page.text


def test_a_report_on_one_service_leaves_the_others_out(zhanaozen: Database, tmp_path: Path) -> None:
    page = page_of(zhanaozen, tmp_path, service="Twitter")
    assert page.texts("h1") == ["Twitter"]
    assert "respublika" not in page.text.lower()
    assert "nic.kz" in page.text, "controls stay: a reader must see what lived beside it"


def test_a_service_that_is_not_there_is_refused_with_those_that_are(zhanaozen: Database, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Respublika, Twitter"):
        write_report(zhanaozen, tmp_path, service="twiter")


def test_a_folder_that_cannot_be_written_is_named(zhanaozen: Database, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("x")
    with pytest.raises(UserError, match="--out"):
        write_report(zhanaozen, in_the_way / "deeper")


def test_what_is_cut_is_counted_and_the_page_stays_small(build: Build, tmp_path: Path) -> None:
    vantages = bounds.TIMELINES + 5
    rows: list[Base] = [analysed()]
    for number in range(vantages):
        name = f"v{number:03}"
        rows += [one_vantage(name, region=f"Region {number}"), one_cycle(name)]
        for service in range(6):
            rows += measurement_rows(
                f"{name}-m{service}", f"{name}-c0", name, SLOTS[0], f"S{service}", f"t{service}", "target", "blocked"
            )
    path = write_report(build(rows), tmp_path)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.count("figure", "vantage") == bounds.TIMELINES
    assert "5 more vantages are not drawn." in page.texts("p", "cut")
    assert f"{bounds.WITNESSES} measurements shown of {vantages}" in page.text
    assert page.count("div", "witness") == 6 * bounds.WITNESSES
    assert path.stat().st_size < 600_000


def test_the_arithmetic_of_the_calibration_is_printed(page: Page) -> None:
    negative = 2 * len(VANTAGES)
    calibration = next(text for text in page.texts("p") if "innocuous names should" in text)
    assert f"In {negative * 8} pairs from {len(VANTAGES)} vantages" in calibration
    assert "the mean E is 0.50" in calibration


def test_versions_and_hash_stand_on_the_page(page: Page) -> None:
    assert "ab" * 32 in page.text
    assert "21 Dec 2011, 08:30 UTC" in page.text
    assert "nameblind verify --db" in page.text
    assert "nameblind analyze --db" in page.text


def test_colours_are_legible_and_differ_in_grey() -> None:
    words = load("en")
    looks = list(LOOK.values())
    for look in looks:
        assert contrast(look.fill, look.ink) >= 4.5, look.state
        assert contrast(look.dark_fill, look.dark_ink) >= 4.5, look.state
        assert word_of(look.state, words)
    assert len({look.letter for look in looks}) == len(looks)
    plain = [replace(look, letter="") for look in looks if look.pattern is None]
    for position, one in enumerate(plain):
        for other in plain[position + 1 :]:
            assert contrast(one.fill, other.fill) >= 2, (one.state, other.state)
    patterned = [look.pattern for look in looks if look.pattern is not None and look.fill != "#ffffff"]
    assert len(set(patterned)) == len(patterned)


def contrast(one: str, other: str) -> float:
    """Give the contrast of WCAG 2.2 between two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_report_on_a_lab_says_so_before_anything_else_and_a_real_one_does_not(
    build: Callable[[list[Base]], Database], page: Page, tmp_path: Path
) -> None:
    made_up = one_cycle()
    made_up.clock_source = "lab"
    html = write_report(build([one_vantage(), made_up, analysed()]), tmp_path).read_text(encoding="utf-8")
    assert html.index("nothing here was measured on any real network") < html.index('id="summary"')
    assert "nothing here was measured on any real network" not in page.text
