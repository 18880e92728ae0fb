"""Forges DNS answers on the path: answers queries for a name at once, and lets the query pass.

The forged answer wins the race because it is nearer; the true one still arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.dissect import NOERROR, NXDOMAIN, dns_answer, is_name_under
from lab.inject import answer_instead
from lab.reading import question_sent
from lab.yaml_values import ADDRESS, NAMES
from probe.schedule.yaml_reader import ListOf, Record, optional, required
from probe.schedule.yaml_scalars import boolean

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Address, Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsInjection:
    """The box. Without ``addresses`` it answers NXDOMAIN."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...] = ()
    is_query_dropped: bool = False

    @property
    def needs_path(self) -> bool:
        """Tell whether it has to keep something back."""
        return self.is_query_dropped

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # a query is a packet of its own
        question = question_sent(packet)
        if question is None or not is_name_under(question.name, self.names):
            return [packet]
        message = dns_answer(question, self.addresses, rcode=NOERROR if self.addresses else NXDOMAIN)
        forged = answer_instead(packet, message)
        return forged if self.is_query_dropped else [*forged, packet]


RECORD = Record(
    DnsInjection,
    {
        "names": required(NAMES),
        "addresses": optional(ListOf(ADDRESS)),
        "drop_query": optional(boolean, into="is_query_dropped"),
    },
)
