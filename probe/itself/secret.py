"""The key of the flight recorder: it makes a change of address visible, and leaves the address unknown.

Addresses are few: IPv4's can all be hashed in an hour, so a plain hash of one
is the address. With a random key of 32 bytes it says only whether two are the
same. The key stands in the state folder, beside the consent, and never in a
database: who has the results alone learns nothing, and who deletes the key has
made every hash meaningless.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "flight.key"
KEY_BYTES: Final = 32
HASH_HEX: Final = 16
"""64 bits tell the few thousand addresses apart that one vantage ever sees."""


class Keyed:
    """Hashes under one key."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(KEY_BYTES)

    @property
    def name(self) -> str:
        """Tell keys apart: hashes under keys of different names cannot be compared."""
        return self("key")

    def __call__(self, kind: str, *parts: str) -> str:
        """Give the hash of ``parts``; the same text of another ``kind`` has another hash."""
        message = "\0".join((kind, *parts)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:HASH_HEX]


def load_or_make(state_dir: Path) -> Keyed:
    """Read the key, or make a new one where there is none that is this user's alone. ``UserError``."""
    path = state_dir / FILE_NAME
    try:
        key = _read(path)
        if key is None:
            key = secrets.token_bytes(KEY_BYTES)
            _write(path, key)
    except OSError as error:
        raise UserError(
            f"{path}: the flight recorder's key cannot be kept ({error.strerror}); "
            "make the folder writable or set XDG_STATE_HOME"
        ) from None
    return Keyed(key)


def _read(path: Path) -> bytes | None:
    """Give the key; ``None`` for anything but a file of this user's alone with just a key in it."""
    try:
        # A link or a pipe in the file's place must neither be followed nor waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            return None
        key = os.read(descriptor, KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    return key if len(key) == KEY_BYTES else None


def _write(path: Path, key: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
