"""Whether a chain of certificates leads from a name to a root that we trust.

We verify chains ourselves, after the handshake, so that a forged chain is
recorded like any other, and at a time that the caller gives. No text of an
error is read: each of the failures is the outcome of a question of its own.

1. Does the chain verify for the name, at the time? Then it is right.
2. Does it verify for a name that the leaf itself carries? Then only the name is wrong.
3. Do signatures lead from the leaf to a trusted root? Then the authority is known, and the certificates
   are expired, not yet valid or malformed.
4. Otherwise the authority is unknown.

A server that leaves out an intermediate certificate ends in 4 too: nothing is
fetched to complete a chain. This module knows nothing of revocation.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from probe.addresses import parse_address
from probe.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

_MOST_SIGNATURES = 32
"""Signatures checked while looking for a root; every true chain needs fewer than ten."""


_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for hostile bytes. Some are no ValueError, and one that escapes would end a measurement."""


@lru_cache(maxsize=1)
def _public_roots() -> tuple[x509.Certificate, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some public roots have serial numbers that RFC 5280 forbids
        return tuple(x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes()))


@dataclass(frozen=True, slots=True)
class Trust:
    """The roots that a chain may end in."""

    roots: tuple[x509.Certificate, ...]
    store: Store

    @classmethod
    def load(cls, extra_roots: Sequence[bytes] = ()) -> Trust:
        """Trust the public roots (certifi) and ``extra_roots`` (DER). ValueError if one of these is none."""
        roots = (*_public_roots(), *(parse_certificate(der) for der in extra_roots))
        return cls(roots=roots, store=Store(list(roots)))

    def verify(self, chain: Sequence[bytes], name: str, at: datetime) -> Failure | None:
        """Give what is wrong with ``chain`` for ``name`` at ``at``; ``None`` if nothing is.

        ``chain`` is DER, the leaf first; ``name`` is a host name or an address. Certificates
        behind the leaf that do not parse are passed over, as are those that lead nowhere.
        """
        try:
            leaf = parse_certificate(chain[0])
        except (IndexError, ValueError):
            return Failure.TLS_INVALID_CERTIFICATE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some are given only when an extension is read
            return self._wrong(leaf, list(_parsable(chain[1:])), name, at)

    def _wrong(self, leaf: x509.Certificate, others: list[x509.Certificate], name: str, at: datetime) -> Failure | None:
        if self._is_right(leaf, others, _subject(name), at):
            return None
        if self._is_right(leaf, others, _own_subject(leaf), at):
            return Failure.TLS_INVALID_HOSTNAME
        if self._is_signed_by_root(leaf, others):
            return Failure.TLS_INVALID_CERTIFICATE
        return Failure.TLS_UNKNOWN_AUTHORITY

    def _is_right(
        self,
        leaf: x509.Certificate,
        others: list[x509.Certificate],
        subject: x509.DNSName | x509.IPAddress | None,
        at: datetime,
    ) -> bool:
        if subject is None:
            return False
        try:
            verifier = PolicyBuilder().store(self.store).time(at).build_server_verifier(subject)
            verifier.verify(leaf, others)
        except (VerificationError, *_MALFORMED):
            return False
        return True

    def _is_signed_by_root(self, leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> bool:
        """Follow issuers by name and signature alone, whatever the certificates may otherwise allow."""
        pending = [leaf]
        unused = list(others)
        signatures = 0
        while pending:
            certificate = pending.pop()
            for issuer in (*self.roots, *unused):
                if issuer.subject != certificate.issuer:
                    continue
                signatures += 1
                if signatures > _MOST_SIGNATURES:
                    return False
                if not _is_issued_by(certificate, issuer):
                    continue
                if issuer in self.roots:
                    return True
                unused.remove(issuer)
                pending.append(issuer)
        return False


def parse_certificate(der: bytes) -> x509.Certificate:
    """Read one certificate that an adversary may have made, its names and key included. Only ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.issuer, certificate.subject, certificate.public_key()
        except _MALFORMED as error:
            raise ValueError(str(error)) from error
    return certificate


def _parsable(chain: Iterable[bytes]) -> Iterator[x509.Certificate]:
    for der in chain:
        with contextlib.suppress(ValueError):
            yield parse_certificate(der)


def _subject(name: str) -> x509.DNSName | x509.IPAddress | None:
    address = parse_address(name)
    if address is not None:
        return x509.IPAddress(address)
    try:
        return x509.DNSName(name.rstrip("."))
    except ValueError:
        return None  # a name outside ASCII stands in no certificate


def _own_subject(leaf: x509.Certificate) -> x509.DNSName | x509.IPAddress | None:
    """Give a name that the leaf is good for: its first, with a label in the place of a wildcard."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in names:
            if isinstance(name, x509.DNSName):
                return x509.DNSName(name.value.replace("*", "any"))
            if isinstance(name, x509.IPAddress):
                return name
    except (x509.ExtensionNotFound, *_MALFORMED):
        return None
    return None


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_MALFORMED):
        return False
    return True
