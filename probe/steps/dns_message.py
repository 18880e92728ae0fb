"""One DNS question and what may be read from an answer to it. Sends nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from probe.failures import Failure
from probe.model import DnsAnswer
from probe.steps.dns_reply import Asked, Reply, read_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDS_KEPT = 64
"""Of one answer, of each kind; a true answer has a handful."""

TRUNCATED = "the answer is truncated (TC) and holds no address"
"""The ``error_text`` of an observation whose answer was cut by the resolver: over TCP it may be whole."""

_QR, _OPCODE = 0x8000, 0x7800
_WITHOUT_QUESTION = frozenset({1, 2, 4, 5})  # FORMERR, SERVFAIL, NOTIMP, REFUSED
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
    repeats: tuple[Question, ...] = ()
    """The same question under other ids: what is sent where nothing answered."""

    @classmethod
    def ask(
        cls,
        name: str,
        query_type: str,
        *,
        query_class: str = "IN",
        message_id: int | None = None,
        repeats: int = 0,
        options: Sequence[dns.edns.Option] = (),
    ) -> Question:
        """Make a question; the id is drawn unless given, and ``options`` bring EDNS. BadQuestionError.

        Each of its repeats has an id of its own. So an answer tells which of them it answers, and two answers to one
        are a race, while an answer to each of two is none.
        """
        try:
            message = dns.message.make_query(
                dns.name.from_text(name),
                query_type,
                query_class,
                id=secrets.randbelow(1 << 16) if message_id is None else message_id,
                options=list(options) or None,
            )
            again = tuple(cls.ask(name, query_type, query_class=query_class, options=options) for _ in range(repeats))
            return cls(message, message.to_wire(), again)
        except (dns.exception.DNSException, ValueError) as error:
            raise BadQuestionError from error

    def read(self, raw: bytes, delay_s: float) -> DnsAnswer:
        """Read ``raw``; what does not parse, or answers something else, is kept and marked as not valid."""
        reply = read_reply(raw, RECORDS_KEPT)
        if reply is None:
            return DnsAnswer(delay_s=delay_s, rcode=None, addresses=(), cnames=(), is_valid=False, raw=raw)
        sending = self._sending_answered_by(reply)
        return DnsAnswer(
            delay_s=delay_s,
            rcode=dns.rcode.to_text(dns.rcode.Rcode.make(reply.rcode)),
            addresses=reply.addresses,
            cnames=reply.aliases,
            is_valid=sending is not None,
            raw=raw,
            sending=sending,
        )

    def is_answered_by(self, raw: bytes) -> bool:
        """Say whether ``raw`` parses, and has an id of ours and our question."""
        reply = read_reply(raw, RECORDS_KEPT)
        return reply is not None and self._sending_answered_by(reply) is not None

    def _sending_answered_by(self, reply: Reply) -> int | None:
        """Say which sending of the question a reply answers, from 1; ``None`` for none of them."""
        if not reply.flags & _QR or reply.flags & _OPCODE or not self._is_repeated_by(reply):
            return None
        sendings = enumerate((self, *self.repeats), start=1)
        return next((number for number, sent in sendings if sent.message.id == reply.identifier), None)

    def _is_repeated_by(self, reply: Reply) -> bool:
        """Tell whether a reply repeats our question; a server that could not read it may leave it out."""
        if not reply.questions:
            return reply.rcode in _WITHOUT_QUESTION
        asked = self.message.question[0]
        labels = tuple(label.lower() for label in asked.name.labels if label)
        return set(reply.questions) == {Asked(labels, asked.rdtype, asked.rdclass)}

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
