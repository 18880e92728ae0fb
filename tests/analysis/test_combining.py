"""Several e-values at once: which combinations are e-values again, and the bar for many bets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.combining import e_bh_bar, log10_mean, pooled
from analysis.pairs import log10_e


def test_e_bh_bar_rises_with_the_number_of_bets_and_falls_with_the_number_that_pass() -> None:
    assert e_bh_bar([]) == pytest.approx(2.0)
    assert e_bh_bar([0.0] * 100) == pytest.approx(4.0)
    assert e_bh_bar([9.0] * 50 + [0.0] * 50) == pytest.approx(math.log10(100 / (50 * 0.01)))


def test_e_bh_keeps_the_share_of_false_ones_among_those_that_pass() -> None:
    """Of 200 bets 20 are on true rules; at a rate of 10 % the mean share of false ones stays under it."""
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(200):
        null = [log10_e(30, int(rng.binomial(30, 0.5))) for _ in range(180)]
        true = [log10_e(30, int(rng.binomial(30, 0.97))) for _ in range(20)]
        bar = e_bh_bar([*null, *true], rate=0.1)
        false, passed = sum(v >= bar for v in null), sum(v >= bar for v in [*null, *true])
        assert passed > 0
        shares.append(false / passed)
    assert np.mean(shares) <= 0.1


def test_the_mean_is_that_of_the_values_and_does_not_overflow() -> None:
    assert log10_mean([0.0, 2.0]) == pytest.approx(math.log10(50.5))
    assert log10_mean([5_000.0, 5_000.0]) == pytest.approx(5_000.0)
    assert log10_mean([]) == 0.0


def test_the_product_takes_each_vantages_mean_and_leaves_the_strongest_out() -> None:
    product = pooled({"almaty": [4.0], "aktau": [2.0, 0.0], "astana": [1.0]})
    assert product is not None
    aktau = math.log10(50.5)
    assert product.log10_e == pytest.approx(4.0 + aktau + 1.0)
    assert product.without_any == pytest.approx(aktau + 1.0)
    assert product.vantages == 3


def test_one_vantage_is_not_pooled() -> None:
    assert pooled({"almaty": [9.0]}) is None
