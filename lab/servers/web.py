"""Web origins: at each address the sites that the topology puts there, chosen by SNI and by Host.

A site's refusals come before its pages; what they say of a platform's video
holds at its thumbnail and media hosts too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lab.servers import video
from lab.servers.http import Answer, page
from lab.servers.playability import REMOVED, Playability, combined, video_asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.dissect import RequestHead
    from lab.packet import Address
    from lab.refusal import Refusal
    from lab.servers.http import Client, Respond
    from lab.site import Site

_ALT_SVC = ("Alt-Svc", 'h3=":443"; ma=86400')  # RFC 7838: the same site is at UDP port 443


class Web:
    """All the sites of a topology."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites
        self._platforms = {
            host: site
            for site in sites
            if site.videos
            for host in (*site.names, site.thumbnail_host, site.media_host)
            if host is not None
        }
        self.refusals: Mapping[str, Sequence[Refusal]] = {}
        """What sites do against visitors, by a site's first name. They may change while the web is served."""

    def sites_at(self, address: Address) -> list[Site]:
        """Give the sites that are served at an address."""
        return [site for site in self._sites if address in site.everywhere]

    def respond_with(self, sites: Sequence[Site], *, is_secure: bool) -> Respond:
        """Make the function that answers a request where ``sites`` are served; ``is_secure`` over TLS or QUIC."""

        def respond(head: RequestHead, body: bytes, client: Client) -> Answer:
            del body
            site = _site_for(head, sites)
            if site is None:
                return Answer(404, page("Not found", "No such site at this address."))
            if not is_secure and site.is_https and site.is_http_redirected:
                return Answer(301, location=f"https://{head.host}{head.path}")
            answer = self._refused(site, head, client) or self._of_platform(head, client) or _page_of(site, head)
            return replace(answer, headers=(*answer.headers, _ALT_SVC)) if is_secure and site.is_http3 else answer

        return respond

    def _refused(self, site: Site, head: RequestHead, client: Client) -> Answer | None:
        said = (refusal(head, client) for refusal in self.refusals.get(site.names[0], ()))
        return next((answer for answer in said if isinstance(answer, Answer)), None)

    def _of_platform(self, head: RequestHead, client: Client) -> Answer | None:
        platform = self._platforms.get(head.host or "")
        if platform is None:
            return None
        said = [refusal(head, client) for refusal in self.refusals.get(platform.names[0], ())]
        playability = combined([one for one in said if isinstance(one, Playability)])
        return video.respond(platform, head, playability if video_asked(head) in platform.videos else REMOVED)


def _site_for(head: RequestHead, sites: Sequence[Site]) -> Site | None:
    named = next((site for site in sites if head.host in site.names), None)
    return named or next((site for site in sites if site.is_catch_all), None)


def _page_of(site: Site, head: RequestHead) -> Answer:
    found = site.pages.get(head.path)
    if found is None:
        return Answer(200, page(site.title, site.body))
    body = page(found.title, found.body, size_bytes=found.size_bytes) if found.status not in {204, 304} else b""
    return Answer(found.status, body, location=found.location)


def respond_as_portal(names: Sequence[str]) -> Respond:
    """Make the function that answers as a captive portal: its own page under its names, a redirect for all else."""
    login = Answer(200, page("Welcome to the guest network", "Accept the terms to go online."))

    def respond(head: RequestHead, body: bytes, client: Client) -> Answer:
        del body, client
        return login if head.host in names else Answer(302, location=f"http://{names[0]}/login")

    return respond
