"""Probes: a key enrols with a token, and from then on it signs. How many of one network are admitted is bounded."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from collector import tokens
from collector.models import Probe, Standing
from collector.refusals import RefusedError, Why
from probe.uplink.signing import BadSignatureError, check_request

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

_REFUSED = {
    Standing.HELD: (
        Why.HELD,
        "too many probes enrolled from this network, so this one waits until a researcher admits it; nothing is lost",
    ),
    Standing.RETIRED: (Why.RETIRED, "this probe took another identifier, and sends under that one"),
    Standing.REVOKED: (Why.REVOKED, "a researcher revoked this probe's key; enrol anew with a new token"),
}


def enrol(
    connection: Connection, secret: str, public_key: str, prefix: str, now: datetime, *, most_of_a_prefix: int
) -> str:
    """Give the identifier of a key, making it where the token lets us; the same key again gets the same one."""
    token = tokens.find(connection, secret, now)
    if token is None:
        raise RefusedError(Why.BAD_TOKEN, "the token is unknown or has expired; ask the researcher for another one")
    known = connection.execute(
        select(Probe.probe_id, Probe.token_id).where(Probe.public_key == public_key)
    ).one_or_none()
    if known is not None and known.token_id == token.token_id:
        return str(known.probe_id)  # the answer was lost
    if known is not None or not tokens.use(connection, token):
        raise RefusedError(Why.BAD_TOKEN, "the token or the key was used already; ask the researcher for another token")
    return _add(connection, public_key, token.token_id, prefix, now, most_of_a_prefix)


def rotate(connection: Connection, probe_id: str, public_key: str, now: datetime) -> str:
    """Give a probe another identifier and key; the old one is retired. Who counts as one network stays as it was.

    Asked again with the same key, because the answer was lost, it gives the same identifier.
    """
    old = connection.execute(select(Probe.__table__).where(Probe.probe_id == probe_id)).one()
    known = connection.scalar(select(Probe.probe_id).where(Probe.public_key == public_key))
    if known is not None and known == old.successor:
        return str(known)
    if old.standing == Standing.RETIRED:
        raise RefusedError(*_REFUSED[Standing.RETIRED])
    if known is not None:
        raise RefusedError(Why.BAD_TOKEN, "this key is enrolled already; make another one")
    fresh = _add(connection, public_key, old.token_id, old.prefix, now, most_of_a_prefix=None)
    retired = {"standing": Standing.RETIRED, "successor": fresh}
    connection.execute(update(Probe).where(Probe.probe_id == probe_id).values(retired))
    return fresh


def _add(
    connection: Connection, public_key: str, token_id: str, prefix: str, now: datetime, most_of_a_prefix: int | None
) -> str:
    same = select(func.count()).select_from(Probe)
    same = same.where(Probe.prefix == prefix, Probe.standing == Standing.ADMITTED)
    is_many = most_of_a_prefix is not None and (connection.scalar(same) or 0) >= most_of_a_prefix
    probe_id = f"p{secrets.token_hex(8)}"
    connection.execute(
        insert(Probe).values(
            probe_id=probe_id,
            public_key=public_key,
            standing=Standing.HELD if is_many else Standing.ADMITTED,
            token_id=token_id,
            prefix=prefix,
            enrolled_at=now,
            last_heard_at=None,
            repeated_rows=0,
            successor=None,
        )
    )
    return probe_id


def authenticate(
    connection: Connection,
    method: str,
    path: str,
    probe_id: str,
    body: bytes,
    signature: str,
    *,
    may_be_retired: bool = False,
) -> None:
    """Raise ``RefusedError`` unless an admitted probe signed just this request."""
    if not probe_id or not signature:
        raise RefusedError(Why.UNSIGNED, "the request is not signed; enrol first")
    known = connection.execute(select(Probe.public_key, Probe.standing).where(Probe.probe_id == probe_id)).one_or_none()
    if known is None:
        raise RefusedError(Why.UNKNOWN_PROBE, "this collector knows no such probe; enrol with it first")
    try:
        check_request(known.public_key, method, path, probe_id, body, signature)
    except BadSignatureError:
        raise RefusedError(
            Why.BAD_SIGNATURE, "the signature is not this probe's, or the request was altered on its way"
        ) from None
    if known.standing != Standing.ADMITTED and not (may_be_retired and known.standing == Standing.RETIRED):
        why, sentence = _REFUSED[Standing(known.standing)]
        raise RefusedError(why, sentence)


def set_standing(connection: Connection, probe_id: str, standing: Standing) -> bool:
    """Admit or revoke a probe; tell whether it is known. A retired one stays so."""
    changed = update(Probe).where(Probe.probe_id == probe_id, Probe.standing != Standing.RETIRED)
    return connection.execute(changed.values(standing=standing)).rowcount == 1
