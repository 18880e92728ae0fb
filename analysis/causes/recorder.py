"""What dark vantages' flight recorders saw of the way out: how far packets still came, and modems that were refused.

No hop after the k-th says where it is dark, and not why: a router that was told
to drop everything and one whose fibre is cut are equally silent. A network that
answers a registered modem with a refusal is alive and says no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.ledger import Entry
from analysis.rules.itself import REFUSALS, REGISTERED
from analysis.times import iso

if TYPE_CHECKING:
    from analysis.causes.happening import Happening, Known, Outage
    from analysis.facts import LinkFacts

REFUSED_ONE = 0.3
"""One modem that is refused may be out of credit."""
REFUSED_NETWORK = 1.0
"""Two of one operator at once are not out of credit; the operator's own core may have failed."""
REFUSED_NETWORKS = 1.5
"""The cores of two operators do not fail at once; something that both hang on may."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give what the recorders of the dark vantages saw."""
    return (*_hops(happening, known), *_refusals(happening, known))


def looks_within(outage: Outage, known: Known) -> list[LinkFacts]:
    """Give the looks of a vantage while it was surely dark."""
    return [
        look for look in known.looks_of(outage.vantage_id) if outage.onset_before <= look.sampled_at <= outage.end_after
    ]


def _hops(happening: Happening, known: Known) -> list[Entry]:
    reached: dict[str, int] = {}
    for outage in happening.outages:
        looks = [look for look in looks_within(outage, known) if look.is_interface_up]
        hops = [look.last_hop_answering for look in looks if look.last_hop_answering is not None]
        if hops:
            reached[outage.vantage_id] = max(hops)
    if not reached:
        return []
    told = ", ".join(f"{vantage} hop {hop}" for vantage, hop in sorted(reached.items()))
    text = f"With carrier up, the last hop that answered in the dark was: {told}. It says where, and not why."
    return [Entry("B", "recorder.hops", 0.0, _seen(happening, reached), text)]


def _refusals(happening: Happening, known: Known) -> list[Entry]:
    refused: dict[str, str] = {}
    networks = set()
    for outage in happening.joint:
        earlier = [look for look in known.looks_of(outage.vantage_id) if look.sampled_at < outage.onset_before]
        had_data = bool(earlier) and earlier[-1].modem_failure not in REFUSALS
        for look in looks_within(outage, known):
            if look.modem_registration in REGISTERED and look.modem_failure in REFUSALS and had_data:
                refused[outage.vantage_id] = f"{look.modem_failure} at {iso(look.sampled_at)}"
                networks.add(outage.vantage.network)
                break
    if not set(refused) & happening.vantage_ids:
        return []
    weight = REFUSED_ONE if len(refused) < 2 else REFUSED_NETWORK if len(networks) < 2 else REFUSED_NETWORKS
    told = "; ".join(f"{vantage}: {what}" for vantage, what in sorted(refused.items()))
    text = f"Modems stayed registered and were refused a data session that they had before ({told})."
    return [Entry("B", "modem.data_refused", weight, _seen(happening, refused), text)]


def _seen(happening: Happening, vantages: dict[str, object] | dict[str, int] | dict[str, str]) -> tuple[str, ...]:
    return tuple(row for outage in happening.joint if outage.vantage_id in vantages for row in outage.witness)
