"""Lets through what is on a list and swallows the rest: names in DNS, TLS, HTTP and QUIC, and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.dissect import is_name_under, request_head, server_name
from lab.packet import UDP
from lab.quic_initial import server_name_in
from lab.reading import question_sent
from lab.yaml_values import NAMES, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, UnfitError, optional

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow
    from lab.packet import Packet


_HELLO_BYTES = 4096
"""No ClientHello or request head is longer; who has sent more without a name has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """The box. TCP to other addresses may open, so that its name can be read, and goes on if the name is listed."""

    needs_path: ClassVar[bool] = True
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        if flow.state is None:
            flow.state = self._decide(packet, flow)
        return [] if flow.state is False else [packet]

    def _decide(self, packet: Packet, flow: Flow) -> bool | None:
        """Tell whether a flow may go on; ``None`` while it has said too little."""
        if any(end in network for network in self.addresses for end in (packet.source, packet.destination)):
            return True
        if not self.names:
            return False
        question = question_sent(packet)
        if question is not None:
            return is_name_under(question.name, self.names)
        if packet.protocol == UDP:
            name, is_all_said = server_name_in(flow.client_datagrams()), len(flow.client_datagrams()) > 1
        else:
            stream = flow.client_stream()
            head = request_head(stream)
            name = head.host if head else server_name(stream)
            is_all_said = len(stream) > _HELLO_BYTES
        if name is not None:
            return is_name_under(name, self.names)
        return False if is_all_said else None


def _allow_list(**values: tuple[object, ...]) -> AllowList:
    if not values:
        raise UnfitError("names", "names or addresses that are let through")
    return AllowList(**values)  # type: ignore[arg-type]  # its own fields, by name


RECORD = Record(_allow_list, {"names": optional(NAMES), "addresses": optional(ListOf(PREFIX, at_least=1))})
