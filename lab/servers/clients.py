"""Who asks: a server of the lab knows a client's country and network by its source address, as geolocation does."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from lab.routing import PrefixTable
from lab.servers.http import Client

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from lab.servers.http import FindClient
    from lab.topology import Network


def client_finder(networks: Mapping[str, Network], draws: random.Random) -> FindClient:
    """Make the function that tells who asks: the network with the longest prefix that holds the address."""
    table = PrefixTable(
        (prefix, (name, network.country)) for name, network in networks.items() for prefix in network.prefixes
    )

    def find(source: str) -> Client:
        address = ip_address(source)
        network, country = table.find(address) or (None, None)
        return Client(address, country, network, draws.random())

    return find
