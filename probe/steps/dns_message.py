"""One DNS question and what may be read from an answer to it. Sends nothing."""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from probe.failures import Failure
from probe.model import DnsAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS_KEPT = 64
"""Of one answer, of each kind; a true answer has a handful."""

_MESSAGE_BYTES = 4096
_RECORDS = 80
"""What is longer, or counts more records, is no answer for one name without EDNS, and is not parsed: names
that point at each other make 64 KiB cost seconds."""
_HEADER_BYTES = 12
_COUNTS = struct.Struct("!4H")  # after id and flags

TRUNCATED = "the answer is truncated (TC) and holds no address"
"""The ``error_text`` of an observation whose answer was cut by the resolver: over TCP it may be whole."""

_TC = 0x02  # in the third byte of the header, RFC 1035 section 4.1.1

_BY_RCODE = {"NXDOMAIN": Failure.DNS_NXDOMAIN, "REFUSED": Failure.DNS_REFUSED}
"""Every other rcode but NOERROR is a server that misbehaves."""


class BadQuestionError(Exception):
    """The name or the type is none that DNS can carry."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question on the wire. Plain, without EDNS, as the C library's resolver asks."""

    message: dns.message.Message
    wire: bytes

    @classmethod
    def ask(cls, name: str, query_type: str, *, message_id: int | None = None) -> Question:
        """Make a question; the id is drawn unless given. BadQuestionError."""
        try:
            message = dns.message.make_query(
                dns.name.from_text(name),
                query_type,
                id=secrets.randbelow(1 << 16) if message_id is None else message_id,
            )
            return cls(message, message.to_wire())
        except (dns.exception.DNSException, ValueError) as error:
            raise BadQuestionError from error

    def read(self, raw: bytes, delay_s: float) -> DnsAnswer:
        """Read ``raw``; what does not parse, or answers something else, is kept and marked as not valid."""
        reply = _parse(raw)
        if reply is None:
            return DnsAnswer(delay_s=delay_s, rcode=None, addresses=(), cnames=(), is_valid=False, raw=raw)
        return DnsAnswer(
            delay_s=delay_s,
            rcode=dns.rcode.to_text(reply.rcode()),
            addresses=_texts(reply, dns.rdatatype.A, dns.rdatatype.AAAA),
            cnames=_texts(reply, dns.rdatatype.CNAME),
            is_valid=self.message.is_response(reply),
            raw=raw,
        )

    def is_answered_by(self, raw: bytes) -> bool:
        """Say whether ``raw`` parses, and has our id and our question."""
        reply = _parse(raw)
        return reply is not None and self.message.is_response(reply)

    def failure_of(self, answers: Sequence[DnsAnswer]) -> tuple[Failure | None, str | None]:
        """Give the failure that the first valid answer means, as a stub resolver would, and a few words.

        A truncated answer without an address yields to a whole one that came later.
        """
        valid = [answer for answer in answers if answer.is_valid]
        if not valid:
            return (Failure.DNS_MALFORMED if answers else Failure.TIMEOUT), None
        answer = next((answer for answer in valid if answer.addresses or not _is_truncated(answer)), valid[0])
        if answer.rcode != "NOERROR":
            return _BY_RCODE.get(answer.rcode or "", Failure.DNS_SERVFAIL), answer.rcode
        if self._holds_what_was_asked(answer):
            return None, None
        return Failure.DNS_NO_ANSWER, TRUNCATED if _is_truncated(answer) else None

    def _holds_what_was_asked(self, answer: DnsAnswer) -> bool:
        asked = self.message.question[0].rdtype
        if asked == dns.rdatatype.A:
            return any("." in address and ":" not in address for address in answer.addresses)
        if asked == dns.rdatatype.AAAA:
            return any(":" in address for address in answer.addresses)
        return int.from_bytes(answer.raw[6:8]) > 0  # ANCOUNT


def _is_truncated(answer: DnsAnswer) -> bool:
    return bool(answer.raw[2] & _TC)


def _texts(reply: dns.message.Message, *kinds: dns.rdatatype.RdataType) -> tuple[str, ...]:
    found = (rdata.to_text() for rrset in reply.answer if rrset.rdtype in kinds for rdata in rrset)
    return tuple(islice(found, RECORDS_KEPT))


def _parse(raw: bytes) -> dns.message.Message | None:
    if len(raw) > _MESSAGE_BYTES or sum(_COUNTS.unpack_from(raw.ljust(_HEADER_BYTES, b"\0"), 4)) > _RECORDS:
        return None
    return _parse_bounded(raw)


@lru_cache(maxsize=64)  # a datagram is looked at when it arrives and read when all have
def _parse_bounded(raw: bytes) -> dns.message.Message | None:
    try:
        return dns.message.from_wire(raw, ignore_trailing=True, one_rr_per_rrset=True)
    except dns.exception.DNSException:
        return None
