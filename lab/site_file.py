"""Reads the sites of a topology from YAML and checks that they fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.site import Page, Site, Video
from lab.yaml_values import ADDRESS, COUNTRY
from probe.schedule.names import HOST_NAME
from probe.schedule.names import VIDEO as VIDEO_ID
from probe.schedule.yaml_reader import ListOf, MapOf, Placed, Record, UnfitError, optional, required
from probe.schedule.yaml_scalars import boolean, integer, matching, text

if TYPE_CHECKING:
    from probe.schedule.yaml_reader import Place

MAX_BYTES: Final = 5_000_000
"""Of a page or of a video's media: a transfer of 20 s at 2 Mbit/s."""

ADDRESSES: Final = ListOf(ADDRESS, at_least=1)


def _page(**values: Any) -> Page:
    page = Page(**values)
    if (page.location is not None) != (300 <= page.status < 400 and page.status != 304):
        raise UnfitError("location", "a location where the status is a redirect (3xx), and nowhere else")
    return page


PAGE: Final = Record(
    _page,
    {
        "title": required(text(200)),
        "body": optional(text(4000)),
        "status": optional(integer(200, 599)),
        "bytes": optional(integer(1, MAX_BYTES), into="size_bytes"),
        "location": optional(matching(r"(https?:/)?/[!-~]{0,2000}", "a URL, or a path that begins with /")),
    },
    line="title",
)

VIDEO: Final = Record(
    Video,
    {
        "title": required(text(200)),
        "bytes": optional(integer(1, MAX_BYTES), into="size_bytes"),
    },
    line="title",
)


def _site(**values: Any) -> Site:
    site = Site(**values)
    if site.is_http3 and not site.is_https:
        raise UnfitError("http3", "https where there is HTTP/3")
    for key, host in (("thumbnail_host", site.thumbnail_host), ("media_host", site.media_host)):
        if (host is not None) != bool(site.videos):
            raise UnfitError(key, "a thumbnail_host and a media_host where there are videos, and nowhere else")
    return site


SITE: Final = Record(
    _site,
    {
        "names": required(ListOf(HOST_NAME, at_least=1)),
        "addresses": required(ADDRESSES),
        "by_country": optional(MapOf(COUNTRY, ADDRESSES)),
        "title": required(text(200)),
        "body": optional(text(4000)),
        "https": optional(boolean, into="is_https"),
        "http_redirected": optional(boolean, into="is_http_redirected"),
        "http3": optional(boolean, into="is_http3"),
        "catch_all": optional(boolean, into="is_catch_all"),
        "whoami": optional(boolean, into="is_whoami"),
        "pages": optional(MapOf(matching(r"/[!-~]*", "a path that begins with /"), PAGE)),
        "videos": optional(MapOf(VIDEO_ID, VIDEO, at_least=1)),
        "thumbnail_host": optional(HOST_NAME),
        "media_host": optional(HOST_NAME),
    },
)


def sites(place: Place) -> tuple[Site, ...]:
    """Parse the sites of a topology: every name once, and the hosts of a platform's thumbnails and media among them."""
    found = ListOf(Placed(SITE))(place)
    names: set[str] = set()
    for at, site in found:
        for name in site.names:
            if name in names:
                raise at.entries()["names"].expected("names that no other site has", name)
            names.add(name)
    for at, site in found:
        for key, host in (("thumbnail_host", site.thumbnail_host), ("media_host", site.media_host)):
            if host is not None and host not in names:
                raise at.entries()[key].expected("a name of one of the sites", host)
    return tuple(site for _, site in found)
