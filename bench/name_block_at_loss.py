"""How many pairs show a block by name at 20 % loss, on the lab's packets: the bar is 25.

The operator's line loses a fifth of all packets each way, and the gateway
resets, or swallows, handshakes with one name over TCP or over QUIC. A vantage
makes the pairs that the follow-up would make; each run has a seed and source
ports of its own. Prints a line a kind of block: runs in which E reached a
thousand within 25 pairs, the median and the most. Needs the lab.

    .venv/bin/python bench/name_block_at_loss.py [RUNS]
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from analysis.pairs import log10_e
from lab import middleboxes, scenario_file
from lab.conditions import peace
from lab.control import ignore_interrupts, obey
from lab.director import schedule_of
from lab.registry import kinds
from lab.running import Worker, running
from lab.station import Placement
from probe.clock import SystemClock
from probe.measure import Tools
from probe.model import Target, TargetKind
from probe.net import SystemNet
from probe.pairs import Pairs, Places, has_arm_failed
from probe.schedule.yaml_reader import parse
from probe.swaps import quic, sni
from probe.trust import Trust

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from lab.inside import Inside
    from probe.record import PairOfSteps
    from probe.schedule.model import Schedule

BAR = 25
LOSS = 0.2
LINK = "core-a--gateway"
TARGET = Target(name="banned", service="banned", url="https://banned.example/", kind=TargetKind.TARGET)
BLOCKS = (
    ("reset", "sni: [banned.example]", "sni"),
    ("silence", "sni: [banned.example]", "sni"),
    ("silence", "quic_sni: [banned.example]", "quic"),
)
MOST_S = 300.0


def measure(pipe: Connection[Any, Any], inside: Inside, schedule: Schedule) -> None:
    """Be the vantage: make pairs until the bar, and tell for each whether the target's and the control's arm failed."""
    ignore_interrupts()
    inside.become()

    async def handle(wanted: tuple[str, int]) -> tuple[list[tuple[bool, bool]], float]:
        kind, seed = wanted
        began = monotonic()
        swap = sni.swaps(TARGET)[0] if kind == "sni" else quic.swap_of(TARGET, 443)
        pairs = pairs_of(schedule, seed)
        kept: list[PairOfSteps] = []
        await pairs.several(swap, pairs.helper_places(swap), BAR, kept.append)
        made = sorted(kept, key=lambda pair: pair.number)
        return [(_has_failed(pair.target_arm), _has_failed(pair.control_arm)) for pair in made], monotonic() - began

    asyncio.run(obey(pipe, handle))


def _has_failed(arm: Any) -> bool:
    last = arm[-1]
    return has_arm_failed(peer="helper", failure=last.failure, is_peer_hello_received=last.is_peer_hello_received)


def pairs_of(schedule: Schedule, seed: int) -> Pairs:
    """Give what makes pairs, with a seed of its own."""
    tools = Tools(
        net=SystemNet(),
        clock=SystemClock(),
        limits=schedule.limits,
        trust=Trust.load(schedule.extra_roots),
        resolvers=schedule.resolvers,
    )
    return Pairs(
        seed=hashlib.sha256(f"bench/{seed}".encode()).digest(),
        tools=tools,
        plan=replace(schedule.pairs, enough_discordant=BAR),
        helpers=schedule.helpers,
        families=frozenset({4, 6}),
        places=Places(schedule.pairs.rest_s),
    )


def needed(outcomes: list[tuple[bool, bool]]) -> int | None:
    """Give the number of pairs until E was a thousand; ``None`` where it never was."""
    discordant = failed = 0
    for count, (target, control) in enumerate(outcomes, start=1):
        discordant += target != control
        failed += target and not control
        if log10_e(discordant, failed) >= 3.0:
            return count
    return None


def main() -> None:
    """Run all, and print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    scenario = scenario_file.load("quic-sni-silence")
    with running(scenario.topology, seed=0, at=scenario.slots[0]) as lab:
        for box, keys, kind in BLOCKS:
            made = parse(keys.encode(), "bench.yaml", kinds(middleboxes)[box].record)
            placement = Placement(name="bench", router="gateway", networks=frozenset(), box=made)
            lab.apply(peace(scenario.topology).with_boxes([placement]).with_link(LINK, loss=LOSS))
            worker = Worker("vantage-a", measure, lab.inside("vantage-a"), schedule_of(scenario, "vantage-a", lab))
            counts: list[int | None] = []
            lost = total = 0
            seconds = 0.0
            for seed in range(runs):
                worker.pipe.send((kind, seed))
                outcomes, took_s = worker.receive(MOST_S)
                counts.append(needed(outcomes))
                lost += sum(control for _, control in outcomes)
                total += len(outcomes)
                seconds += took_s
            worker.end()
            shown = sorted(count for count in counts if count is not None)
            middle = shown[len(shown) // 2] if shown else None
            print(
                f"{keys.partition(':')[0]}, {box}: {len(shown)} of {runs} runs within {BAR} pairs, median {middle}, "
                f"most {shown[-1] if shown else None}; control's arm lost {lost / total:.0%}, "
                f"{seconds / runs:.0f} s a run",
                flush=True,
            )


if __name__ == "__main__":
    main()
