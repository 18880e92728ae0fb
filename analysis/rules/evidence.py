"""What a rule says when it fires, and the weight that it says it with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from analysis.facts import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.facts import Step

WEIGHTS_FILE = Path(__file__).with_name("weights.yaml")
MAX_WITNESSES = 40
"""Rows named by one piece of evidence; its text gives the full count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One rule that fired for one measurement."""

    rule: str
    log10_lr: float
    text: str
    """One sentence."""
    observations: tuple[str, ...] = ()
    mechanism: str | None = None
    """The deepest node of the taxonomy that this evidence alone supports."""


@cache
def weights() -> dict[str, float]:
    """Give the weights of the rules that do not measure their own, as log10 of a likelihood ratio."""
    loaded = yaml.safe_load(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return {rule: float(fitted["log10_lr"]) for rule, fitted in loaded["rules"].items()}


def fired(rule: str, text: str, steps: Iterable[Step] = (), mechanism: str | None = None) -> Evidence:
    """Make the evidence of a rule whose weight stands in ``weights.yaml``."""
    return Evidence(
        rule=rule,
        log10_lr=weights()[rule],
        text=text,
        observations=ids(steps)[:MAX_WITNESSES],
        mechanism=mechanism,
    )
