"""How one state, and the mechanisms that it names, stand against the truth."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from analysis.evaluate.truth import ACCUSING

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Truth(Protocol):
    """What is true of one vantage, target and slot."""

    @property
    def state(self) -> str:
        """The true state."""

    @property
    def accept(self) -> frozenset[str]:
        """Weaker states that are honest as well."""


class Grade(StrEnum):
    """How a state stands against the truth."""

    RIGHT = "right"
    WEAKER = "weaker"
    MISSED = "missed"
    FALSE_ACCUSATION = "false-accusation"


def grade(truth: _Truth, state: str) -> Grade:
    """Grade one state against the truth."""
    if state == truth.state:
        return Grade.RIGHT
    if state in truth.accept or state == "insufficient":
        return Grade.WEAKER
    if state in ACCUSING and truth.state not in ACCUSING:
        return Grade.FALSE_ACCUSATION
    return Grade.MISSED


def is_mechanism_right(true: str, named: Iterable[str]) -> bool:
    """Tell whether some mechanism that was named is the true one, an ancestor or a descendant of it."""
    return any(_is_within(true, one) or _is_within(one, true) for one in named)


def _is_within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(ancestor + ".")


def ancestry(paths: Iterable[str]) -> frozenset[str]:
    """Give every path with all its ancestors: ``tls.reset.sni``, ``tls.reset``, ``tls``."""
    parts = [path.split(".") for path in paths]
    return frozenset(".".join(part[:length]) for part in parts for length in range(1, len(part) + 1))
