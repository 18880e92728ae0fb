"""Store and forward: what the collector lacks is sent, from the end that it has committed.

No list is kept of what was sent. The collector is asked where each chain stands,
so an answer that was lost, a collector that was put back from a copy, and
months without a connection are one and the same case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from probe.store.chain import START, End, ends, sha256_at
from probe.store.connection import reading
from probe.uplink import identity
from probe.uplink.batch import next_batch
from probe.uplink.client import DeclinedError
from probe.uplink.schedules import own
from probe.uplink.signing import BadSignatureError, check_schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Connection

    from probe.store.database import Database
    from probe.uplink.client import Client
    from probe.uplink.identity import Enrolled


class NotAllowedError(Exception):
    """Consent to upload was withdrawn meanwhile."""


@dataclass(kw_only=True)
class Sent:
    """What a sync came to."""

    rows: int = 0
    batches: int = 0
    bytes: int = 0
    schedule_version: int | None = None
    """Of a schedule that is newer than the one before."""
    declined: dict[str, str] = field(default_factory=dict)
    """By vantage: why the collector does not take it."""


def backlog(store: Database) -> int:
    """Count the rows of all chains: the most that can be waiting."""
    with store.session() as session:
        return sum(end.chain_seq for end in ends(session).values())


def sync(
    store: Database,
    client: Client,
    key: Ed25519PrivateKey,
    enrolled: Enrolled,
    *,
    may_send: Callable[[], bool],
    on_progress: Callable[[int], None] = lambda _: None,
) -> Sent:
    """Send all that the collector lacks. ``on_progress`` gets the rows that it has, as they become more.

    One vantage that is declined does not hold up the others. ``UnreachableError``
    when patience ends; what was committed until then stays committed.
    ``may_send`` is asked before every request.
    """
    sent = Sent()
    with reading(store.engine).connect() as connection:
        chains = ends(connection)
    for vantage_id, last in chains.items():
        try:
            held = _held(client, key, enrolled, vantage_id, may_send)
            _send_chain(store, client, key, enrolled, vantage_id, held, last, may_send, sent, on_progress)
        except DeclinedError as declined:
            if declined.status == 401 or declined.reason in {"held", "retired", "revoked"}:
                raise
            sent.declined[vantage_id] = str(declined)
    return sent


def _send_chain(
    store: Database,
    client: Client,
    key: Ed25519PrivateKey,
    enrolled: Enrolled,
    vantage_id: str,
    held: End,
    last: End,
    may_send: Callable[[], bool],
    sent: Sent,
    on_progress: Callable[[int], None],
) -> None:
    on_progress(held.chain_seq)
    is_second_try = False
    with reading(store.engine).connect() as connection:
        _check_history(connection, vantage_id, held)
    while held.chain_seq < last.chain_seq:
        with reading(store.engine).connect() as connection:  # no long transaction beside a probe that writes
            made = next_batch(connection, vantage_id, held)
        if made is None:
            return
        _ask_leave(may_send)
        try:
            answer = client.ask(key, "POST", "/v1/batches", enrolled.probe_id, made[0])
        except DeclinedError as declined:
            if declined.reason != "gap" or is_second_try:
                raise
            held, is_second_try = _end(declined.answer), True
            with reading(store.engine).connect() as connection:
                _check_history(connection, vantage_id, held)
            continue
        is_second_try = False
        before, held = held, _end(answer.values)
        if held.chain_seq <= before.chain_seq:
            raise DeclinedError(200, "no-progress", "the collector says yes and holds no more than before", {})
        sent.batches += 1
        sent.bytes += len(made[0])
        sent.rows += held.chain_seq - before.chain_seq
        on_progress(held.chain_seq - before.chain_seq)


def _held(
    client: Client, key: Ed25519PrivateKey, enrolled: Enrolled, vantage_id: str, may_send: Callable[[], bool]
) -> End:
    _ask_leave(may_send)
    path = f"/v1/vantages/{quote(vantage_id, safe='')}/end"
    return _end(client.ask(key, "GET", path, enrolled.probe_id).values)


def _end(values: dict[str, Any]) -> End:
    match values:
        case {"end": {"chain_seq": int(seq), "chain_sha256": str(sha256)}} if seq >= 0 and len(sha256) == 64:
            return End(seq, sha256)
    raise DeclinedError(200, "not-understood", "the collector's answer is not what this program understands", {})


def _check_history(connection: Connection, vantage_id: str, held: End) -> None:
    """Stop where the collector holds another history than we do: sending more would heal nothing."""
    if held != START and sha256_at(connection, vantage_id, held.chain_seq) != held.chain_sha256:  # nor if there is none
        raise DeclinedError(
            409,
            "fork",
            f"the collector holds another history of vantage {vantage_id}: this database was put back from an old "
            "copy or altered, or another machine measures under its name; `nameblind enrol --rotate` begins anew",
            {},
        )


def _ask_leave(may_send: Callable[[], bool]) -> None:
    if not may_send():
        raise NotAllowedError


def refresh_schedule(
    client: Client, key: Ed25519PrivateKey, enrolled: Enrolled, state_dir: Path, may_send: Callable[[], bool]
) -> int | None:
    """Fetch a newer schedule; give its version, or ``None`` where there is none.

    ``BadSignatureError`` for one that the collector did not sign; one that is older than ours is passed over, so that
    nobody brings an old one back.
    """
    _ask_leave(may_send)
    path = f"/v1/schedule?version={enrolled.schedule_version}"
    try:
        answer = client.ask(key, "GET", path, enrolled.probe_id)
    except DeclinedError as declined:
        if declined.status == 404:
            return None
        raise
    return None if answer.status == 304 else take_schedule(answer.values, enrolled, state_dir)


def take_schedule(values: Any, enrolled: Enrolled, state_dir: Path) -> int | None:
    """Check and store a schedule; give its version, or ``None`` where it is no newer than ours."""
    match values:
        case {"version": int(version), "text": str(text), "signature": str(signature)}:
            check_schedule(enrolled.collector_public_key, version, text, signature)
        case _:
            raise BadSignatureError
    if version <= enrolled.schedule_version:
        return None
    identity.with_schedule(state_dir, enrolled, version, own(text, enrolled.vantage))
    return version
