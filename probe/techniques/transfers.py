"""The same transfer under another name: whether the name is slow, or the line is.

The first pair is twice as long as the page that was slow, so that what slowed
the page shows, whatever burst it let through before; where the look merely
takes its turn, it is short. It goes on only while the two rates differ; then
the rest of the pairs are as long as the slower arm needs to show its rate, so
that the bytes reach for enough pairs to call it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import SLOW_BYTES_PER_S, Anomaly
from probe.model import Operation, TargetKind
from probe.rates import ARM_S, ENOUGH_BYTES, are_comparable, brought_bytes, is_far_apart, log_ratio, rate_bytes_s
from probe.swaps import transfer
from probe.techniques.technique import Need, SpentError, Technique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.record import PairOfSteps
    from probe.swaps.swap import Place
    from probe.techniques.technique import Case

IN_TURN_BYTES = 64_000
"""Of the first pair where nothing is odd: at 140 kbit/s 64 kB take longer than 3 s."""
OF_SLOW_BYTES = (128_000, 512_000)
"""Bounds of the first pair for a slow page."""
REST_BYTES = (64_000, 384_000)
"""Bounds of the others."""
MOST_PAIRS = 20
ENOUGH_CRAWLING = 5
"""Pairs in which both names crawled alike."""
ENOUGH_AGAINST = 3
"""Pairs in which the target was not the slower one: with them, 20 pairs come to no E of a thousand."""
ENOUGH_BROKEN = 3
"""Pairs that show no rates, where those that do are no more: what breaks an arm before it begins is for name-swap
pairs to find."""
_HANDSHAKES_BYTES = 6_000
"""Of a pair."""


async def run(case: Case) -> None:
    """Compare at helpers, and at the target's own address too where a page is slow that the helpers do not explain."""
    if randomness.below(case.seed, "transfer control", case.number, 4) == 0:
        await _two_innocuous_names(case)
    at_helper = case.pairs.helper_places(transfer.swap_of(case.target, IN_TURN_BYTES))
    if Anomaly.SLOW not in case.anomalies:
        await _compare(case, at_helper, IN_TURN_BYTES, 1)
        return
    page_bytes = _page_bytes(case)
    first_bytes = _within(OF_SLOW_BYTES, 2 * page_bytes)
    made = await _compare(case, at_helper, first_bytes, ENOUGH_CRAWLING)
    if page_bytes >= ENOUGH_BYTES and not any(map(_differs, made)):
        own = case.pairs.target_places(transfer.swap_of(case.target, first_bytes), case.addresses)
        await _compare(case, own, first_bytes, 1)


async def _compare(case: Case, places: Sequence[Place], first_bytes: int, enough_crawling: int) -> list[PairOfSteps]:
    """Make pairs one by one, alone on the line as far as it is ours, while they tell more and can be paid for."""
    made: list[PairOfSteps] = []
    while places and (length := next_bytes(made, first_bytes, enough_crawling)) is not None:
        wanted = case.pairs.plan.enough_discordant - sum(map(_is_target_slower, made))
        if made and wanted > 0:  # what is left should reach for as many pairs as are wanted
            length = max(REST_BYTES[0], min(length, case.bytes_left // (2 * wanted) - _HANDSHAKES_BYTES))
        if wanted <= 0:
            break
        if not case.set_aside(2 * length + _HANDSHAKES_BYTES):
            raise SpentError
        async with case.pairs.alone:
            pair = await case.pairs.one(transfer.swap_of(case.target, length), places)
        if pair is None:
            break
        case.keep_pair(pair)
        made.append(pair)
    return made


def next_bytes(made: Sequence[PairOfSteps], first_bytes: int, enough_crawling: int) -> int | None:
    """Give the length of the next pair; ``None`` where another would tell nothing more. It steers, and never judges."""
    counted = [pair for pair in made if _is_counted(pair)]
    if len(counted) >= MOST_PAIRS or len(made) - len(counted) >= max(ENOUGH_BROKEN, len(counted)):
        return None
    if not counted:
        return first_bytes
    apart = [pair for pair in counted if _differs(pair)]
    if not apart:
        return first_bytes if all(map(_is_crawling, counted)) and len(counted) < enough_crawling else None
    if len(counted) - sum(map(_is_target_slower, counted)) >= ENOUGH_AGAINST:
        return None
    return _within(REST_BYTES, max(map(_enough_for_slower, apart)))


async def _two_innocuous_names(case: Case) -> None:
    """Make one pair with a control's name: the instrument is tested where it is used."""
    is_secure = case.target.url.startswith("https:")
    abroad = case.schedule.of_kind(TargetKind.CONTROL_ABROAD)
    controls = [control for control in abroad if control.url.startswith("https:") is is_secure]
    if not controls:
        return
    drawn = controls[randomness.below(case.seed, "transfer control's name", case.number, len(controls))]
    swap = transfer.swap_of(drawn, IN_TURN_BYTES)
    async with case.pairs.alone:
        pair = await case.pairs.one(swap, case.pairs.helper_places(swap))
    if pair is not None:
        case.keep_pair(pair)


def _is_counted(pair: PairOfSteps) -> bool:
    return are_comparable(pair.target_arm[-1], pair.control_arm[-1])


def _log_ratio(pair: PairOfSteps) -> float:
    return log_ratio(pair.target_arm[-1], pair.control_arm[-1])


def _differs(pair: PairOfSteps) -> bool:
    return _is_counted(pair) and is_far_apart(_log_ratio(pair))


def _is_target_slower(pair: PairOfSteps) -> bool:
    return _is_counted(pair) and _log_ratio(pair) > 0


def _is_crawling(pair: PairOfSteps) -> bool:
    return all(rate_bytes_s(arm[-1]) < SLOW_BYTES_PER_S for arm in (pair.target_arm, pair.control_arm))


def _enough_for_slower(pair: PairOfSteps) -> int:
    """Give what the slower arm brought, and a quarter more where it was cut: so long a transfer shows its rate."""
    slower = (pair.target_arm if _is_target_slower(pair) else pair.control_arm)[-1]
    brought = brought_bytes(slower)
    return brought * 5 // 4 if slower.failure is not None or slower.is_body_truncated else brought


def _page_bytes(case: Case) -> int:
    """Count what the target's page brought at most."""
    steps = (step.observation for step in case.routine_steps)
    return max((seen.bytes_received for seen in steps if seen.operation is Operation.HTTP), default=0)


def _within(bounds: tuple[int, int], length_bytes: int) -> int:
    least, most = bounds
    return max(least, min(length_bytes, most))


TRANSFERS = Technique(
    name="transfers",
    summary="the same transfer under another name, order drawn at random",
    looks_into=frozenset({Anomaly.SLOW}),
    needs=frozenset({Need.HELPER}),
    most_bytes=2 * OF_SLOW_BYTES[0] + _HANDSHAKES_BYTES,  # to begin with; it goes on while there are bytes left
    most_s=2 * MOST_PAIRS * ARM_S,
    run=run,
)
