"""What the lab's servers serve, as data: names, where they are, and what is said under them.

:mod:`lab.site_file` reads it from YAML; how it is served is :mod:`lab.servers`',
and what a server does against its visitors :mod:`lab.refusals`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.packet import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a site."""

    title: str
    body: str = ""
    status: int = 200
    size_bytes: int = 0
    """The page is filled up to about this size; a larger one stays as it is."""
    location: str | None = None
    """Where a redirect leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One video of a platform."""

    title: str
    size_bytes: int = 1_000_000
    """Of its media."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Names that answer alike, and where."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...]
    title: str
    body: str = ""
    by_country: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    """What a resolver in that country answers instead of ``addresses``, as of a content delivery network."""
    is_https: bool = True
    is_http_redirected: bool = True
    """Whether plain HTTP leads to https; otherwise it serves the same pages."""
    is_http3: bool = False
    is_catch_all: bool = False
    """Whether it answers for every name that no other site at its addresses has, as the server of a block page does."""
    is_whoami: bool = False
    """Whether a resolver answers its own addresses for these names: those from which it would ask."""
    pages: Mapping[str, Page] = field(default_factory=dict)
    """By path and query; every other path has the site's own title and body."""
    videos: Mapping[str, Video] = field(default_factory=dict)
    """By ID; a site with videos is a video platform."""
    thumbnail_host: str | None = None
    media_host: str | None = None
    """Of a platform: names of sites, its own or others, that serve its thumbnails and media."""

    @property
    def everywhere(self) -> tuple[Address, ...]:
        """Give every address at which it is served, each once."""
        return tuple(dict.fromkeys((*self.addresses, *(a for own in self.by_country.values() for a in own))))
