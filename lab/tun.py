"""The inside of a host: its TUN device, its addresses, its default route.

The device carries bare IP packets (``IFF_NO_PI``): what the host's kernel sends
can be read from the descriptor, and what is written to it has arrived. Netlink
is spoken by pyroute2, on a socket opened inside the namespace.

These calls block for a moment; from an event loop, run them in a thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.namespace import entered

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

DEVICE = "tun0"

# include/uapi/linux/if_tun.h
_TUNSETIFF = 0x400454CA
_TUNSETCARRIER = 0x400454E2
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000

_IFA_F_NODAD = 0x02  # nobody else is on the wire, so waiting for a duplicate address would only cost time
# include/uapi/linux/rtnetlink.h
_RTN_LOCAL = 2
_RT_SCOPE_HOST = 254
_RT_TABLE_LOCAL = 255
# include/uapi/linux/in.h and in6.h
_IP_TRANSPARENT = 19
_IPV6_TRANSPARENT = 75

_ANY_TABLE = 100  # any number and place that the kernel leaves free, before the main table's 32766


@dataclass(frozen=True, slots=True)
class Interface:
    """What a host's one interface is to have."""

    addresses: tuple[IPv4Address | IPv6Address, ...]
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whole networks that the host answers for, every address of them."""
    is_any: bool = False
    """Whether it takes every packet that arrives, whatever its destination; see :func:`speak_for_any`."""
    mtu: int = 1500


def open_tun() -> int:
    """Make the TUN device in the calling thread's namespace; gives its descriptor, non-blocking."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def attach(path: str, interface: Interface) -> int:
    """Make the device of the namespace at ``path``, bring it up, and give its descriptor."""
    with entered(path):
        descriptor = open_tun()
    bring_up(path, interface)
    return descriptor


def bring_up(path: str, interface: Interface) -> None:
    """Bring loopback and the device up, with addresses and default routes. May be called again."""
    from pyroute2 import IPRoute  # 0.2 s; only the lab's own processes need it

    with entered(path), IPRoute() as netlink:
        netlink.link("set", index=1, state="up")
        index = _index(netlink)
        netlink.link("set", index=index, state="up", mtu=interface.mtu)
        for address in interface.addresses:
            netlink.addr(
                "replace",
                index=index,
                address=str(address),
                prefixlen=address.max_prefixlen,
                family=_family(address),
                **({"flags": _IFA_F_NODAD} if address.version == 6 else {}),
            )
        for network in interface.networks:  # "AnyIP": one local route instead of an address each
            netlink.route(
                "replace",
                dst=str(network),
                oif=1,
                type=_RTN_LOCAL,
                table=_RT_TABLE_LOCAL,
                scope=_RT_SCOPE_HOST,
                family=_family(network),
            )
        for version, everything in ((4, "0.0.0.0/0"), (6, "::/0")):
            if any(item.version == version for item in (*interface.addresses, *interface.networks)):
                family = socket.AF_INET if version == 4 else socket.AF_INET6
                netlink.route("replace", dst=everything, oif=index, family=family)
                if interface.is_any:
                    _take_any(netlink, everything, family)


def _take_any(netlink: Any, everything: str, family: int) -> None:
    """Make every destination local for what arrives on the device, and for that alone: the host itself dials out."""
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        netlink.rule("add", iifname=DEVICE, table=_ANY_TABLE, priority=_ANY_TABLE, family=family)
    except NetlinkError as error:
        if error.code != errno.EEXIST:  # the rule outlives a device that is down
            raise
    netlink.route(
        "replace", dst=everything, oif=1, type=_RTN_LOCAL, table=_ANY_TABLE, scope=_RT_SCOPE_HOST, family=family
    )


def speak_for_any(made: socket.socket) -> None:
    """Let a socket, before it is bound, answer in the name of addresses that are not its host's.

    It is what a listener needs on a host that takes any destination; the address
    that a client meant is then the accepted socket's own (``getsockname``).
    """
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)


def bring_down(path: str) -> None:
    """Take the device down: the kernel drops its routes and its IPv6 addresses, and packets have no way out."""
    from pyroute2 import IPRoute

    with entered(path), IPRoute() as netlink:
        netlink.link("set", index=_index(netlink), state="down")


def set_carrier(descriptor: int, *, is_present: bool) -> None:
    """Plug or unplug the cable of a device that stays up; what its host sends meanwhile is lost."""
    fcntl.ioctl(descriptor, _TUNSETCARRIER, struct.pack("i", is_present))


def _index(netlink: Any) -> int:
    found: list[int] = netlink.link_lookup(ifname=DEVICE)
    return found[0]


def _family(item: IPv4Address | IPv6Address | IPv4Network | IPv6Network) -> int:
    return socket.AF_INET if item.version == 4 else socket.AF_INET6
