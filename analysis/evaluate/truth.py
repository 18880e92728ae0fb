"""The words in which a truth is written, and one event that really happened.

The lab's scenarios and the simulated episodes say what is true in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

STATES: Final = (
    "ok",
    "tampered",
    "blocked",
    "suspected",
    "throttled",
    "withheld",
    "down",
    "dark",
    "local",
    "insufficient",
)

ACCUSING: Final = frozenset({"blocked", "suspected", "tampered", "throttled"})
"""States that say that somebody did it."""

CAUSES: Final = (
    "selective-blocking",
    "throttling",
    "tampering",
    "withholding",
    "target-down",
    "shutdown",
    "damage",
    "dark-undetermined",
    "vantage-local",
    "insufficient",
)

ACCUSING_CAUSES: Final = frozenset({"selective-blocking", "throttling", "tampering", "shutdown"})
"""Causes that say that somebody did it."""

CAUSE_OF_STATE: Final = {
    "blocked": "selective-blocking",
    "suspected": "selective-blocking",
    "tampered": "tampering",
    "throttled": "throttling",
    "withheld": "withholding",
    "down": "target-down",
    "local": "vantage-local",
}
"""What is meant where a truth names no cause. A ``dark`` one must name it: that is the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """Something that began, had a scope, and perhaps ended."""

    name: str
    cause: str
    vantages: frozenset[str]
    targets: frozenset[str]
    """Names of targets."""
    onset: datetime
    end: datetime | None
    mechanisms: frozenset[str]
    accept: frozenset[str]
    """Weaker causes that are honest as well."""
