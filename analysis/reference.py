"""What conclusions rest on beside facts and rules: files of reference data, each known by its hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from analysis.rules.evidence import WEIGHTS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGED: Mapping[str, Path] = {"weights.yaml": WEIGHTS_FILE}
"""Files that come with the program, by the name that conclusions give them."""


def reference_files(given: Mapping[str, Path] | None = None) -> dict[str, str]:
    """Give the SHA-256, in hex, of every file of reference data: those of the program, and those ``given`` by name."""
    files = {**PACKAGED, **(given or {})}
    return {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in sorted(files)}
