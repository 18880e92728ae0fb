"""Which network (AS) an address lies in, from a table that the volunteer has as a file.

Offline: to ask anybody would tell them who asks. Two formats are read, each
also compressed (``.gz``): iptoasn's, by tabulators, and one of prefixes::

    1.0.0.0<TAB>1.0.0.255<TAB>13335<TAB>US<TAB>CLOUDFLARENET
    1.0.0.0/24,AS13335,US

The file is read from its start for the few addresses that are wanted, and
nothing of it is kept: half a million lines would be memory that a probe lacks.
Lines that are neither are passed over.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Address = IPv4Address | IPv6Address

MAX_BYTES: Final = 512 * 1024 * 1024
"""Read of one table, unpacked; iptoasn's for both families is 40 MB."""

MAX_LINE_BYTES: Final = 1_024
_NUMBER = re.compile(r"(?:AS)?([0-9]{1,10})", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Network:
    """An autonomous system, and where the table has it registered."""

    name: str
    """As ``AS9198``."""
    country: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line: the addresses from ``first`` to ``last`` are ``network``'s."""

    version: int
    first: int
    last: int
    network: Network


def look_up(table: Path, wanted: Iterable[Address]) -> dict[Address, Network]:
    """Find the networks of the addresses; the narrowest range wins. OSError, EOFError for a file that cannot be read.

    Addresses in no range, or in one that belongs to nobody (AS 0), are left out.
    """
    found: dict[Address, tuple[int, Network]] = {}
    numbers = [(address, address.version, int(address)) for address in set(wanted)]
    for row in rows(table):
        for address, version, number in numbers:
            if version == row.version and row.first <= number <= row.last:
                width = row.last - row.first
                if address not in found or width < found[address][0]:
                    found[address] = (width, row.network)
    return {address: network for address, (_, network) in found.items() if network.name != "AS0"}


def rows(table: Path) -> Iterator[Row]:
    """Read the table's rows, at most :data:`MAX_BYTES` of it."""
    with table.open("rb") as packed:
        is_packed = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        lines: BinaryIO = io.BufferedReader(gzip.GzipFile(fileobj=packed)) if is_packed else packed
        left = MAX_BYTES
        while left > 0 and (line := lines.readline(MAX_LINE_BYTES)):
            left -= len(line)
            row = parse(line.decode("ascii", "replace").strip())
            if row is not None:
                yield row


def parse(line: str) -> Row | None:
    """Read one line of either format."""
    fields = line.split("\t") if "\t" in line else line.split(",")
    is_range = len(fields) > 1 and "/" not in fields[0]
    number = _NUMBER.fullmatch(fields[2 if is_range else 1].strip()) if len(fields) > (2 if is_range else 1) else None
    if number is None:
        return None
    try:
        if is_range:
            first, last = ip_address(fields[0].strip()), ip_address(fields[1].strip())
        else:
            whole = ip_network(fields[0].strip(), strict=False)
            first, last = whole.network_address, whole.broadcast_address
    except ValueError:
        return None
    if first.version != last.version or int(first) > int(last) or int(number[1]) >= 2**32:
        return None
    after = [field.strip() for field in fields[3 if is_range else 2 :][:1]]
    country = after[0] if after and _COUNTRY.fullmatch(after[0]) else None
    return Row(first.version, int(first), int(last), Network(f"AS{int(number[1])}", country))


def sha256(table: Path) -> str:
    """Give the hash of the file: which table an answer came from."""
    with table.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
