"""Who a certificate says has issued it, read from bytes that an adversary may have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from probe.store.models import Blob
from probe.trust import parse_certificate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session


def read_issuers(session: Session, sha256s: Iterable[str]) -> dict[str, str]:
    """Give the issuer's name of each certificate that is stored and can be parsed, by its hash."""
    issuers = {}
    for sha256 in sorted(sha256s):
        der = session.scalar(select(Blob.content).where(Blob.sha256 == sha256))
        if der is None:
            continue
        try:
            issuers[sha256] = parse_certificate(der).issuer.rfc4514_string()
        except ValueError:
            continue
    return issuers
