"""By which interface packets leave, of what kind it is, and whether proxies are configured.

A VPN shows the network at its other end. Whether one is in use is asked of the
kernel, per address, because rules and half routes make routing tables lie. No
name of an interface is kept, and no address of a proxy.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from probe.itself import machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Address, IPv6Address

INTERFACES = Path("/sys/class/net")
LINE, TUNNEL, PPP = "line", "tunnel", "ppp"

_TUNNEL_TYPES: Final = frozenset({"768", "769", "776", "778", "823"})
"""ARPHRD_TUNNEL, _TUNNEL6, _SIT, _IPGRE, _IP6GRE (linux/if_arp.h)."""
_PPP_TYPE: Final = "512"
_TUNNEL_NAMES: Final = ("utun", "tun", "tap", "wg", "ipsec", "gif")
_TRANSLATED: Final = IPv4Network("192.0.0.0/29")
"""Of 464XLAT (RFC 7335): a tunnel by its looks, and only how an IPv6 line carries IPv4."""


def way_out(own_address: str | None) -> tuple[str | None, bool | None]:
    """Give the kind of the interface that has ``own_address``, and whether another line is up beside it.

    ``line``, ``tunnel``, ``ppp`` (a tunnel or a modem), or ``None`` where the system does not tell.
    """
    addresses = machine.own_addresses()
    own = None if own_address is None else ip_address(own_address)
    name = next((name for name, some in addresses.items() if own in some), None)
    if own is None or name is None:
        return None, None
    kind = LINE if own in _TRANSLATED else kind_of(name)
    return kind, has_other_line(name, addresses)


def has_other_line(name: str, addresses: Mapping[str, tuple[IPv4Address | IPv6Address, ...]]) -> bool:
    """Tell whether another interface, no tunnel, is up and has an address: a tunnel may run over it."""
    return any(other != name and addresses.get(other) and kind_of(other) == LINE for other in machine.interfaces_up())


def kind_of(interface: str) -> str | None:
    """Give the kind of an interface, by what Linux says of it, elsewhere by its name."""
    if sys.platform != "linux":
        if interface.startswith("ppp"):
            return PPP
        return TUNNEL if interface.startswith(_TUNNEL_NAMES) else LINE
    folder = INTERFACES / interface
    if "/" in interface or not folder.is_dir():
        return None
    if (folder / "tun_flags").exists() or "DEVTYPE=wireguard" in _read(folder / "uevent").split():
        return TUNNEL
    kind = _read(folder / "type").strip()
    if kind == _PPP_TYPE:
        return PPP
    return TUNNEL if kind in _TUNNEL_TYPES else LINE


def has_proxy_settings() -> bool:
    """Tell whether the environment or the system names a proxy. Ours is never used: see :mod:`probe.net`."""
    from urllib.request import getproxies  # some MB, and only where a cycle runs

    return _is_any_proxy(getproxies())


def _is_any_proxy(named: Iterable[str]) -> bool:
    return bool(set(named) & {"http", "https", "all", "socks", "ftp"})


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")[:4096]
    except OSError:
        return ""
