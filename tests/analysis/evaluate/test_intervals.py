"""Bounds of what was counted: against published values, and by whole episodes."""

from __future__ import annotations

import pytest

from analysis.evaluate.intervals import by_episode, clopper_pearson, share


def test_none_in_three_thousand_is_at_most_one_in_a_thousand() -> None:
    # The rule of three: 1 - 0.05^(1/n), here 0.000998.
    assert share(0, 3000).at_most == pytest.approx(1 - 0.05 ** (1 / 3000))
    assert share(0, 3000).at_most < 0.001


def test_the_exact_interval_of_a_share_is_that_of_clopper_and_pearson() -> None:
    # 10 of 100: 4.90 % to 17.62 % (a textbook value).
    found = clopper_pearson(10, 100)
    assert (found.low, found.high) == (pytest.approx(0.0490, abs=1e-4), pytest.approx(0.1762, abs=1e-4))


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 1 - 0.025 ** (1 / 20)), (20, 0.025 ** (1 / 20), 1.0)])
def test_the_ends_of_a_share_are_exact(count: int, low: float, high: float) -> None:
    found = clopper_pearson(count, 20)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_of_nothing_there_is_no_share() -> None:
    assert clopper_pearson(0, 0).value is None


def test_a_bootstrap_draws_whole_episodes() -> None:
    """Many rows of two episodes are two draws, not many: the interval spans both."""
    episodes = [[0.0] * 500, [1.0] * 500]
    found = by_episode(episodes, lambda some: sum(map(sum, some)) / sum(map(len, some)), resamples=200, seed=1)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_a_bootstrap_is_the_same_each_time() -> None:
    def once() -> object:
        return by_episode(range(30), lambda some: sum(some) / len(some), resamples=50, seed=7)

    assert once() == once()
