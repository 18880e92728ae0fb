"""Closer looks at one target: each a small file with one signature, in the order in which an anomaly climbs them.

Adding a technique is adding a file with a :class:`~probe.techniques.technique.Technique`
and one line here. Its name is a contract: it stands in schedules and in the
``technique`` column of every row that it brought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from probe.techniques import (
    chain,
    controls,
    detour,
    dns_checks,
    locus,
    name_pairs,
    non_resolver,
    packets,
    page,
    qname_pairs,
    quic,
    resolvers,
    retry,
    shape,
    transfers,
    video,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.schedule.model import Schedule
    from probe.techniques.technique import Technique

LADDER: Final[tuple[Technique, ...]] = (
    retry.RETRY,
    resolvers.RESOLVERS,
    page.PAGE,
    controls.CONTROLS,
    name_pairs.PAIRS,
    video.VIDEO,
    non_resolver.NON_RESOLVER,
    qname_pairs.QNAME_PAIRS,
    dns_checks.DNS_CHECKS,
    chain.CHAIN,
    transfers.TRANSFERS,
    detour.DETOUR,
    shape.SHAPE,
    quic.QUIC,
    locus.LOCUS,
    packets.PACKETS,
)
"""Cheap and decisive first; a schedule may leave rungs out, or order them otherwise."""

BY_NAME: Final = {technique.name: technique for technique in LADDER}


def ladder_of(schedule: Schedule) -> Sequence[Technique]:
    """Give the techniques of a schedule's ladder, in order."""
    named = schedule.follow_up.ladder
    return LADDER if named is None else [BY_NAME[name] for name in named]
