"""The follow-up: closer looks at one target, one after the other, within a budget of time and bytes.

An anomaly starts it at once, while it lasts. Each rung is begun only where what
it needs is there and what it may cost is left; whether it ran, was left out or
was cut short is a row of its own, because a technique that is silent for want
of a helper must not read like one that found nothing.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from probe.record import TechniqueRun
from probe.techniques.technique import OF_TARGET, Allowance, GivenUpError, LeftOutError, SpentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.techniques.technique import Case, Purse, Technique

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a rung ended."""

    DONE = "done"
    SKIPPED = "skipped"
    CUT_SHORT = "cut-short"
    FAILED = "failed"  # it could not go on; a bug of ours is logged with its traceback


async def climb(case: Case, techniques: Sequence[Technique], purse: Purse) -> list[TechniqueRun]:
    """Run the techniques that the case calls for, in order; give a row for each that was called for."""
    clock = case.tools.clock
    plan = case.schedule.follow_up
    until = clock.monotonic() + plan.time_s
    spent_before = case.spent_bytes
    runs: list[TechniqueRun] = []
    for technique in techniques:
        if not technique.looks_into & case.anomalies or not is_for(technique, case):
            continue
        bytes_left = min(plan.bytes - (case.spent_bytes - spent_before), purse.bytes_left)
        left_s = until - clock.monotonic()
        runs.append(await _take(case, technique, bytes_left, left_s, purse))
    return runs


def is_for(technique: Technique, case: Case) -> bool:
    """Tell whether the target is of the kind that a technique looks at: of another it is not even left out."""
    return all(case.has(need) for need in technique.needs & OF_TARGET)


async def take_turns(case: Case, techniques: Sequence[Technique], purse: Purse) -> list[TechniqueRun]:
    """Run techniques whose turn it is, whatever was seen: the rota's part of the routine pass."""
    runs: list[TechniqueRun] = []
    for technique in techniques:
        plan = case.schedule.follow_up
        runs.append(await _take(case, technique, min(plan.bytes, purse.bytes_left), plan.time_s, purse))
    return runs


async def _take(case: Case, technique: Technique, bytes_left: int, left_s: float, purse: Purse) -> TechniqueRun:
    """Run a technique, or say why it cannot run."""
    reason = _unmet(case, technique, bytes_left, left_s)
    if reason is not None:
        return _skipped(case, technique, reason)
    case.allowance = Allowance(purse, case.spent_bytes, case.spent_bytes + bytes_left)
    case.set_aside(technique.most_bytes)
    return await _run(case, technique, left_s, case.allowance)


def _unmet(case: Case, technique: Technique, bytes_left: int, left_s: float) -> str | None:
    """Say why a technique cannot run; ``None`` where it can."""
    for need in sorted(technique.needs):
        if not case.has(need):
            return need.value
    if bytes_left < technique.most_bytes:
        return f"it may cost {technique.most_bytes} bytes, and {max(bytes_left, 0)} are left"
    if left_s <= 0:
        return "the time for closer looks is used up"
    return None


def _skipped(case: Case, technique: Technique, reason: str) -> TechniqueRun:
    now = case.tools.clock.now()
    return TechniqueRun(technique.name, now, now, Outcome.SKIPPED.value, reason, 0)


async def _run(case: Case, technique: Technique, left_s: float, allowance: Allowance) -> TechniqueRun:
    clock = case.tools.clock
    started_at = clock.now()
    before = case.spent_bytes
    case.technique = technique.name
    outcome, reason = Outcome.DONE, None
    try:
        async with asyncio.timeout(min(left_s, technique.most_s)):
            await technique.run(case)
    except TimeoutError:
        outcome, reason = Outcome.CUT_SHORT, "its time was used up"
    except LeftOutError as part:
        reason = str(part)
    except SpentError:
        outcome, reason = Outcome.CUT_SHORT, "its bytes were used up"
    except GivenUpError as error:
        outcome, reason = Outcome.FAILED, str(error)
    except Exception:  # noqa: BLE001 - whatever a hostile answer brings out costs this look, and no other
        _log.exception("%s of %s failed inside the probe; please report this", technique.name, case.target.name)
        outcome, reason = Outcome.FAILED, "it failed inside the probe"
    finally:
        case.technique = None
    allowance.settle(case.spent_bytes)
    return TechniqueRun(technique.name, started_at, clock.now(), outcome.value, reason, case.spent_bytes - before)
