"""Diverts plain HTTP to a proxy, which asks in the client's place, says so in a header, and may add a notice to pages.

What the proxy does stands in :mod:`lab.servers.proxy`. Its host must be of the
role ``proxy``, and in a network whose packets the box does not look at, or the
proxy's own requests would be diverted too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from lab.divert import diverted
from lab.yaml_values import LABEL, NAMES
from probe.schedule.yaml_reader import Record, optional, required
from probe.schedule.yaml_scalars import text

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet

_PORTS: Final = (80,)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransparentProxy:
    """The box. ``names`` narrow where the notice is put: without them, into every page."""

    needs_path: ClassVar[bool] = True
    proxy: str
    notice: str | None = None
    names: tuple[str, ...] = ()

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow
        return [diverted(packet, self.proxy, _PORTS) or packet]


RECORD = Record(TransparentProxy, {"proxy": required(LABEL), "notice": optional(text(300)), "names": optional(NAMES)})
