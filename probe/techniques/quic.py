"""The same QUIC handshake with another name: a rule may read Initials and leave TCP alone, or the other way round."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from probe import randomness
from probe.anomaly import Anomaly
from probe.model import TargetKind
from probe.pairs import is_discordant
from probe.swaps import quic
from probe.techniques.technique import Need, Technique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.model import Target
    from probe.record import Step
    from probe.techniques.technique import Case

FIRST = 3
"""At helpers; the rest of the plan's number follows where one of these was discordant."""
AT_TARGET = 2
_OWN_PORT = re.compile(r'\bh3=":(\d{1,5})"')  # RFC 7838, without another host


async def run(case: Case) -> None:
    """Make pairs at helpers, and a few at the target's own address where its pages offer HTTP/3."""
    pairs = case.pairs
    port = http3_port(case.routine_steps)
    swap = quic.swap_of(case.target, port or 443)
    at_helper = pairs.helper_places(swap)
    await _two_innocuous_names(case)
    made = await pairs.several(swap, at_helper, FIRST, case.keep_pair)
    if any(map(is_discordant, made)):
        so_far = sum(map(is_discordant, made))
        await pairs.several(swap, at_helper, pairs.plan.follow_up - FIRST, case.keep_pair, so_far)
    if port is not None:
        await pairs.several(swap, pairs.target_places(swap, case.addresses), AT_TARGET, case.keep_pair)


def http3_port(steps: Sequence[Step]) -> int | None:
    """Give the port at which the target's own pages offer HTTP/3, from their Alt-Svc; ``None`` where they do not."""
    offers = (
        _OWN_PORT.search(value)
        for step in steps
        if step.redirect == 0
        for name, value in step.observation.headers
        if name == "alt-svc"
    )
    ports = [int(offer[1]) for offer in offers if offer is not None]
    return next((port for port in ports if 0 < port < 65_536), None)


async def _two_innocuous_names(case: Case) -> None:
    """Make one pair with a control's name: the instrument is tested wherever it is used."""
    controls = [c for c in case.schedule.of_kind(TargetKind.CONTROL_ABROAD) if _is_https(c)]
    if controls:
        drawn = controls[randomness.below(case.seed, "quic control", case.number, len(controls))]
        swap = quic.swap_of(drawn, 443)
        await case.pairs.several(swap, case.pairs.helper_places(swap), 1, case.keep_pair)


def _is_https(target: Target) -> bool:
    return target.url.startswith("https:")


QUIC = Technique(
    name="quic",
    summary="the same QUIC handshake with another name, order drawn at random",
    looks_into=frozenset({Anomaly.UNANSWERED, Anomaly.DISCORDANT}),
    needs=frozenset({Need.HTTPS, Need.AIOQUIC, Need.QUIC_PEER}),
    most_bytes=250_000,
    most_s=120.0,
    run=run,
)
