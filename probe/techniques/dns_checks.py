"""Names that nobody has, asked of the resolvers: does one of them answer what it should deny?

Some resolvers send whoever mistypes a name to a page of theirs, and some
portals answer everything. What such a resolver says of a name that does not
exist is no trace of a rule on it. The names are random labels under controls'
own: nobody asked for them before, and no list holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe import measure, randomness
from probe.anomaly import Anomaly
from probe.model import TargetKind
from probe.techniques.technique import Technique

if TYPE_CHECKING:
    from probe.techniques.technique import Case

NAMES = 2
"""Under different controls: one zone may honestly answer for every label."""
_SHAPE = "bcdfghjklmnp"
"""Consonants are drawn for consonants: 20 to the 12th labels."""


async def run(case: Case) -> None:
    """Ask every resolver that is asked in the clear for two names that do not exist."""
    controls = case.schedule.of_kind(TargetKind.CONTROL_ABROAD, TargetKind.CONTROL_HOME)
    hosts = list(dict.fromkeys(measure.Page.of(control.url).host for control in controls))
    order = randomness.permutation(case.seed, "dns-checks", case.number, len(hosts))
    plain = [resolver for resolver in case.tools.resolvers if not resolver.transport.is_encrypted]
    for number, place in enumerate(order[:NAMES]):
        label = randomness.scramble(case.seed, case.number * NAMES + number, _SHAPE)
        for seen in await measure.resolve(f"{label}.{hosts[place]}", plain, case.tools):
            case.keep(seen, variant="unused")


DNS_CHECKS = Technique(
    name="dns-checks",
    summary="names that nobody has, asked of every resolver in the clear",
    looks_into=frozenset({Anomaly.ODD_NAME}),
    most_bytes=8_000,
    most_s=20.0,
    run=run,
)
