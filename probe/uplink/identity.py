"""Who this probe is to a collector: a key, a random identifier, and what it learnt when it enrolled.

Two files in the state folder beside the consent, for their owner's eyes alone.
Neither tells anything about a person or a place.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from probe.errors import UserError
from probe.private_file import write_private
from probe.uplink.signing import is_public_key

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "uplink.json"
SCHEDULE_NAME: Final = "collector-schedule.yaml"
NEW_KEY_NAME: Final = "uplink-new.key"
"""Of a key that waits for an answer: where that is lost, the next try sends the same one again."""

_PROBE_ID: Final = re.compile(r"p[0-9a-f]{16}")
_MOST_BYTES: Final = 65_536
_MOST_COLLECTORS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What a collector said when the probe enrolled."""

    probe_id: str
    collectors: tuple[str, ...]
    """Addresses, the main one first."""
    collector_public_key: str
    vantage: dict[str, str]
    """Where the probe stands, as the volunteer wrote it: a schedule from elsewhere never says it."""
    schedule_version: int = 0
    """0 before the first schedule."""


def read(state_dir: Path) -> Enrolled | None:
    """Give who the probe is; ``None`` where it has not enrolled. ``UserError`` for a file that is not ours."""
    path = state_dir / FILE_NAME
    try:
        content = path.read_bytes()[:_MOST_BYTES]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    try:
        return checked(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        raise UserError(f"{path} is not what this program writes; enrol again with a new token") from None


def write(state_dir: Path, enrolled: Enrolled) -> None:
    """Store who the probe is."""
    write_private(state_dir / FILE_NAME, json.dumps(asdict(enrolled), indent=2).encode() + b"\n")


def checked(values: Any) -> Enrolled:
    """Give what a collector said, or what we stored of it; ``ValueError`` or ``TypeError`` for anything else."""
    enrolled = Enrolled(**{**values, "collectors": tuple(values["collectors"])})
    for text in (enrolled.probe_id, enrolled.collector_public_key, *enrolled.collectors):
        if type(text) is not str or not 0 < len(text) <= 300 or not text.isprintable() or not text.isascii():
            raise ValueError(text)
    if not _PROBE_ID.fullmatch(enrolled.probe_id):
        raise ValueError(enrolled.probe_id)
    if not is_public_key(enrolled.collector_public_key) or not 0 < len(enrolled.collectors) <= _MOST_COLLECTORS:
        raise ValueError(enrolled)
    if type(enrolled.vantage) is not dict or not all(type(v) is str for v in enrolled.vantage.values()):
        raise ValueError(enrolled.vantage)
    if type(enrolled.schedule_version) is not int or enrolled.schedule_version < 0:
        raise ValueError(enrolled.schedule_version)
    return enrolled


def with_schedule(state_dir: Path, enrolled: Enrolled, version: int, text: str) -> Enrolled:
    """Store a schedule that was checked, and its version."""
    write_private(state_dir / SCHEDULE_NAME, text.encode())
    newer = replace(enrolled, schedule_version=version)
    write(state_dir, newer)
    return newer


def key_path(state_dir: Path, probe_id: str) -> Path:
    """Give where the key of an identifier is: with each identifier goes one key, so that both change at once."""
    return state_dir / f"uplink-{probe_id}.key"


def key(state_dir: Path, enrolled: Enrolled) -> Ed25519PrivateKey:
    """Give the key that the probe signs with. ``UserError`` where it is gone."""
    path = key_path(state_dir, enrolled.probe_id)
    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except (OSError, ValueError):
        raise UserError(f"{path} is gone or damaged, so nothing can be signed; enrol again with a new token") from None


def new_key_bytes() -> bytes:
    """Make a key."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
