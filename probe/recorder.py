"""The flight recorder: a look at the vantage's own link each minute, online or not.

What it saw while the network was gone is what later tells a pulled plug from a
cut cable. A row a minute would be half a million a year, and each commit wears
the memory card; so a look that saw what the last row says is counted, and not
written (``docs/design/2026-11-23-the-flight-recorder-counts-what-did-not-change.md``):

* what can change for one reason only (carrier, route, power, boot, a gap of our
  own, a step of the clock) is written at once;
* a silence (gateway, hops, resolver) is written once a second look confirms it,
  with the time of the first: one lost packet is no change;
* every tenth look is written whatever it saw.

Where the storage fails, rows wait in memory, a bounded number of them, and are
written later. Nothing here judges.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from probe.link import Link, look
from probe.slots import Look
from probe.store import models
from probe.store.writing import WriteFailedError

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.itself.secret import Keyed
    from probe.limits import Limits
    from probe.net import Net
    from probe.store.database import Database

_log = logging.getLogger(__name__)

PERIOD_S: Final = 60.0
HEARTBEAT_LOOKS: Final = 10
"""A row at least so often: what a power cut takes with it is ten minutes of "as before", and no more."""

MOST_WAITING: Final = 1_440
"""Rows kept in memory while the storage fails: a day in which every look differs, under 2 MB; the oldest go first."""

GAP_S: Final = 1.5 * PERIOD_S
"""Since the look before: above it, a look is missing."""

_AT_ONCE: Final = (
    "is_interface_up",
    "has_default_route",
    "has_ipv6_route",
    "addresses_hash",
    "gateway_hash",
    "power",
    "boot_hash",
    "modem_state",
    "modem_registration",
    "modem_access",
    "modem_failure",
)
_CONFIRMED: Final = ("is_gateway_answering", "is_gateway_neighbour", "last_hop_answering", "is_resolver_answering")


def sample_row(
    link: Link, link_sample_id: str, *, cycle_id: str | None = None, unchanged_looks: int | None = None
) -> models.LinkSample:
    """Give the row of one look."""
    values = {one.name: getattr(link, one.name) for one in fields(link)}
    values["hops"] = None if link.hops is None else list(link.hops)
    return models.LinkSample(
        link_sample_id=link_sample_id, cycle_id=cycle_id, unchanged_looks=unchanged_looks, **values
    )


@dataclass(slots=True)
class FlightRecorder:
    """Looks, and writes down what is news."""

    database: Database
    vantage_id: str
    beacon: str | None
    net: Net
    clock: Clock
    limits: Limits
    hashed: Keyed
    _before: Look | None = None
    _last: Link | None = None
    """What the last row says."""
    _unconfirmed: Link | None = None
    _unchanged: int = 0
    _waiting: deque[models.LinkSample] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))

    async def look(self) -> None:
        """Look once. Whatever goes wrong costs this look, and never the probe."""
        try:
            before, self._before = self._before, Look.at(self.clock)
            self._note(await look(self.beacon, self.net, self.clock, self.limits, self.hashed, before))
            self._write()
        except Exception:  # noqa: BLE001 - see above; it is logged with its traceback
            _log.exception("the flight recorder failed at one look; please report this")

    def _note(self, seen: Link) -> None:
        """Decide whether a look is news, or is counted."""
        is_due = self._unchanged + 1 >= HEARTBEAT_LOOKS
        if self._last is None or is_due or _differs(self._last, seen, _AT_ONCE) or _is_interrupted(seen):
            self._keep(seen)
        elif not _differs(self._last, seen, _CONFIRMED):
            self._unchanged += 1 + (self._unconfirmed is not None)
            self._unconfirmed = None
        elif self._unconfirmed is None:
            self._unconfirmed = seen
        else:
            first, self._unconfirmed = self._unconfirmed, None
            self._keep(first)
            if _differs(first, seen, _CONFIRMED):
                self._unconfirmed = seen
            else:
                self._unchanged = 1

    def _keep(self, seen: Link) -> None:
        if self._unconfirmed is not None:
            unconfirmed, self._unconfirmed = self._unconfirmed, None
            self._keep(unconfirmed)
        name = f"{self.vantage_id}.f{seen.sampled_at:%Y%m%dT%H%M%S}.{secrets.token_hex(4)}"
        self._waiting.append(sample_row(seen, name, unchanged_looks=self._unchanged))
        self._last = seen
        self._unchanged = 0

    def _write(self) -> None:
        if not self._waiting:
            return
        try:
            self.database.append(self.vantage_id, list(self._waiting))
        except WriteFailedError as error:
            _log.warning("%d looks of the flight recorder wait to be stored: %s", len(self._waiting), error)
        else:
            self._waiting.clear()


def _differs(one: Link, other: Link, names: tuple[str, ...]) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in names)


def _is_interrupted(seen: Link) -> bool:
    """Tell whether a look was missed, the machine slept, or its clock stepped since the one before."""
    return (seen.since_last_s or 0.0) > GAP_S or (seen.suspended_s or 0.0) > 1.0 or bool(seen.clock_step_s)
