"""The machine: its interfaces, its power, and which boot this is. psutil knows each system's own way."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAINS, BATTERY = "mains", "battery"


def is_interface_up() -> bool | None:
    """Tell whether any interface but loopback is up and has carrier."""
    return bool(interfaces_up())


def interfaces_up() -> list[str]:
    """List the interfaces but loopback that are up and have carrier."""
    import psutil  # here, because a plan or a report needs no interface

    stats = psutil.net_if_stats()
    return sorted(name for name, stat in stats.items() if stat.isup and "loopback" not in stat.flags and name != "lo")


def own_addresses() -> Mapping[str, tuple[IPv4Address | IPv6Address, ...]]:
    """Give the addresses of every interface that reach beyond this link, to be hashed or looked up: never stored."""
    import psutil

    found: dict[str, tuple[IPv4Address | IPv6Address, ...]] = {}
    for name, addresses in psutil.net_if_addrs().items():
        parsed = [_parsed(address.address) for address in addresses]
        found[name] = tuple(a for a in parsed if a is not None and not a.is_loopback and not a.is_link_local)
    return found


def power() -> tuple[str | None, int | None]:
    """Give ``mains`` or ``battery``, and the charge in tens of percent; ``None`` where there is no battery to tell."""
    import psutil

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, ValueError, RuntimeError):  # a system or a driver that does not tell
        return None, None
    if battery is None or battery.power_plugged is None:
        return None, None
    percent = max(0, min(100, int(battery.percent)))
    return (MAINS if battery.power_plugged else BATTERY), percent // 10 * 10


def boot_id() -> str | None:
    """Give the kernel's name for this boot, to be hashed; ``None`` where the system has none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()[:64] or None
    except (OSError, UnicodeDecodeError):
        return None


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None  # a hardware address
