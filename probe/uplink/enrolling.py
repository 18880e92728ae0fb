"""Enrolling with a collector, and taking another identifier later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probe.errors import UserError
from probe.private_file import secret_at
from probe.uplink import identity
from probe.uplink.client import Client, checked_address
from probe.uplink.identity import NEW_KEY_NAME, SCHEDULE_NAME, Enrolled, key_path
from probe.uplink.signing import NOBODY, public_text
from probe.uplink.syncing import take_schedule

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SCHEDULE_NAME", "enrol", "known", "rotate"]

_JSON = "application/json"


def known(state_dir: Path) -> Enrolled | None:
    """Give who the probe is; ``None`` where it has not enrolled."""
    return identity.read(state_dir)


def enrol(
    state_dir: Path, url: str, token: str, vantage: dict[str, str], *, ca: Path | None, patience_s: float
) -> Enrolled:
    """Enrol with a token. The key is on the disk first: where the answer is lost, the same key asks again."""
    key = _new_key(state_dir)
    client = Client((url,), patience_s=patience_s, ca=ca)
    body = json.dumps({"token": token, "public_key": public_text(key)}).encode()
    try:
        answer = client.ask(key, "POST", "/v1/enrolments", NOBODY, body, _JSON)
    finally:
        client.close()
    return _take(state_dir, answer.values, vantage, 0)


def rotate(state_dir: Path, enrolled: Enrolled, *, ca: Path | None, patience_s: float) -> Enrolled:
    """Take another identifier under another key."""
    key = _new_key(state_dir)
    client = Client(enrolled.collectors, patience_s=patience_s, ca=ca)
    body = json.dumps({"public_key": public_text(key)}).encode()
    try:
        answer = client.ask(identity.key(state_dir, enrolled), "POST", "/v1/rotations", enrolled.probe_id, body, _JSON)
    finally:
        client.close()
    if answer.values.get("collector_public_key") != enrolled.collector_public_key:
        raise UserError("the answer names another collector's key than this probe enrolled with; tell the researcher")
    # The addresses stay as they are: an answer is not signed, and a wrong list would cut the probe off for good.
    told = answer.values | {"collectors": list(enrolled.collectors)}
    fresh = _take(state_dir, told, enrolled.vantage, enrolled.schedule_version)
    key_path(state_dir, enrolled.probe_id).unlink(missing_ok=True)
    return fresh


def _new_key(state_dir: Path) -> Ed25519PrivateKey:
    path = state_dir / NEW_KEY_NAME
    try:
        return Ed25519PrivateKey.from_private_bytes(secret_at(path, identity.new_key_bytes))
    except OSError as error:
        raise UserError(f"{path}: the key cannot be kept ({error.strerror}); make the folder writable") from None
    except ValueError:
        raise UserError(f"{path} is damaged; remove it and enrol again") from None


def _take(state_dir: Path, values: dict[str, Any], vantage: dict[str, str], schedule_version: int) -> Enrolled:
    try:
        wanted = {key: values[key] for key in ("probe_id", "collectors", "collector_public_key")}
        enrolled = identity.checked({**wanted, "vantage": vantage, "schedule_version": schedule_version})
    except (KeyError, TypeError, ValueError):
        raise UserError("the collector's answer is not what this program understands; check its address") from None
    for address in enrolled.collectors:
        checked_address(address)
    (state_dir / NEW_KEY_NAME).replace(key_path(state_dir, enrolled.probe_id))
    identity.write(state_dir, enrolled)
    if values.get("schedule") is not None:
        take_schedule(values["schedule"], enrolled, state_dir)
    stored = identity.read(state_dir)
    assert stored is not None
    return stored
