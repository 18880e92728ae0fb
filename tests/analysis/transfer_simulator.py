"""Paired transfers over lines that are bad in many ways, none of which reads a name; and over one that does.

The probe's own rules say how many pairs are made and how long they are; the
order of each pair follows from the cycle's seed. What a line does depends on
time, on what was sent before, and on chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.facts import MeasurementFacts, PairFacts, Step
from probe.randomness import is_target_first, scramble
from probe.rates import ARM_S
from probe.techniques.transfers import ENOUGH_CRAWLING, next_bytes
from tests.analysis.fact_builder import HELPER, CycleBuilder, new_id, reached

if TYPE_CHECKING:
    from numpy.random import Generator

    from analysis.facts import CycleFacts

TARGET = "news.example.com"
FOLLOW_UP_BYTES = 3_000_000
STEP_S = 0.05

Rate = Callable[[float, int, bool], float]
"""(seconds since the line began, of which pair, is it the second arm) -> bytes a second that the line carries now."""


@dataclass
class Line:
    """One line: how fast it is at each moment, and how long its round trip takes."""

    rate: Rate
    round_trip_s: float
    burst_bytes: float = 0.0
    """Of a token bucket that all flows share; 0 for none."""
    bucket_rate: float = math.inf
    _tokens: float = 0.0
    _filled_at: float = 0.0

    def carry(self, began_s: float, length: int, pair: int, *, is_second: bool) -> Step:
        """Send one arm, and give its last step."""
        now, count = began_s + self.round_trip_s, 0.0
        points = [(self.round_trip_s, 0)]
        while count < length and now < began_s + ARM_S:
            sent = min(self.rate(now, pair, is_second) * STEP_S, length - count)
            if self.burst_bytes:
                refilled = self._tokens + (now - self._filled_at) * self.bucket_rate
                self._tokens, self._filled_at = min(self.burst_bytes, refilled), now
                sent = min(sent, self._tokens)
                self._tokens -= sent
            count += sent
            now += STEP_S
            points.append((now - began_s, int(count)))
        points.append((now - began_s, int(count)))
        return Step(
            observation_id=new_id(),
            operation="http",
            address=HELPER,
            port=443,
            url=f"https://{TARGET}/",
            status=200,
            is_genuine=True,
            is_body_truncated=count < length,
            first_byte_s=self.round_trip_s,
            started_mono_s=began_s,
            duration_s=now - began_s,
            progress=tuple(points),
        )


# ---------------------------------------------------------------- lines that read no name


def jumping(rng: Generator, spread: float, mean_s: float) -> Rate:
    """Make a rate that jumps at random moments to a multiple drawn anew."""
    base = math.exp(rng.uniform(math.log(20_000), math.log(2_000_000)))
    jumps: list[tuple[float, float]] = [(0.0, base)]

    def rate(now: float, pair: int, is_second: bool) -> float:
        del pair, is_second
        while jumps[-1][0] <= now:
            jumps.append((jumps[-1][0] + rng.exponential(mean_s), base * math.exp(rng.normal(0.0, spread))))
        return next(value for until, value in reversed(jumps) if until <= now)

    return rate


def congested(rng: Generator) -> Line:
    return Line(jumping(rng, rng.uniform(0.3, 2.0), rng.uniform(0.3, 20.0)), rng.uniform(0.02, 0.6))


def flapping(rng: Generator) -> Line:
    """Up and down, some of it in step with the arms."""
    up_s, down_s = rng.uniform(0.2, 8.0), rng.uniform(0.2, 8.0)
    base = math.exp(rng.uniform(math.log(50_000), math.log(2_000_000)))
    return Line(lambda now, _pair, _second: base if now % (up_s + down_s) < up_s else 0.0, rng.uniform(0.02, 0.4))


def swollen_buffer(rng: Generator) -> Line:
    """What the first arm left in a buffer slows the second, always and by far; or the first wakes a sleeping radio."""
    factor = math.exp(rng.uniform(math.log(0.05), math.log(20.0)))
    base = math.exp(rng.uniform(math.log(30_000), math.log(1_000_000)))
    return Line(lambda _now, _pair, second: base * (factor if second else 1.0), rng.uniform(0.02, 0.4))


def shared_bucket(rng: Generator) -> Line:
    """A tariff's shaper with a burst: who comes first has it."""
    return Line(
        lambda _now, _pair, _second: 1_000_000.0,
        rng.uniform(0.02, 0.4),
        burst_bytes=rng.uniform(20_000, 300_000),
        bucket_rate=rng.uniform(5_000, 60_000),
    )


def split(rng: Generator) -> Line:
    """Each flow takes one of two ways, and one of them crawls."""
    share, slow = rng.uniform(0.1, 0.9), rng.uniform(0.01, 0.4)
    ways: dict[tuple[int, bool], float] = {}

    def rate(now: float, pair: int, is_second: bool) -> float:
        del now
        way = ways.setdefault((pair, is_second), slow if rng.random() < share else 1.0)
        return 500_000.0 * way

    return Line(rate, rng.uniform(0.02, 0.4))


def drifting(rng: Generator) -> Line:
    """Worse and worse, or better and better."""
    halving_s = rng.uniform(3.0, 60.0) * rng.choice([-1.0, 1.0])
    base = math.exp(rng.uniform(math.log(50_000), math.log(1_000_000)))

    def rate(now: float, pair: int, is_second: bool) -> float:
        del pair, is_second
        return float(np.clip(base * 2.0 ** (-(now % 240.0) / halving_s), 2_000.0, 5_000_000.0))

    return Line(rate, rng.uniform(0.02, 0.4))


DAMAGE: tuple[Callable[[Generator], Line], ...] = (congested, flapping, swollen_buffer, shared_bucket, split, drifting)


# ---------------------------------------------------------------- episodes


def episode(
    rng: Generator, name: str, line: Line, *, cycles: int = 6, policed_bytes_s: float | None = None
) -> list[CycleFacts]:
    """Give the cycles of one vantage whose every page is slow; its sentinel beside it is calm.

    ``policed_bytes_s``: a box polices the target's own name, behind a burst of 8 kB.
    """
    made: list[CycleFacts] = []
    for index in range(cycles):
        builder = CycleBuilder(vantage=name, index=index, network=None)
        cycle = builder.controls().add(TARGET, reached()).build()
        made.append(_with(cycle, _pairs(rng, builder, line, 240.0 * index, policed_bytes_s)))
        sentinel = CycleBuilder(vantage=f"{name}-sentinel", index=index, role="control", network=None)
        calm = sentinel.controls().add(TARGET, reached()).build()
        still = Line(lambda _now, _pair, _second: 1_000_000.0, 0.05)
        made.append(_with(calm, [_pair(sentinel, still, 1, 64_000, 0.0, None)]))
    return made


def _pairs(
    rng: Generator, builder: CycleBuilder, line: Line, now: float, policed_bytes_s: float | None
) -> list[PairFacts]:
    first_bytes = int(rng.integers(128_000, 512_000))
    made: list[PairFacts] = []
    spent = 0
    while (length := next_bytes(_as_steps(made), first_bytes, ENOUGH_CRAWLING)) is not None:
        if spent + 2 * length > FOLLOW_UP_BYTES:
            break
        pair = _pair(builder, line, len(made) + 1, length, now, policed_bytes_s)
        for arm in (pair.target_arm, pair.control_arm):
            assert arm is not None
            now = max(now, arm.started_mono_s + arm.duration_s)
            spent += arm.progress[-1][1]
        now += float(rng.exponential(0.2))
        made.append(pair)
    return made


def _pair(
    builder: CycleBuilder, line: Line, number: int, length: int, now: float, policed_bytes_s: float | None
) -> PairFacts:
    is_first = is_target_first(builder.seed, number)
    arms: dict[bool, Step] = {}
    for is_second in (False, True):
        is_target = is_first is not is_second
        way = line
        if is_target and policed_bytes_s is not None:
            way = Line(line.rate, line.round_trip_s, 8_000.0, policed_bytes_s, 8_000.0, now)
        arms[is_target] = way.carry(now, length, number, is_second=is_second)
        now += arms[is_target].duration_s + 3 * line.round_trip_s
    return PairFacts(
        pair_id=f"{builder.cycle_id}.t{number}",
        number=number,
        name_kind="sni",
        peer="helper",
        address=HELPER,
        port=443,
        target_name=TARGET,
        control_name=scramble(builder.seed, number, TARGET),
        is_target_first=is_first,
        is_negative_control=False,
        target_arm=arms[True],
        control_arm=arms[False],
        technique="transfers",
    )


def _as_steps(pairs: list[PairFacts]) -> Any:
    """Give the pairs as the probe holds them: each arm its steps, of which the last one counts."""
    return [SimpleNamespace(target_arm=(p.target_arm,), control_arm=(p.control_arm,)) for p in pairs]


def _with(cycle: CycleFacts, transfers: list[PairFacts]) -> CycleFacts:
    return replace(
        cycle,
        measurements=tuple(
            replace(cast("MeasurementFacts", m), transfers=tuple(transfers)) if m.target == TARGET else m
            for m in cycle.measurements
        ),
    )
