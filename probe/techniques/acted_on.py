"""Which names something acts on, by what pairs and the routine pass saw: what `locus` and `packets` look into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from probe.addresses import parse_address
from probe.anomaly import Anomaly
from probe.measure import Page
from probe.model import DnsTransport, NameKind, Operation, Peer
from probe.pairs import has_arm_failed
from probe.steps import http, tls
from probe.steps.dns_message import Question
from probe.swaps import swaps_of
from probe.swaps.swap import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probe.model import Observation, Target
    from probe.record import PairOfSteps
    from probe.techniques.technique import Case

ENOUGH_FAILURES = 3
"""Pairs in which the target's name alone failed: fewer may be chance, and there is nothing to look for."""
_DNS_PORT = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One name to look for: where it stands in a message, and where the message goes."""

    kind: NameKind
    operation: Operation
    name: str
    message: Callable[[str], bytes | Question]
    places: tuple[Place, ...]

    @property
    def is_over_udp(self) -> bool:
        """Whether it goes in a single datagram."""
        return self.operation is Operation.DNS


def looked_for(case: Case) -> list[Looked]:
    """List the names that something acts on, by what the pairs and the routine pass saw; :mod:`.packets` asks too."""
    found: list[Looked] = []
    for swap in swaps_of(case.target):
        peer = _peer_of_rule(case.made, swap.kind)
        if peer is None:
            continue
        at_helper = peer is Peer.HELPER
        places = case.pairs.helper_places(swap) if at_helper else case.pairs.target_places(swap, case.addresses)
        is_tls = swap.kind is NameKind.SNI
        found.append(
            Looked(
                kind=swap.kind,
                operation=Operation.TLS if is_tls else Operation.HTTP,
                name=swap.name,
                message=tls.client_hello if is_tls else partial(_request, swap.url_with),
                places=_of_one_family(places),
            )
        )
    is_odd = Anomaly.ODD_NAME in case.anomalies or _peer_of_rule(case.made, NameKind.QNAME) is not None
    if is_odd and (host := _host(case.target)):
        found.append(
            Looked(
                kind=NameKind.QNAME,
                operation=Operation.DNS,
                name=host,
                message=partial(Question.ask, query_type="A"),
                places=_of_one_family(_resolvers(case)),
            )
        )
    return [looked for looked in found if looked.places]


def _peer_of_rule(pairs: Sequence[PairOfSteps], kind: NameKind) -> Peer | None:
    """Say where the name alone fails: at the helper if it does there, because that has many addresses."""
    for peer in (Peer.HELPER, Peer.TARGET):
        alone = [
            _has_failed(pair.peer, pair.target_arm[-1])
            for pair in pairs
            if (pair.name_kind, pair.peer) == (kind, peer)
            and _has_failed(pair.peer, pair.target_arm[-1]) != _has_failed(pair.peer, pair.control_arm[-1])
        ]
        if sum(alone) >= ENOUGH_FAILURES and sum(alone) > 2 * (len(alone) - sum(alone)):
            return peer
    return None


def _has_failed(peer: Peer, last: Observation) -> bool:
    return has_arm_failed(peer=peer, failure=last.failure, is_peer_hello_received=last.is_peer_hello_received)


def _resolvers(case: Case) -> list[Place]:
    """List where a question of ours may go: helpers' addresses, and public resolvers asked over UDP."""
    helpers = [
        Place(Peer.HELPER, str(address), helper.dns_port or _DNS_PORT)
        for helper in case.schedule.helpers
        for address in helper.addresses()
    ]
    return helpers or [
        Place(Peer.TARGET, resolver.address, resolver.port or _DNS_PORT)
        for resolver in case.tools.resolvers
        if resolver.transport is DnsTransport.UDP and resolver.address
    ]


def _of_one_family(places: Sequence[Place]) -> tuple[Place, ...]:
    """Keep to one family: IPv4 and IPv6 take different ways."""
    four = tuple(place for place in places if ":" not in place.address)
    return four or tuple(places)


def _host(target: Target) -> str | None:
    host = Page.of(target.url).host
    return host if parse_address(host) is None else None


def _request(url_with: Callable[[str], str], name: str) -> bytes:
    return http.request_bytes(url_with(name))
