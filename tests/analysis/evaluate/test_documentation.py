"""docs/evaluation.md tells every mechanism that is simulated, and which are held out."""

from __future__ import annotations

import re
from pathlib import Path

from analysis.evaluate.baselines import BASELINES
from analysis.evaluate.simulate.generators import GENERATORS

PAGE = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")


def test_every_mechanism_stands_in_the_page_and_those_held_out_are_marked() -> None:
    told = re.findall(r"^\| ([\w-]+) \| `([\w-]+)` \| (\*\*yes\*\*)? ?\|", PAGE, re.MULTILINE)
    assert [(family, name, bool(mark)) for family, name, mark in told] == [
        (g.family.value, g.name, g.held_out) for g in GENERATORS
    ]


def test_every_baseline_stands_in_the_page() -> None:
    assert all(one.name.partition(",")[0].partition(" (")[0] in PAGE for one in BASELINES)
