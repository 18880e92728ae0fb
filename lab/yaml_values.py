"""The values that stand in the lab's YAML files, each read and checked in one place."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final

from probe.schedule.names import HOST_NAME
from probe.schedule.yaml_reader import ListOf
from probe.schedule.yaml_scalars import matching, number, scalar

if TYPE_CHECKING:
    from pathlib import Path

    from lab.packet import Address
    from probe.schedule.yaml_reader import Parser

LABEL: Final = matching(r"[a-z0-9][a-z0-9-]{0,39}", "a name of small letters, digits and - (at most 40)")

LINK_NAME: Final = matching(r"[a-z0-9-]{1,40}--[a-z0-9-]{1,40}", "the two ends of a link, as core-a--gateway")

COUNTRY: Final = matching(r"[A-Z]{2}", "a country as two capital letters")

ADDRESS: Final[Parser[Address]] = scalar(ip_address, "an IP address")

PREFIX: Final[Parser[IPv4Network | IPv6Network]] = scalar(ip_network, "a network such as 5.1.0.0/16")

NAMES: Final = ListOf(HOST_NAME, at_least=1)
"""Domains; a box that is given one acts on its subdomains too."""

SHARE: Final = number(0, 1)
"""Of flows, drawn anew for each connection."""


def names_in(folder: Path) -> list[str]:
    """Give the names of the YAML files in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))
