"""What one measurement costs the analysis, and what it costs as the fleet doubles; with its memory.

A fleet and its sentinel ask the same names, nearly all of them calm: one vantage in eight finds one
of twelve names reset, with pairs that show it. No database is read or written: only concluding counts.
Prints, for each size, the microseconds a measurement by stage, then the ratio of the larger fleet to the smaller.

    .venv/bin/python bench/analyze.py [VANTAGES] [CYCLES]
"""

from __future__ import annotations

import hashlib
import resource
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from typing import TYPE_CHECKING

from analysis.analyse import judge
from analysis.context import facts_of_all
from analysis.events import events_of
from analysis.facts import Answer, CycleFacts, MeasurementFacts, PairFacts, Step, VantageFacts
from analysis.grid import grid_of
from analysis.instrument import defects_of
from analysis.runs import place_bets
from analysis.transfer_runs import place_transfers
from probe.randomness import commitment, is_target_first, scramble

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TARGETS = tuple(f"news{i:02d}.example.com" for i in range(12))
HELPER = "45.33.32.1"
PAIRS = 3


def steps(key: str, name: str, address: str, failure: str | None) -> Iterator[Step]:
    """Give the steps of one measurement: a question, a connection, a handshake, and a page unless it failed."""
    answers = (Answer(addresses=(address,)),)
    yield Step(observation_id=f"{key}.d", operation="dns", name=name, resolver="isp", transport="udp", answers=answers)
    yield Step(observation_id=f"{key}.c", operation="tcp", address=address, port=443)
    heard = failure is None
    yield Step(
        observation_id=f"{key}.t",
        operation="tls",
        address=address,
        port=443,
        failure=failure,
        is_peer_hello_received=heard,
        certificates=("leaf", "root") if heard else (),
    )
    if heard:
        yield Step(
            observation_id=f"{key}.h",
            operation="http",
            url=f"https://{name}/",
            address=address,
            port=443,
            status=200,
            title=name,
            body_sha256=name,
            body_length_bytes=5000,
        )


def pair(key: str, seed: bytes, number: int, name: str, failure: str | None) -> PairFacts:
    """Give one pair at the helper, in the order that the seed says."""
    is_first = is_target_first(seed, number)
    arms = [
        Step(
            observation_id=f"{key}.{arm}{number}",
            operation="tls",
            address=HELPER,
            port=443,
            started_mono_s=number + 0.1 * (is_first != (arm == "a")),
            failure=failed,
        )
        for arm, failed in (("a", failure), ("b", None))
    ]
    return PairFacts(
        pair_id=f"{key}.p{number}",
        number=number,
        name_kind="sni",
        peer="helper",
        address=HELPER,
        port=443,
        target_name=name,
        control_name=scramble(seed, number, name),
        is_target_first=is_first,
        is_negative_control=False,
        target_arm=arms[0],
        control_arm=arms[1],
    )


def cycle(vantage: VantageFacts, index: int, *, is_blocked: bool) -> CycleFacts:
    """Give one pass over the controls, the names, and the controls."""
    cycle_id = f"{vantage.vantage_id}-{index:05d}"
    seed = hashlib.sha256(cycle_id.encode()).digest()
    start = BEGIN + index * timedelta(minutes=15)
    asked = [(f"c{i}.example.net", "control-abroad" if i % 2 else "control-home", "first") for i in range(4)]
    asked += [(name, "target", "main") for name in TARGETS]
    asked += [(name, kind, "last") for name, kind, _ in asked[:4]]
    measurements = []
    for place, (name, kind, round_) in enumerate(asked):
        key = f"{cycle_id}.{place:02d}"
        failure = "connection_reset" if is_blocked and name == TARGETS[0] else None
        first = 1 + place * PAIRS
        numbers = range(first, first + PAIRS) if kind == "target" else ()
        measurements.append(
            MeasurementFacts(
                measurement_id=key,
                cycle_id=cycle_id,
                vantage_id=vantage.vantage_id,
                service=name,
                target=name,
                url=f"https://{name}/",
                kind=kind,
                round=round_,
                started_at=start + place * timedelta(seconds=2),
                steps=tuple(steps(key, name, f"8.40.1.{place + 1}", failure)),
                pairs=tuple(pair(key, seed, number, name, failure) for number in numbers),
            )
        )
    return CycleFacts(
        cycle_id=cycle_id,
        vantage=vantage,
        started_at=start,
        slot_at=start,
        received_at=start + timedelta(minutes=5),
        software_version="1",
        schedule_sha256="0" * 64,
        seed_commitment=commitment(seed),
        outcome="complete",
        seed=seed.hex(),
        measurements=tuple(measurements),
    )


def fleet(vantages: int, cycles: int) -> list[CycleFacts]:
    """Give the passes of a fleet and of its sentinel, in order of time."""
    places = [
        VantageFacts(vantage_id=f"v{i:04d}", country="KZ", region=f"r{i % 14}", network=f"AS{i % 20}")
        for i in range(vantages)
    ]
    sentinel = VantageFacts(vantage_id="sentinel", country="DE", network="AS24940", role="control")
    made = [cycle(place, index, is_blocked=i % 8 == 0) for index in range(cycles) for i, place in enumerate(places)]
    return made + [cycle(sentinel, index, is_blocked=False) for index in range(cycles)]


def measured(vantages: int, cycles: int) -> float:
    """Conclude from a fleet's facts, print the cost by stage, and give the microseconds a measurement."""
    facts = fleet(vantages, cycles)
    measurements = [m for one in facts for m in one.measurements]
    rows = sum(len(m.steps) + 2 * len(m.pairs) for m in measurements)
    marks = [process_time()]
    bets = place_bets(facts)
    transfers = place_transfers(facts, bets.standing_of)
    marks.append(process_time())
    judged = [judge(one) for one in facts_of_all(facts, bets, transfers, defects=defects_of(facts))]
    marks.append(process_time())
    grid = grid_of(facts, (), {j.facts.measurement.measurement_id: j.decision.state.value for j in judged})
    marks.append(process_time())
    events = events_of(
        [(j.facts, j.evidence, j.decision) for j in judged], facts, None, grid=grid, changes_of=bets.changes_of
    )
    marks.append(process_time())
    each = [1e6 * (after - before) / len(measurements) for before, after in pairwise(marks)]
    parts = ", ".join(f"{name} {us:.0f}" for name, us in zip(("pairs", "judging", "grid", "events"), each, strict=True))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{vantages} vantages, {cycles} cycles, {len(measurements)} measurements, {rows} observations:"
        f" cost of one in us: {parts}; {rows / (marks[-1] - marks[0]):.0f} observations/s, {len(events)} events;"
        f" most memory so far {most:.0f} MiB"
    )
    return sum(each)


def main() -> None:
    """Compare a fleet with one twice as large."""
    vantages, cycles = (int(value) for value in (*sys.argv[1:], *("20", "12")[len(sys.argv) - 1 :]))
    small = measured(vantages, cycles)
    large = measured(2 * vantages, cycles)
    print(f"a measurement of twice the fleet costs {large / small:.2f} times as much (1 is linear)")


if __name__ == "__main__":
    main()
