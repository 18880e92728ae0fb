"""``nameblind plan``: show what a schedule would contact, before any consent; nothing is sent."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from probe.commands.options import DEFAULT_SCHEDULE, AsJson, ScheduleFile
from probe.schedule.loader import load
from probe.schedule.plan import Plan, Range, estimate
from probe.techniques import ladder_of

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
        "ladder": [{"name": t.name, "summary": t.summary} for t in ladder_of(schedule)],
        "rota_s": dict(schedule.rota),
        "ways": [{"name": way.name, "kind": way.kind} for way in schedule.ways],
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
        lines += ["", "It names no helper: where a site fails, pairs go to its own address, with scrambled names too."]
    lines += ["", "Where something is odd about a target, closer looks follow, cheap and decisive ones first:", ""]
    ladder = ladder_of(schedule)
    width = max(len(technique.name) for technique in ladder) if ladder else 0
    lines += [f"  {technique.name:<{width}}  {technique.summary}" for technique in ladder]
    if schedule.rota:
        lines += ["", "These take turns over the targets without any anomaly, as often as this on average:", ""]
        lines += [f"  {name}  every {interval_s / 3600:g} h" for name, interval_s in schedule.rota.items()]
    if schedule.ways:
        lines += ["", "And these other ways round would be used for a target that does not answer:", ""]
        lines += [f"  {way.name}  {way.kind}" for way in schedule.ways]
    lines += [
        "",
        f"How often: {planned.cycles_per_day:g} cycles a day, each up to {schedule.jitter_s:g} s after its slot.",
        f"Estimate: {_shown(planned.bytes_per_cycle)} a cycle, {_shown(planned.bytes_per_day)} a day.",
        f"For each target that fails: {_shown(planned.follow_up_bytes)} more in that cycle,",
        f"and no more than {planned.most_follow_up_bytes_per_day / 1_000_000:g} MB a day for all of them together.",
        f"Looks at your line each minute: at most {planned.recorder_bytes_per_day / 1_000_000:.1f} MB a day on top.",
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
