"""The causes of events, and the states that they follow from."""

from __future__ import annotations

from enum import StrEnum

from analysis.states import State


class Cause(StrEnum):
    """Of an event."""

    SELECTIVE_BLOCKING = "selective-blocking"
    THROTTLING = "throttling"
    TAMPERING = "tampering"
    WITHHOLDING = "withholding"
    TARGET_DOWN = "target-down"
    SHUTDOWN = "shutdown"
    DAMAGE = "damage"
    DARK_UNDETERMINED = "dark-undetermined"
    VANTAGE_LOCAL = "vantage-local"
    INSUFFICIENT = "insufficient"


CAUSE_OF = {
    State.BLOCKED: Cause.SELECTIVE_BLOCKING,
    State.THROTTLED: Cause.THROTTLING,
    State.TAMPERED: Cause.TAMPERING,
    State.WITHHELD: Cause.WITHHOLDING,
    State.DOWN: Cause.TARGET_DOWN,
    State.DARK: Cause.DARK_UNDETERMINED,
    State.LOCAL: Cause.VANTAGE_LOCAL,
    State.SUSPECTED: Cause.INSUFFICIENT,
    State.INSUFFICIENT: Cause.INSUFFICIENT,
}
"""Of a measurement taken alone. Why it is dark, no measurement alone can tell (:mod:`analysis.causes`)."""
