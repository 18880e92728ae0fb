"""Diverts TLS to a proxy that forges the certificates of some names and reads along, as in Kazakhstan in 2019.

The forged leaf has the genuine one's subject, names, dates and serial number;
only its issuer and key differ. TLS to all other names passes through the proxy
untouched, and QUIC past it. Without names it reads all TLS, as an office does. What the proxy does stands in
:mod:`lab.servers.proxy`. Its host must be of the role ``proxy``, and in a network
whose packets the box does not look at, or its own connections would be diverted
too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from lab.divert import diverted
from lab.yaml_values import LABEL, NAMES
from probe.schedule.yaml_reader import Record, optional, required

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet

_PORTS: Final = (443,)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsInterception:
    """The box."""

    needs_path: ClassVar[bool] = True
    proxy: str
    names: tuple[str, ...] = ()
    """Empty for all."""

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow
        return [diverted(packet, self.proxy, _PORTS) or packet]


RECORD = Record(HttpsInterception, {"proxy": required(LABEL), "names": optional(NAMES)})
