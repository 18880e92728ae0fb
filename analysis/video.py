"""What a measurement read of a video: the player's own word, whether it is proven, and whether the film came.

A reading of one measurement's own steps, as :mod:`analysis.outcome` is; it says
nothing about causes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.failures import Failure
from probe.model import Operation

if TYPE_CHECKING:
    from analysis.facts import MeasurementFacts, Step

REMEMBERED = timedelta(hours=24)
"""A watch page is read now and then; so long its word holds, while the light check of each cycle stays as it was."""

_NO_ROBOT = re.compile(r"\b(bot|robot|unusual traffic)\b", re.IGNORECASE)
_PRIVATE = re.compile(r"\bprivate\b", re.IGNORECASE)


class Word(StrEnum):
    """What the player says, in our words."""

    PLAYS = "plays"
    GONE = "gone"  # ERROR: the platform has no such video
    PRIVATE = "private"
    SIGN_IN = "sign-in"  # of this client, whichever the video
    REFUSED = "refused"  # UNPLAYABLE and whatever else is no film


@dataclass(frozen=True, slots=True)
class Reading:
    """One watch page that was read."""

    step: Step
    word: Word
    is_proven: bool
    """Whether TLS proved that the platform said it."""


def reading_of(measurement: MeasurementFacts) -> Reading | None:
    """Give what the watch page said: the closer look's, else the routine's own; ``None`` where none was read."""
    steps = [
        step for step in measurement.closer if (step.technique, step.variant, step.way) == ("video", "watch", None)
    ]
    for several in (steps, list(measurement.steps)):
        read = [step for step in several if step.operation == Operation.HTTP and step.playability is not None]
        if read:
            return Reading(read[-1], _word(read[-1]), _is_proven(read[-1], several, measurement))
    return None


def is_part_dead(measurement: MeasurementFacts, part: str) -> bool | None:
    """Tell whether the host of a part (``media``, ``thumbnail``) failed; ``None`` where it was not asked."""
    steps = _part(measurement, part)
    if any(step.operation == Operation.HTTP and step.failure is None for step in steps):
        return False
    connecting = [step for step in steps if step.operation != Operation.DNS]
    failed = [step for step in connecting or steps if step.failure not in {None, Failure.INTERRUPTED}]
    is_cut_short = not failed or (not connecting and len(failed) < len(steps))
    return None if is_cut_short else True


def failing_steps(measurement: MeasurementFacts, part: str) -> list[Step]:
    """Give the steps at which the host of a part failed, after its name was resolved if it was."""
    failed = [step for step in _part(measurement, part) if step.failure not in {None, Failure.INTERRUPTED}]
    return [step for step in failed if step.operation != Operation.DNS] or failed


def _part(measurement: MeasurementFacts, part: str) -> list[Step]:
    return [step for step in measurement.of_look("video") if step.variant == part and step.way is None]


def _word(step: Step) -> Word:
    reason = step.playability_reason or ""
    match step.playability:
        case "OK":
            return Word.PLAYS
        case "ERROR":
            return Word.GONE
        case "LOGIN_REQUIRED" if _NO_ROBOT.search(reason):
            return Word.SIGN_IN
        case "LOGIN_REQUIRED" if _PRIVATE.search(reason):
            return Word.PRIVATE
    return Word.REFUSED


def _is_proven(step: Step, several: list[Step], measurement: MeasurementFacts) -> bool:
    """Tell whether the page came over a handshake that verified for the video's own host."""
    url = urlsplit(step.url or "")
    if url.scheme != "https" or url.hostname != urlsplit(measurement.url).hostname:
        return False
    return any(
        shaken.is_verified and (shaken.name, shaken.address) == (url.hostname, step.address) for shaken in several
    )
