"""Files for their owner's eyes alone: mode 0600 from the first byte, whole or not there, on the disk when we return."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of whatever was there. Raises ``OSError``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _create(fresh, content)
    fresh.replace(path)


def secret_at(path: Path, make: Callable[[], bytes]) -> bytes:
    """Give the secret in a file, making it where there is none; one that is there is never written over."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    secret = make()
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _create(fresh, secret)
    try:
        os.link(fresh, path)  # fails where somebody else was first, as a rename would not
    except FileExistsError:
        secret = path.read_bytes()
    fresh.unlink()
    return secret


def _create(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
