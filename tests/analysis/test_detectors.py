"""Onset and end: quiet where nothing changed, prompt where something did, and honest on where it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from analysis.detectors import CALL_LOG10, Look, _Detector, changes, least_share, onset
from analysis.pairs import log10_e

BEGIN = datetime(2011, 12, 16, tzinfo=UTC)


def looks(outcomes: str) -> list[Look]:
    """Give pairs a minute apart: ``.`` both live, ``T`` the target's arm fails alone, ``C`` the other, ``B`` both."""
    return [Look(BEGIN + timedelta(minutes=i), o in "TB", o in "CB") for i, o in enumerate(outcomes)]


def drawn(rng: np.random.Generator, *parts: tuple[int, float], loss: float) -> list[Look]:
    """Give pairs of which a rule strikes a share, part after part."""
    found = []
    for count, rate in parts:
        for _ in range(count):
            at = BEGIN + timedelta(minutes=len(found))
            found.append(Look(at, bool(rng.random() < loss or rng.random() < rate), bool(rng.random() < loss)))
    return found


def place_of(at: datetime | None) -> int | None:
    return None if at is None else round((at - BEGIN).total_seconds() / 60)


# ---------------------------------------------------------------- the sum of bets


@pytest.mark.parametrize("flips", ["T", "C", "TTC", "TCTTTCTT", "T" * 40, "CTTT" * 10])
def test_the_detector_is_the_sum_of_the_bets_begun_at_every_discordant_pair(flips: str) -> None:
    detector = _Detector(0.5, is_onset=True)
    detector.follow(looks(flips), 0, len(flips))
    rests = [flips[start:] for start in range(len(flips))]
    expected = sum(10 ** log10_e(len(rest), rest.count("T")) for rest in rests)
    assert 10**detector.log10 == pytest.approx(expected, rel=1e-6)


def test_pairs_that_agree_move_nothing_however_many_there_are() -> None:
    assert onset(looks("." * 3_000 + "B" * 3_000)) is None
    plain, mixed = _Detector(0.5, is_onset=True), _Detector(0.5, is_onset=True)
    assert plain.follow(looks("TTTCT"), 0, 5) == mixed.follow(looks("T.T..BTC...T"), 0, 12)


def test_false_onsets_are_a_thousand_discordant_pairs_apart_under_bursts() -> None:
    rng = np.random.default_rng(17)
    seen = calls = 0
    for _ in range(60):
        is_down = np.repeat(rng.random(600) < 0.5, 10)[:3_000]
        fails = is_down[:, None] | (rng.random((3_000, 2)) < 0.3)
        series = [Look(BEGIN, bool(t), bool(c)) for t, c in rng.permuted(fails, axis=1)]
        found = onset(series)
        until = found.called + 1 if found else len(series)
        seen += sum(look.has_target_failed != look.has_control_failed for look in series[:until])
        calls += found is not None
    assert calls > 0
    # the mean is 1,000 at least; calls are a Poisson count, so that two of its deviations are allowed
    assert seen / 10**CALL_LOG10 >= calls - 2 * calls**0.5


def test_a_block_that_goes_on_has_no_end() -> None:
    rng = np.random.default_rng(5)
    for rate in (1.0, 0.9, 0.5):
        found = changes(drawn(rng, (50, 0.0), (900, rate), loss=0.1))
        assert [change.is_onset for change in found] == [True], rate


# ---------------------------------------------------------------- where


def test_a_full_block_on_a_clean_path_is_dated_to_the_pair() -> None:
    begun, over = changes(looks("." * 100 + "T" * 20 + "." * 20))
    assert (place_of(begun.after), place_of(begun.before), begun.is_onset) == (99, 100, True)
    assert begun.pairs >= 20
    assert begun.log10 > CALL_LOG10
    after = place_of(over.after)
    assert after is not None
    assert after < 120 <= (place_of(over.before) or 0) + 1
    assert not over.is_onset


def test_a_series_that_begins_blocked_has_no_last_pair_before() -> None:
    begun = onset(looks("T" * 20))
    assert begun is not None
    assert begun.after is None
    assert begun.first <= 3
    assert begun.pairs == 20 - begun.first


def test_too_few_pairs_date_nothing() -> None:
    assert changes([]) == ()
    assert onset(looks("." * 50 + "T" * 7)) is None


def test_an_older_episode_of_damage_is_not_taken_for_the_onset() -> None:
    """Loss struck either arm long before; the bets that won were not begun then."""
    damage = "TC.TBCT.CTBC.CTTC" * 6
    begun = onset(looks(damage + "." * 300 + "T" * 20))
    assert begun is not None
    assert place_of(begun.after) in {len(damage) + 298, len(damage) + 299}
    assert begun.first == len(damage) + 300


def test_onsets_and_ends_come_by_turns() -> None:
    found = changes(looks(("." * 60 + "T" * 30) * 3))
    assert [change.is_onset for change in found] == [True, False, True, False, True]
    assert [place_of(change.before) for change in found if change.is_onset] == [60, 150, 240]


@pytest.mark.parametrize(("rate", "loss"), [(1.0, 0.02), (1.0, 0.2), (0.5, 0.02)])
def test_the_interval_holds_the_true_onset_nine_times_in_ten(rate: float, loss: float) -> None:
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(40):
        begun = onset(drawn(rng, (100, 0.0), (100, rate), loss=loss))
        assert begun is not None
        after = place_of(begun.after)
        held += (-1 if after is None else after) < 100 <= begun.first
    assert held >= binom.ppf(0.01, 40, 0.9)


# ---------------------------------------------------------------- the bound on a share


def test_the_least_share_is_missed_seldom_however_often_it_is_looked_at() -> None:
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(80):
        yes = np.cumsum(rng.random(60) < 0.6)
        missed += any(least_share(int(yes[n - 1]), n - int(yes[n - 1])) > 0.6 for n in range(3, 61, 4))
    assert missed <= 4 + 2 * 2  # 5 % of 80, and two deviations


def test_the_least_share_rises_with_what_was_seen() -> None:
    assert least_share(0, 5) == 0.0
    assert 0.6 < least_share(14, 0) < 0.8 < least_share(60, 0) < 1.0
