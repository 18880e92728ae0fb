"""The standing calibration: what pairs of two innocuous names came to."""

from __future__ import annotations

import json

import pytest

from analysis.analyse import as_dict, conclude
from analysis.calibration import calibrations
from analysis.pairs import Tally
from tests.analysis.fact_builder import CycleBuilder, plus_pairs


def test_the_mean_is_over_series_of_a_vantage_and_over_all() -> None:
    names = {
        (("almaty", "example.org", "sni", "helper"), True): Tally(5, 1, 1, 0),  # E = 3/2
        (("almaty", "example.net", "sni", "helper"), True): Tally(5, 1, 0, 0),  # E = 1/2
        (("aktau", "example.org", "sni", "helper"), True): Tally(3, 0, 0, 0),  # E = 1
        (("aktau", "x.example.com", "sni", "helper"), False): Tally(20, 20, 20, 0),
    }
    found = {c.vantage: c.as_dict() for c in calibrations(names, {})}
    assert found[None]["series"] == 3
    assert found[None]["pairs"] == 13
    assert found["almaty"]["mean_e"] == pytest.approx(1.0)
    assert found["almaty"]["highest_log10_e"] == pytest.approx(0.176091, abs=1e-6)
    assert found["aktau"] == {
        "vantage": "aktau", "test": "names", "series": 1, "pairs": 3, "discordant": 0,
        "mean_e": 1.0, "highest_log10_e": 0.0,
    }  # fmt: skip


def test_without_negative_controls_there_is_none() -> None:
    assert calibrations({}, {}) == ()


def test_a_mean_too_large_for_a_number_is_still_json() -> None:
    names = {(("almaty", "example.org", "sni", "helper"), True): Tally(3_000, 3_000, 3_000, 0)}
    assert json.loads(json.dumps(calibrations(names, {})[0].as_dict()))["mean_e"] == 1e300


def test_the_analysis_tells_it() -> None:
    told = as_dict(conclude([CycleBuilder().controls(pairs=plus_pairs(0, alive=1)).build()]))
    assert [(c["vantage"], c["series"], c["pairs"], c["mean_e"]) for c in told["calibration"]] == [
        (None, 4, 8, 1.0),
        ("almaty", 4, 8, 1.0),
    ]
