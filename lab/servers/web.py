"""Web origins: at each address the sites that the topology puts there, chosen by SNI and by Host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.servers.certificates import context_of
from lab.servers.http import Answer, page

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from lab.dissect import RequestHead
    from lab.topology import Site


def respond_with(sites: Sequence[Site], *, is_tls: bool) -> Callable[[RequestHead, bytes], Answer]:
    """Make the function that answers a request at an address where ``sites`` live."""

    def respond(head: RequestHead, body: bytes) -> Answer:
        del body
        site = next((site for site in sites if head.host in site.names), None)
        if site is None:
            return Answer(404, page("Not found", "No such site at this address."))
        if not is_tls and site.is_https and site.is_http_redirected:
            return Answer(301, location=f"https://{head.host}{head.path}")
        found = site.pages.get(head.path)
        if found is not None:
            return Answer(found.status, page(found.title, found.body) if found.status != 204 else b"")
        return Answer(200, page(site.title, site.body))

    return respond


def respond_as_portal(names: Sequence[str]) -> Callable[[RequestHead, bytes], Answer]:
    """Make the function that answers as a captive portal: its own page under its names, a redirect for all else."""
    login = Answer(200, page("Welcome to the guest network", "Accept the terms to go online."))

    def respond(head: RequestHead, body: bytes) -> Answer:
        del body
        return login if head.host in names else Answer(302, location=f"http://{names[0]}/login")

    return respond


def front(sites: Sequence[Site], leaves: Mapping[str, bytes]) -> ssl.SSLContext | None:
    """Make the TLS context of an address: the site that the SNI names, else the first; ``None`` if none has TLS.

    ``leaves`` has the key and chain (PEM) of each site under its first name.
    """
    contexts = {site.names: context_of(leaves[site.names[0]]) for site in sites if site.is_https}
    if not contexts:
        return None

    def choose(connection: ssl.SSLSocket | ssl.SSLObject, server_name: str | None, _: object) -> None:
        for names, of_site in contexts.items():
            if server_name in names:
                connection.context = of_site

    first = next(iter(contexts.values()))
    first.set_servername_callback(choose)
    return first
