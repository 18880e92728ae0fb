"""One control at home and one abroad, at the moment of the anomaly: the first and the last round are minutes away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.measure import routine
from probe.model import TargetKind
from probe.techniques.technique import Technique

if TYPE_CHECKING:
    from probe.model import Target
    from probe.techniques.technique import Case


async def run(case: Case) -> None:
    """Measure one of each kind, drawn at random; ``variant`` is the control's name in the schedule."""

    async def one(control: Target) -> None:
        for step in await routine(control, case.tools, attempt=1):
            case.keep(step.observation, variant=control.name)

    drawn = []
    for kind in (TargetKind.CONTROL_HOME, TargetKind.CONTROL_ABROAD):
        controls = case.schedule.of_kind(kind)
        if controls:
            drawn.append(controls[randomness.below(case.seed, f"beside/{kind}", case.number, len(controls))])
    await asyncio.gather(*map(one, drawn))


CONTROLS = Technique(
    name="controls",
    summary="one control at home and one abroad, beside the anomaly",
    looks_into=frozenset({Anomaly.UNANSWERED}),
    most_bytes=30_000,
    most_s=40.0,
    run=run,
)
