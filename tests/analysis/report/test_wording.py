"""The words: fixed by state, complete in every language, and never more than the state allows."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from analysis.report import catalogue, write_report
from analysis.report.appearance import GAPS, LOOK, LOOK_OF_CAUSE, LOOKS
from analysis.report.catalogue import load
from analysis.report.wording import odds
from probe.errors import UserError
from tests.analysis.report.page_parser import Page
from tests.analysis.report.zhanaozen_2011 import SLOTS, is_missed, measurement_rows, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from probe.store.database import Database
    from probe.store.models import Base

PERSONS = re.compile(
    r"\b(government|authorit|regime|minist|polic|officials?|censor|operator decided|deliberate)", re.IGNORECASE
)


PERSONS_ELSEWHERE = re.compile(
    r"правительств|власт|режим|министер|полици|чиновник|цензор|умышлен|үкімет|билік|министр|полиция|шенеунік|цензура",
    re.IGNORECASE,
)


def words_under(content: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for value in content.values():
        inner = value if isinstance(value, dict) else {}
        found += words_under(inner) if inner else [str(value)]
    return found


def english() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((catalogue._FOLDER / "en.yaml").read_text(encoding="utf-8"))
    return content


def test_the_word_blocked_belongs_to_one_state_alone() -> None:
    content = english()
    assert content["state"]["blocked"]["word"] == "blocked"
    assert "was blocked" in content["state"]["blocked"]["sentence"]
    del content["state"]["blocked"]
    assert not [text for text in words_under(content) if re.search(r"\bblocked\b", text, re.IGNORECASE)]


def test_no_text_names_a_person_or_a_body() -> None:
    assert not [text for text in words_under(english()) if PERSONS.search(text)]
    for language in ("kk", "ru"):
        assert not [text for text in load(language)._texts.values() if PERSONS_ELSEWHERE.search(text)]


@pytest.mark.parametrize(("language", "stem"), [("ru", r"\bзаблокирован"), ("kk", r"\bбұғаттал")])  # noqa: RUF001 - Cyrillic on purpose
def test_the_word_blocked_belongs_to_one_state_alone_in_every_language(language: str, stem: str) -> None:
    content: dict[str, Any] = yaml.safe_load((catalogue._FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    own = words_under({"blocked": content["state"].pop("blocked")})
    assert sum(bool(re.search(stem, text, re.IGNORECASE)) for text in own) >= 3
    assert not [text for text in words_under(content) if re.search(stem, text, re.IGNORECASE)]


def is_bare_utc(text: str) -> bool:
    return set(re.findall(r"[A-Za-z]+", text)) == {"UTC"}


@pytest.mark.parametrize("language", ["ru", "kk"])
def test_no_sentence_was_left_in_english(language: str) -> None:
    """A translated text has letters of its own script; the few that are names or formulas are listed here."""
    words, reference = load(language), load("en")
    names_and_formulas = {"list.more", "timeline.utc", "accumulated.axis", "evidence.log10_e"}
    for key, text in words._texts.items():
        bare = re.sub(r"{[^}]*}", "", text)
        if re.search(r"[A-Za-z]{2}", re.sub(r"{[^}]*}", "", reference._texts.get(key, ""))):
            assert re.search(r"[Ѐ-ӿ]", bare) or key in names_and_formulas or is_bare_utc(bare), key
        assert not re.search(r"\b(the|of|and|is|was|which)\b", bare), key


def test_a_language_that_no_native_speaker_has_read_says_so(zhanaozen: Database, tmp_path: Path) -> None:
    for language in catalogue.languages():
        html = write_report(zhanaozen, tmp_path, language=language).read_text(encoding="utf-8")
        assert (load(language).text("page.unreviewed") in html) == (language not in catalogue.REVIEWED)


def test_states_below_the_floor_have_their_fixed_words() -> None:
    words = load("en")
    assert "consistent with blocking, a fault is not ruled out" in words.text(
        "state.suspected.sentence", scope="", rounds="", span=""
    )
    dark = words.text("state.dark.sentence", scope="", rounds="", span="")
    assert "nothing answered, whatever its name" in dark
    assert "this alone cannot say why" in dark
    assert "not enough data" in words.text("state.insufficient.sentence", scope="", rounds="", span="")


@pytest.mark.parametrize("state", [look.state for look in LOOKS])
def test_every_state_has_its_sentence_its_alternative_and_what_would_change_it(state: str) -> None:
    words = load("en")
    sentence = words.text(f"state.{state}.sentence", scope="SCOPE", rounds="ROUNDS", span="SPAN")
    assert {"SCOPE", "ROUNDS", "SPAN"} <= set(re.findall(r"[A-Z]{4,}", sentence))
    for part in ("word", "legend", "alternative", "change"):
        assert words.text(f"state.{state}.{part}")


def test_every_cause_and_every_gap_has_words() -> None:
    words = load("en")
    for cause, look in LOOK_OF_CAUSE.items():
        assert look in LOOK
        for part in ("title", "reading", "other"):
            assert words.text(f"cause.{cause}.{part}")
    for gap in GAPS:
        assert words.text(f"gap.{gap}.word")
        assert words.text(f"gap.{gap}.legend")


@pytest.mark.parametrize("language", catalogue.languages())
def test_every_language_has_the_same_keys_and_the_same_places(language: str) -> None:
    words, reference = load(language), load("en")
    plural = re.compile(r"\.(one|few|many|other)$")
    assert {plural.sub("", key) for key in words._texts} == {plural.sub("", key) for key in reference._texts}
    for key in reference._texts.keys() & words._texts.keys():
        assert places(words._texts[key]) == places(reference._texts[key]), key
        assert words._texts[key] not in {"", "None"}, key


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_key_that_code_or_pages_ask_for_is_there() -> None:
    words = load("en")
    folder = catalogue._FOLDER.parent
    asked: set[str] = set()
    for path in [*folder.glob("*.py"), *folder.glob("*.jinja")]:
        asked |= set(re.findall(r'words\.(?:text|count|texts)\(\s*"([a-z_.]+[a-z])"', path.read_text(encoding="utf-8")))
    assert len(asked) > 80
    missing = {key for key in asked if not any(known == key or known.startswith(f"{key}.") for known in words._texts)}
    assert not missing


def test_a_language_that_is_not_there_is_refused_with_those_that_are(zhanaozen: Database, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'tlh'.*en"):
        write_report(zhanaozen, tmp_path, language="tlh")
    with pytest.raises(UserError, match="choose one of"):
        load("../texts/en")


@pytest.mark.parametrize(
    ("language", "number", "category"),
    [("en", 1, "one"), ("en", 0, "other"), ("ru", 1, "one"), ("ru", 21, "one"), ("ru", 11, "many"), ("ru", 3, "few"),
     ("ru", 14, "many"), ("ru", 24, "few"), ("ru", 100, "many"), ("kk", 1, "one"), ("kk", 5, "other")],
)  # fmt: skip
def test_numbers_choose_the_plural_of_their_language(language: str, number: int, category: str) -> None:
    words = catalogue.Catalogue(language, {"time.months": "", "number.thousands": " ", f"x.{category}": "{number} x"})
    assert words.count("x", number) == f"{number} x"


def test_odds_are_rounded_down_so_that_no_claim_grows() -> None:
    words = load("en")
    assert odds(3.0, words) == "1,000"
    assert odds(4.9, words) == "79,000"
    assert odds(12.3, words) == "10¹²"


def paragraph_about(page: Page, state: str, scope: str) -> str:
    (found,) = [
        " ".join(text.split())
        for tag, attributes, text in page.inside
        if tag == "article" and attributes["class"] == f"finding b-{state}" and scope in text
    ]
    return found


def test_a_finding_counts_what_it_rests_on(page: Page) -> None:
    """Twitter fails by its name in slots 1 to 4, from four vantages in the country and, once, from the town.

    Almaty twice and Astana's fixed line: 4 + 4 + 3 rounds (one missed); Aktau: slots 1, 2, 3, then dark; the town:
    slot 1, then dark. Fifteen of forty, with two controls each. The sentinel ran in all four slots.
    """
    twitter = paragraph_about(page, "blocked", "Twitter")
    assert "Twitter was blocked in 15 of 40 rounds (among the 40: 2 missed, 1 not heard)" in twitter
    assert "between 16 Dec 2011, 09:00 and 18 Dec 2011, 06:00 UTC" in twitter
    assert "Seen from 5 of 5 vantages" in twitter
    assert "in 3 networks (AS29355, AS48503, AS9198)" in twitter
    assert "answered 15 of 15 times at home, 15 of 15 times abroad" in twitter
    assert "a sentinel got an answer from it in 4 of 4 rounds" in twitter
    assert "40 pairs" in twitter
    assert "at most once in 79,000" in twitter
    assert "Other explanation." in twitter
    assert "What would change this." in twitter


def test_silence_is_told_by_place_and_not_by_service(page: Page) -> None:
    town = paragraph_about(page, "dark", "Zhanaozen")
    assert "Zhanaozen, Kazakhstan: nothing answered, whatever its name, in 4 of 8 rounds" in town
    assert "answered 0 of 4 times at home, 0 of 4 times abroad" in town
    assert "blocked" not in town


def test_where_sites_at_home_still_answer_it_is_the_way_abroad_that_is_dark(
    build: Callable[[list[Base]], Database], tmp_path: Path
) -> None:
    cycle = "zhanaozen-fixed-c2"
    rows = [row for row in zhanaozen_rows() if not row_id(row).startswith(cycle)]
    rows += measurement_rows(f"{cycle}-m0", cycle, "zhanaozen-fixed", SLOTS[2], "K+", "kplus-tv.net", "target", "dark")
    rows += measurement_rows(f"{cycle}-m5", cycle, "zhanaozen-fixed", SLOTS[2], "c", "nic.kz", "control-home", "ok")
    page = Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8"))
    cut_off = paragraph_about(page, "dark", "while sites at home did")
    assert "nothing abroad answered, whatever its name, while sites at home did, in 1 of 8 rounds" in cut_off
    assert "answered 1 of 1 times at home." in cut_off


def test_no_sentence_of_another_state_says_blocked(page: Page) -> None:
    articles = [(attrs, text) for tag, attrs, text in page.inside if tag == "article" and "finding" in attrs["class"]]
    assert len(articles) > 8
    for attributes, text in articles:
        assert ("blocked" in text) == (attributes["data-state"] == "blocked"), text


def test_one_vantage_in_a_network_is_said_to_be_one(build: Callable[[list[Base]], Database], tmp_path: Path) -> None:
    alone = ("almaty-fixed", "sentinel-helsinki")
    rows = [row for row in zhanaozen_rows() if getattr(row, "vantage_id", alone[0]) in alone and is_of(row, alone)]
    page = Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8"))
    assert "No network was seen from two vantages" in paragraph_about(page, "blocked", "Twitter")


def row_id(row: Base) -> str:
    own: str = getattr(row, "measurement_id", getattr(row, "observation_id", ""))
    return own


def is_of(row: Base, vantages: tuple[str, ...]) -> bool:
    return (row_id(row) or vantages[0]).startswith(vantages) and type(row).__name__ != "Event"


def test_without_a_sentinel_and_without_controls_the_paragraph_says_so(
    build: Callable[[list[Base]], Database], tmp_path: Path
) -> None:
    rows = [
        row
        for row in zhanaozen_rows()
        if is_of(row, ("almaty-fixed",))
        and getattr(row, "vantage_id", "almaty-fixed") == "almaty-fixed"
        and not getattr(row, "kind", "target").startswith("control")
    ]
    kept = tuple(row_id(row) for row in rows if type(row).__name__ == "Measurement")
    rows = [row for row in rows if not row_id(row) or row_id(row).startswith(kept)]
    page = Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8"))
    twitter = paragraph_about(page, "blocked", "Twitter")
    assert "No sentinel outside measured in the same period." in twitter
    assert "No control site was measured in those rounds." in twitter


def test_a_service_of_which_one_target_fails_is_not_said_to_fail_as_a_whole(
    build: Callable[[list[Base]], Database], tmp_path: Path
) -> None:
    rows = zhanaozen_rows()
    for vantage in ("almaty-fixed", "astana-fixed"):
        for number, slot in enumerate(SLOTS):
            cycle = f"{vantage}-c{number}"
            if not is_missed(vantage, number):
                rows += measurement_rows(f"{cycle}-m9", cycle, vantage, slot, "Twitter", "x.com", "target", "ok")
    page = Page(write_report(build(rows), tmp_path).read_text(encoding="utf-8"))
    assert "Twitter (twitter.com; 1 of 2 targets) was blocked in 15 of 40 rounds" in page.text
    assert "Twitter (at least one of its 2 targets) was reachable and genuine in" in page.text
    assert "Respublika was blocked in 20 of 40 rounds" in page.text
