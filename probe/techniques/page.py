"""The whole page where the routine asked for its head alone, or for a few kilobytes: what an odd answer says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from probe.anomaly import Anomaly
from probe.measure import routine
from probe.techniques.technique import Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case

BODY_BYTES: Final = 65_536
"""Enough for the words of a notice, a challenge or a region's refusal; those stand at the top of a page."""


async def run(case: Case) -> None:
    """Measure again as an attempt of its own, with the body; the steps count as the routine's own."""
    limits = case.tools.limits
    if limits.http_body_bytes >= BODY_BYTES:
        return
    tools = replace(case.tools, limits=replace(limits, http_body_bytes=BODY_BYTES))
    attempt = 1 + max((step.attempt for step in case.routine_steps), default=0)
    case.steps += await routine(case.target, tools, attempt, asks_others=False)


PAGE = Technique(
    name="page",
    summary="the page itself, where the light pass asked for its head alone",
    looks_into=frozenset({Anomaly.ODD_STATUS}),
    most_bytes=120_000,
    most_s=60.0,
    run=run,
)
