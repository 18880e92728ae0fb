"""How often the technique `locus` names the hop of a box, on the lab's packets.

Boxes of several kinds stand at each hop of three paths in turn, in the path and
beside it, with penalties and with copied hop limits; each member of a seed has
other addresses, delays and losses. A run is right where the interval that the
analysis gives holds the true hop or one beside it, and spans no more than one
link. Prints one line a run, then the figures. Needs the lab.

    .venv/bin/python bench/locus_accuracy.py [SEEDS [PART OF A KIND'S NAME]]
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections import Counter
from dataclasses import dataclass, fields
from time import monotonic
from typing import TYPE_CHECKING, Any

from analysis.facts import MeasurementFacts, Step
from analysis.locus import Locus, locus_of
from lab import middleboxes, scenario_file
from lab.conditions import peace
from lab.control import ignore_interrupts, obey
from lab.director import schedule_of
from lab.registry import kinds
from lab.running import Worker, running
from lab.station import Placement, Residual
from lab.variation import varied
from probe import record
from probe.clock import SystemClock
from probe.failures import Failure
from probe.measure import Tools
from probe.model import Observation, Operation, Target, TargetKind
from probe.net import SystemNet
from probe.pairs import Pairs, Places
from probe.schedule.yaml_reader import parse
from probe.swaps import swaps_of
from probe.techniques.locus import run as climb
from probe.techniques.technique import Case
from probe.trust import Trust

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from lab.inside import Inside
    from probe.schedule.model import Schedule

NAME = "banned.example"
PAIRS = 10  # under a penalty, those alone count that begin with the control
MOST_S = 60.0

PATHS = {
    ("nothing-wrong", "vantage-a"): ("home-a", "core-a", "gateway", "transit", "edge-helper"),
    ("zhanaozen-today", "zhanaozen-outskirts"): (
        "home-outskirts",
        "exchange-zhanaozen",
        "zhetybai",
        "fixed-aktau",
        "fixed-core",
        "gateway",
        "frankfurt-ix",
        "edge-helping",
    ),
}
SNI, HOST = f"sni: [{NAME}]", f"host: [{NAME}]"
FORGED = f"names: [{NAME}]\naddresses: [104.24.3.1]"


@dataclass(frozen=True)
class Box:
    """A kind of box, and how it stands."""

    name: str
    kind: str
    keys: str
    scheme: str = "https"
    is_on_path: bool = False
    is_hop_limit_copied: bool = False
    residual: Residual | None = None


BOXES = (
    Box("reset", "reset", SNI),
    Box("reset beside the path", "reset", SNI, is_on_path=True),
    Box("silence", "silence", SNI),
    Box("end of stream", "fin", SNI),
    Box("reset by Host", "reset", HOST, scheme="http"),
    Box("block page by Host", "block-page", HOST, scheme="http"),
    Box("reset, copied hop limit", "reset", SNI, is_hop_limit_copied=True),
    Box("reset beside the path, copied", "reset", SNI, is_on_path=True, is_hop_limit_copied=True),
    Box("silence, penalty of the place", "silence", SNI, residual=Residual(seconds=120.0)),
    Box("forged answer of DNS", "dns-injection", FORGED, scheme="dns", is_on_path=True),
    Box("reset, penalty of the flow", "reset", SNI, residual=Residual(seconds=120.0, is_port_ignored=False)),
)


def measure(pipe: Connection[Any, Any], inside: Inside, schedule: Schedule) -> None:
    """Be the vantage: for each scheme, make a few pairs, climb, and say what the analysis makes of it."""
    ignore_interrupts()
    inside.become()

    async def handle(order: tuple[str, str]) -> tuple[Locus | None, int, float]:
        began = monotonic()
        scheme, label = order
        case = case_of(schedule, scheme, hashlib.sha256(label.encode()).digest())
        for swap in swaps_of(case.target) if scheme != "dns" else ():
            await case.pairs.several(swap, case.pairs.helper_places(swap), PAIRS, case.keep_pair)
        before = case.spent_bytes
        case.technique = "locus"
        try:
            async with asyncio.timeout(MOST_S):
                await climb(case)
        except TimeoutError:
            pass
        return locus_of(facts_of(case)), case.spent_bytes - before, monotonic() - began

    asyncio.run(obey(pipe, handle))


def case_of(schedule: Schedule, scheme: str, seed: bytes) -> Case:
    """Give a case whose target is at no address: only the helper is asked."""
    tools = Tools(
        net=SystemNet(),
        clock=SystemClock(),
        limits=schedule.limits,
        trust=Trust.load(schedule.extra_roots),
        resolvers=schedule.resolvers,
    )
    pairs = Pairs(
        seed=seed,
        tools=tools,
        plan=schedule.pairs,
        helpers=schedule.helpers,
        families=frozenset({4}),
        places=Places(schedule.pairs.rest_s),
    )
    is_dns = scheme == "dns"
    url = f"{'https' if is_dns else scheme}://{NAME}/"
    target = Target(name="banned", service="banned", url=url, kind=TargetKind.TARGET)
    case = Case(target=target, round="main", number=1, schedule=schedule, tools=tools, pairs=pairs)
    if is_dns:  # what calls for the look
        odd = Observation(
            operation=Operation.DNS,
            started_at=tools.clock.now(),
            started_mono_s=0.0,
            ended_mono_s=0.0,
            query_type="A",
            failure=Failure.DNS_BOGON,
        )
        case.steps.append(record.Step(observation=odd))
    return case


def facts_of(case: Case) -> MeasurementFacts:
    """Give the case's steps as the analysis would read them back from the store."""
    known = {field.name for field in fields(Step)}
    steps = []
    for number, step in enumerate(case.steps):
        seen = step.observation
        values = {name: getattr(seen, name) for name in known if hasattr(seen, name)}
        values |= {"observation_id": f"o{number}", "technique": step.technique, "variant": step.variant, "answers": ()}
        steps.append(Step(**values))
    nothing: Any = None
    return MeasurementFacts(
        measurement_id="m", cycle_id="c", vantage_id="v", service="s", target="t", url=case.target.url,
        kind="target", round="main", started_at=nothing, closer=tuple(steps),
    )  # fmt: skip


def is_right(found: Locus | None, hop: int) -> bool:
    """Tell whether the interval is one link, at most one hop away from the truth."""
    return found is not None and found.before - found.after == 1 and abs(found.before - hop) <= 1


def main() -> None:
    """Run all, and print the figures."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    right, exact, ways, copying, total = Counter(), Counter(), Counter(), Counter(), Counter()
    sizes, seconds = [], []
    for seed in range(seeds):
        for (scenario_name, vantage), routers in PATHS.items():
            scenario = varied(scenario_file.load(scenario_name), seed)
            with running(scenario.topology, seed=seed, at=scenario.slots[0]) as lab:
                for number, box in enumerate(BOXES):
                    for hop, router in enumerate(routers, start=1):
                        if wanted not in box.name or (number + hop + seed) % 2:
                            continue  # every second, in turn: one seed takes a quarter of an hour
                        worker = Worker(vantage, measure, lab.inside(vantage), schedule_of(scenario, vantage, lab))
                        made = parse(box.keys.encode(), "bench.yaml", kinds(middleboxes)[box.kind].record)
                        placement = Placement(
                            name="bench",
                            router=router,
                            networks=frozenset(),
                            box=made,
                            is_on_path=box.is_on_path,
                            is_hop_limit_copied=box.is_hop_limit_copied,
                            residual=box.residual,
                        )
                        lab.apply(peace(scenario.topology).with_boxes([placement]))
                        worker.pipe.send((box.scheme, f"{seed} {vantage} {box.name} {hop}"))
                        found, size, took_s = worker.receive(MOST_S + 30)
                        worker.end()
                        total[box.name] += 1
                        right[box.name] += is_right(found, hop)
                        exact[box.name] += found is not None and (found.after, found.before) == (hop - 1, hop)
                        ways[box.name] += found is not None and found.is_in_path is (not box.is_on_path)
                        copying[box.name] += found is not None and found.is_copying is box.is_hop_limit_copied
                        sizes.append(size)
                        seconds.append(took_s)
                        sign = "" if is_right(found, hop) else "WRONG "
                        print(f"  {sign}{box.name} at hop {hop} ({router}, seed {seed}): {said(found)}", flush=True)
    print(f"{'':32}{'runs':>6}{'within one':>12}{'exact':>8}{'way right':>11}{'copying':>9}")
    for name in total:
        print(f"{name:32}{total[name]:6}{right[name]:12}{exact[name]:8}{ways[name]:11}{copying[name]:9}")
    count = total.total()
    print(
        f"within one hop in {right.total()} of {count} runs ({right.total() / count:.1%}), exact in {exact.total()}; "
        f"mean {sum(sizes) / count / 1000:.0f} kB, {sum(seconds) / count:.1f} s with {PAIRS} pairs before it"
    )


def said(found: Locus | None) -> str:
    """Say in a line what was found."""
    if found is None:
        return "nothing"
    return f"between {found.after} and {found.before} of {found.distance}, {found.agreeing} of {found.ladders} ladders"


if __name__ == "__main__":
    main()
