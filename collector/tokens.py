"""Tokens: a secret that lets a probe enrol, told once and kept as its hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from collector.models import Token

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A token, with the secret that nobody can look up again."""

    token_id: str
    secret: str


def make(connection: Connection, now: datetime, *, uses: int | None, expires_at: datetime | None, note: str) -> Made:
    """Make a token. ``uses``: how often it may be used, ``None`` for any number of times."""
    made = Made(token_id=f"t{secrets.token_hex(4)}", secret=f"nb-probe-{secrets.token_urlsafe(24)}")
    connection.execute(
        insert(Token).values(
            token_id=made.token_id,
            sha256=_sha256(made.secret),
            uses_left=uses,
            created_at=now,
            expires_at=expires_at,
            note=note,
        )
    )
    return made


def find(connection: Connection, secret: str, now: datetime) -> Token | None:
    """Give the token of a secret, if it has not expired; whether it is used up is not asked."""
    row = connection.execute(select(Token.__table__).where(Token.sha256 == _sha256(secret))).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return None
    return Token(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for a row's columns


def use(connection: Connection, token: Token) -> bool:
    """Take one use off a token; tell whether one was left. Two who come at once do not share the last."""
    if token.uses_left is None:
        return True
    left = update(Token).where(Token.token_id == token.token_id, Token.uses_left > 0)
    return connection.execute(left.values(uses_left=Token.uses_left - 1)).rowcount == 1


def revoke(connection: Connection, token_id: str) -> bool:
    """Take a token away; tell whether it was there. Who enrolled with it stays."""
    return connection.execute(delete(Token).where(Token.token_id == token_id)).rowcount == 1


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
