"""``nameblind plan``: show what a schedule would contact, before any consent; nothing is sent."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from probe.commands.options import DEFAULT_SCHEDULE, AsJson, ScheduleFile
from probe.schedule.loader import load
from probe.schedule.plan import Plan, Range, estimate

if TYPE_CHECKING:
    from probe.schedule.model import Resolver, Schedule


def plan(schedule: ScheduleFile = DEFAULT_SCHEDULE, *, as_json: AsJson = False) -> None:
    """Show what a schedule would contact, how often, and an estimate of the bytes a day.

    Nothing is sent, and no consent is needed.
    """
    loaded = load(schedule)
    planned = estimate(loaded)
    typer.echo(json.dumps(_as_object(loaded, planned)) if as_json else "\n".join(_as_lines(loaded, planned)))


def _as_object(schedule: Schedule, planned: Plan) -> dict[str, object]:
    return {
        "schedule": schedule.name,
        "schedule_sha256": schedule.sha256,
        "cadence_s": schedule.cadence_s,
        "jitter_s": schedule.jitter_s,
        "resolvers": [_described(resolver) for resolver in schedule.resolvers],
        "helpers": [
            {"name": helper.name, "networks": [str(network) for network in helper.networks]}
            for helper in schedule.helpers
        ],
        "targets": [
            {"service": t.service, "target": t.name, "url": t.url, "kind": t.kind, "note": t.note}
            for t in schedule.targets
        ],
        "estimate": asdict(planned),
    }


def _as_lines(schedule: Schedule, planned: Plan) -> list[str]:
    lines = [f"The schedule {schedule.name} would contact, in every cycle:", ""]
    width = max(len(target.service) for target in schedule.targets)
    lines += [f"  {target.service:<{width}}  {target.url}" for target in schedule.targets]
    lines += ["", "It would ask these resolvers for every name:", ""]
    lines += [f"  {resolver.name}  {_described(resolver)['asked']}" for resolver in schedule.resolvers]
    if schedule.helpers:
        lines += ["", "It would send pairs, with these names and scrambled ones, to these helpers:", ""]
        for helper in schedule.helpers:
            lines.append(f"  {helper.name}  {', '.join(str(network) for network in helper.networks)}")
    else:
        lines += ["", "It names no helper: pairs, with scrambled names too, go to the sites' own addresses."]
    lines += [
        "",
        f"How often: {planned.cycles_per_day:g} cycles a day, each up to {schedule.jitter_s:g} s after its slot.",
        f"Estimate: {_shown(planned.bytes_per_cycle)} a cycle, {_shown(planned.bytes_per_day)} a day.",
        f"Estimate for each target that fails: {_shown(planned.follow_up_bytes)} more in that cycle.",
        "",
        "These are estimates, not measurements. Their basis:",
    ]
    return lines + [f"  - {reason}" for reason in planned.basis]


def _described(resolver: Resolver) -> dict[str, str]:
    where = f" at {resolver.address}" if resolver.address else ""
    name = f" ({resolver.server_name})" if resolver.server_name else ""
    return {"name": resolver.name, "asked": f"{resolver.transport}{where}{name}"}


def _shown(estimated: Range) -> str:
    unit, name = (1_000_000, "MB") if estimated.high >= 1_000_000 else (1_000, "kB")
    return f"{estimated.low / unit:.3g} to {estimated.high / unit:.3g} {name}"
