"""What every kind of refusal has in common: its one signature, and whom it concerns.

The kinds are in :mod:`lab.refusals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from lab.yaml_values import COUNTRY, LABEL, SHARE
from probe.schedule.names import VIDEO
from probe.schedule.yaml_reader import ListOf, optional, required
from probe.schedule.yaml_scalars import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.dissect import RequestHead
    from lab.servers.http import Answer, Client
    from lab.servers.playability import Playability
    from lab.site import Site
    from probe.schedule.yaml_reader import Parser


class Refusal(Protocol):
    """The one signature of every refusal: a request and who makes it, in; what is said instead, out."""

    def __call__(self, request: RequestHead, client: Client) -> Answer | Playability | None:
        """Give an answer of its own, or how the video that is asked for stands; ``None`` where it minds nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSome:
    """Whom a refusal concerns: everybody, unless it names countries, networks or a share of connections."""

    countries: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    share: float = 1.0

    def concerns(self, client: Client) -> bool:
        """Tell whether a client is among them. Nobody is in an unknown country."""
        is_country = not self.countries or client.country in self.countries
        is_network = not self.networks or client.network in self.networks
        return is_country and is_network and client.draw < self.share


COUNTRIES: Final = ListOf(COUNTRY, at_least=1)

FOR_SOME: Final = {
    "countries": optional(COUNTRIES),
    "networks": optional(ListOf(LABEL, at_least=1)),
    "share": optional(SHARE),
}
"""The keys of :class:`ForSome`."""


def one_status(*statuses: int) -> Parser[int]:
    """Parse one of a few HTTP statuses."""
    written = one_of(*map(str, statuses))
    return lambda place: int(written(place))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfVideos:
    """Which videos of a platform a refusal is about."""

    videos: tuple[str, ...]


OF_VIDEOS: Final = {"videos": required(ListOf(VIDEO, at_least=1))}
"""The keys of :class:`OfVideos`."""


def videos_missing(refusal: Refusal, site: Site) -> Sequence[str]:
    """Give the videos that a refusal is about and the site does not have: a scenario with such is refused."""
    return [video for video in refusal.videos if video not in site.videos] if isinstance(refusal, OfVideos) else []
