"""The scorecard: counts, bounds, quantiles; and how it is written down."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from scipy.stats import binom

from analysis.evaluate.event_match import EventGrade, FalseEvent
from analysis.evaluate.grading import Grade
from analysis.evaluate.intervals import share
from lab.score import UNMEASURED, Decision
from lab.scorecard import Failure, card, mechanisms, scorecard, spread
from lab.scorecard_sheets import as_markdown, drawn, facts_of, ranges, sheets, without_paths
from tests.lab.scores import graded, happened, scored

FALSE_EVENT = FalseEvent(cause="shutdown", vantages=("a",), targets=("social",), onset="2026-03-02T06:00:00.000Z")


def decided(pairs: int | None, mechanism: str = "tls.reset.sni") -> Decision:
    return Decision(
        vantage="a", target="social", truth="blocked", mechanism=mechanism, seconds=9.0, bytes=500, pairs=pairs
    )


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize(("count", "of"), [(0, 1), (0, 3000), (1, 20), (7, 9), (299, 300)])
def test_under_the_upper_bound_so_few_would_be_seen_one_time_in_twenty(count: int, of: int) -> None:
    assert binom.cdf(count, of, share(count, of).at_most) == pytest.approx(0.05)


def test_three_thousand_clean_episodes_bound_the_share_by_one_in_a_thousand() -> None:
    assert share(0, 3000).at_most <= 0.001


@pytest.mark.parametrize(("count", "of"), [(0, 0), (4, 4)])
def test_without_a_clean_case_nothing_is_excluded(count: int, of: int) -> None:
    assert share(count, of).at_most == 1.0


def test_cases_that_never_reach_a_value_count_as_later_than_all_others() -> None:
    found = spread([1, 2, 3, 4, 5, None, None, None, None, None])
    assert (found.median, found.ninth_decile) == (5, None)
    assert (found.reached, found.never) == (5, 5)
    assert spread([None, 1]).median == 1
    assert spread([]).median is None
    assert spread([float(n) for n in range(1, 11)]).ninth_decile == 9


def test_mechanisms_are_compared_along_their_paths() -> None:
    found = mechanisms([graded("blocked", "blocked", mechanism="tls.reset.sni", mechanisms=("tls.reset",))])
    assert found.precision == 1.0
    assert found.recall == pytest.approx(2 / 3)


def test_mechanisms_are_averaged_over_steps_of_paths_and_not_over_measurements() -> None:
    found = mechanisms(
        [
            graded("blocked", "blocked", mechanism="tls.reset.sni", mechanisms=("tls.reset.sni",)),
            graded("blocked", "blocked", mechanism="dns.nxdomain", mechanisms=("tcp",)),
            graded("blocked", UNMEASURED, mechanism="http.blockpage"),
            graded("ok", "blocked", mechanisms=("tls.timeout",)),
            graded("ok", "ok"),
        ]
    )
    assert found.measurements == 4
    assert found.precision == pytest.approx(3 / (3 + 1 + 2))
    assert found.recall == pytest.approx(3 / (3 + 2 + 2))


def test_nothing_named_and_nothing_to_name_has_no_precision_and_no_recall() -> None:
    found = mechanisms([graded()])
    assert (found.precision, found.recall) == (None, None)


def test_false_accusations_are_bounded_per_measurement_and_per_run() -> None:
    clean = scored(graded(), graded(slot=2), graded("blocked", "blocked"), innocent_controls=5, seed=1)
    dirty = scored(graded("down", "blocked"), graded("down", "suspected", slot=2), seed=2)
    guilty_only = scored(graded("blocked", "ok"), seed=3)
    found = card([clean, dirty, guilty_only])
    assert (found.false_accusations.count, found.false_accusations.of) == (2, 9)
    assert (found.accusing_runs.count, found.accusing_runs.of) == (1, 2)


def test_what_was_not_measured_could_accuse_nobody() -> None:
    assert card([scored(graded("ok", UNMEASURED))]).false_accusations.of == 0


def test_a_falsely_accused_control_counts_once() -> None:
    found = card([scored(graded("ok", "blocked", is_control=True), innocent_controls=4)])
    assert (found.false_accusations.count, found.false_accusations.of) == (1, 4)
    assert found.states == {}, "the confusion of states is that of targets"


def test_states_and_causes_are_counted_true_against_told() -> None:
    found = card(
        [
            scored(
                graded("blocked", "blocked"),
                graded("blocked", "insufficient"),
                graded("ok", "ok"),
                events=(happened(named="selective-blocking"), happened("damage", "dark-undetermined"), happened()),
                false_events=(FALSE_EVENT,),
            )
        ]
    )
    assert found.states["blocked"] == {"ok": 0, "blocked": 1, "insufficient": 1}
    assert found.states["ok"]["ok"] == 1
    assert found.causes["selective-blocking"]["selective-blocking"] == 1
    assert found.causes["selective-blocking"]["(none)"] == 1
    assert found.causes["damage"]["dark-undetermined"] == 1
    assert found.causes["(none)"]["shutdown"] == 1
    assert found.false_events == 1


def test_onset_delays_are_those_of_events_found_under_their_own_cause() -> None:
    events = (
        happened(named="selective-blocking", onset_delay_s=30.0),
        happened(named="insufficient", grade=EventGrade.WEAKER, onset_delay_s=1.0),
    )
    found = card([scored(events=events)])
    assert (found.onset_delay_s.median, found.onset_delay_s.never) == (30.0, 1)
    assert found.alerts_per_event == 1.0


def test_pairs_are_asked_only_where_pairs_can_show_it() -> None:
    found = card([scored(decisions=(decided(13), decided(None), decided(None, "dns.nxdomain")))])
    assert (found.pairs.median, found.pairs.never) == (13, 1)
    assert found.decision_s.reached == 3


def test_the_families_come_in_their_order_and_add_up_to_the_total() -> None:
    found = scorecard(
        [scored(graded(), family="mimicry"), scored(graded(), graded(slot=2), family="calm", scenario="calm")]
    )
    assert list(found.families) == ["calm", "mimicry"]
    assert [found.families["calm"].grades["right"], found.total.grades["right"]] == [2, 3]


@pytest.mark.parametrize(
    ("score", "failures", "is_clean"),
    [
        (scored(graded("blocked", "ok")), (), True),
        (scored(graded("ok", "blocked")), (), False),
        (scored(graded(), false_events=(FALSE_EVENT,)), (), False),
        (scored(graded()), (Failure(scenario="x", family="calm", seed=0, sentence="no end"),), False),
    ],
)
def test_a_false_accusation_a_false_event_or_a_failure_spoils_the_card(
    score: object, failures: tuple[Failure, ...], is_clean: bool
) -> None:
    assert scorecard([score], failures).is_clean is is_clean  # type: ignore[list-item]  # a Score, from the table


# ---------------------------------------------------------------- its forms


FOUND = scorecard(
    [
        scored(
            graded("blocked", "blocked", mechanism="tls.reset.sni", mechanisms=("tls.reset",)),
            *(graded("ok", "blocked", slot=slot, rules=("pairs.selective.sni",)) for slot in (2, 3, 4, 7)),
            events=(happened(named="selective-blocking"),),
            decisions=(decided(13),),
        )
    ],
    [Failure(scenario="hangs", family="damage", seed=4, sentence="TimeoutError: /root/deep/place/file.py | no <end>")],
)


def test_the_card_is_json() -> None:
    read = json.loads(json.dumps(FOUND.as_dict()))
    assert read["total"]["grades"] == {"right": 1, "weaker": 0, "missed": 0, "false-accusation": 4}
    assert read["runs"][0]["not_right"][0]["state"] == "blocked"
    assert read["failures"][0]["scenario"] == "hangs"


def test_the_page_says_what_was_run_and_names_no_folder_of_this_machine() -> None:
    facts = facts_of(FOUND, scenarios=["/root/worlds/mine.yaml"], families=None, seeds=[1, 2])
    page = as_markdown(FOUND, facts)
    assert "* seeds: 1, 2\n" in page
    assert "* command: `nameblind lab score mine.yaml --seed 1 --seed 2 --markdown docs/scorecard.md`\n" in page
    assert "/root" not in page
    assert "TimeoutError: file.py \\| no &lt;end>" in page


def test_every_table_of_the_page_is_even() -> None:
    for block in as_markdown(FOUND, {}).split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


def test_mistakes_that_are_alike_share_a_row() -> None:
    mistakes = next(sheet for sheet in sheets(FOUND) if "one by one" in sheet.title)
    assert mistakes.rows == (("FALSE", "sni-reset@0", "a", "social", "2-4, 7", "ok", "blocked", "pairs.selective.sni"),)


def test_a_terminal_shows_the_same_figures() -> None:
    console = Console(width=200, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as shown:
        for sheet in sheets(FOUND):
            console.print(drawn(sheet))
    assert "2-4, 7" in shown.get()
    assert "hangs" in shown.get()


def test_a_card_of_nothing_has_a_page_too() -> None:
    assert as_markdown(scorecard([]), {}).startswith("# The scorecard")


@pytest.mark.parametrize(
    ("numbers", "written"), [([], ""), ([3], "3"), ([1, 2, 3], "1-3"), ([7, 2, 3, 2, 9], "2-3, 7, 9")]
)
def test_successive_numbers_are_written_as_ranges(numbers: list[int], written: str) -> None:
    assert ranges(numbers) == written


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("/tmp/x/results.db is locked", "results.db is locked"),
        ("https://social.example/a/b failed", "https://social.example/a/b failed"),
        ("1/2 done", "1/2 done"),
        ("a\nb", "a b"),
    ],
)
def test_only_folders_of_this_machine_are_left_out(sentence: str, kept: str) -> None:
    assert without_paths(sentence) == kept


def test_grades_are_shown_in_one_order() -> None:
    overview = next(sheet for sheet in sheets(FOUND) if sheet.title == "Measurements and events")
    assert overview.headings[2 : 2 + len(Grade)] == ("right", "weaker", "missed", "FALSE")
    assert overview.rows[0][2 : 2 + len(Grade)] == ("1", "0", "0", "4")
