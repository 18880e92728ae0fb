"""Packet capture: what a link carried, as a file that tcpdump, tshark and Wireshark read.

The classic pcap format (draft-ietf-opsawg-pcap) with bare IP packets and stamps
in microseconds of the scenario's own time. Each packet is in the file at once, so
that a lab which is killed leaves all that it carried. It stops before the file
would grow beyond its bound, and where the disk is full, because a capture must
not end the run that it was to explain. Which link is captured is
:mod:`lab.internet`'s.
"""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path
from typing import Final

from probe.errors import UserError

MAX_BYTES: Final = 100_000_000
"""Of one file, unless told otherwise: what a link of 10 Mbit/s carries in 80 s."""

_MAGIC_MICROSECONDS: Final = 0xA1B2C3D4
_LINKTYPE_RAW: Final = 101  # a packet begins with its IPv4 or IPv6 header
_SNAP_BYTES: Final = 65_535
_HEADER: Final = struct.pack("<IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, _SNAP_BYTES, _LINKTYPE_RAW)


class Capture:
    """One capture file, being written."""

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Begin the file at ``path``, over whatever stands there. Raises UserError."""
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._left_out = 0
        self._why = f"reached its bound of {max_bytes} bytes"
        try:
            self._file = self._path.open("wb", buffering=0)
            self._size_bytes = self._file.write(_HEADER)
        except OSError as error:
            raise UserError(
                f"{path}: the capture cannot be written ({error.strerror}); choose a path where a file may be made"
            ) from None

    def write(self, raw: bytes | bytearray, at: datetime | float) -> None:
        """Add an IP packet that passed ``at`` a time: aware, or in seconds since 1970.

        Nothing is added any more once a packet has not fitted.
        """
        size_bytes = 16 + len(raw)
        if self._left_out or self._size_bytes + size_bytes > self._max_bytes:
            self._left_out += 1
            return
        seconds = at.timestamp() if isinstance(at, datetime) else at
        whole, microseconds = divmod(round(seconds * 1e6), 1_000_000)
        try:
            self._file.write(struct.pack("<IIII", whole & 0xFFFFFFFF, microseconds, len(raw), len(raw)) + raw)
        except OSError as error:
            self._why = f"could not go on ({error.strerror})"
            self._left_out += 1
        self._size_bytes += size_bytes

    @property
    def notice(self) -> str | None:
        """Say that packets are missing at the end; ``None`` if none are."""
        if not self._left_out:
            return None
        return (
            f"{self._path}: the capture {self._why} and leaves out the "
            f"{self._left_out} packets after it; capture a quieter link or fewer slots"
        )

    def close(self) -> None:
        """Finish the file. May be called again."""
        self._file.close()
