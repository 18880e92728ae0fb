"""How far one measurement came, and whether two answers are the same page.

A reading of one measurement's own steps, without any comparison: did a server
answer, and did TLS prove which server it was. It says nothing about causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.model import Operation
from probe.sketch import likeness

if TYPE_CHECKING:
    from analysis.facts import MeasurementFacts, Step

SIMILAR_LENGTH_RATIO = 0.7
"""Two pages without titles are taken for the same when the shorter has at least this share of the longer's bytes
(the share that OONI's comparison uses)."""


ALIKE = 0.4
"""Pages whose words are less alike (Jaccard likeness of three words in a row) are taken for different ones. Two fetches
of a front page that changes all the time were seen to be more alike than this; two pages that share a frame are not."""


class Reach(StrEnum):
    """The furthest point that a measurement came to."""

    VERIFIED = "verified"  # an answer, and TLS proved the server on every hop that counts
    ANSWERED = "answered"  # an answer over plain HTTP, which anybody on the path may have written
    HTTP_FAILED = "http_failed"  # connected (and verified, for https), then no usable answer
    CERTIFICATE = "certificate"  # a TLS server answered, and no chain was right for the name
    TLS_FAILED = "tls_failed"
    TCP_FAILED = "tcp_failed"
    DNS_FAILED = "dns_failed"  # no address that may be dialled
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far a measurement came, and the answer or the failing steps that show it."""

    reach: Reach
    steps: tuple[Step, ...] = ()
    """The steps that show it: the answer, or every failing step of the furthest layer."""
    is_tcp_alive: bool = False
    """Whether any address of any hop accepted a connection."""

    @property
    def is_reached(self) -> bool:
        """Whether a server answered, genuine or not."""
        return self.reach in {Reach.VERIFIED, Reach.ANSWERED}

    @property
    def page(self) -> Step | None:
        """The HTTP step that holds the final answer."""
        last = self.steps[-1] if self.steps and self.is_reached else None
        return last if last is not None and last.operation == Operation.HTTP else None


def outcome_of(measurement: MeasurementFacts) -> Outcome:
    """Read a measurement's routine steps, all attempts together; a success in any of them counts."""
    steps = [step for step in measurement.steps if step.operation != Operation.HOP]
    if not steps:
        return Outcome(reach=Reach.UNMEASURED)
    is_tcp_alive = any(step.operation == Operation.TCP and step.failure is None for step in steps)
    answers = [step for step in steps if is_final_answer(step)]
    if answers:
        answer = max(answers, key=lambda step: (step.attempt, step.redirect))
        reach = Reach.VERIFIED if _is_authenticated(measurement, answer) else Reach.ANSWERED
        return Outcome(reach=reach, steps=(answer,), is_tcp_alive=is_tcp_alive)
    furthest = max(step.redirect for step in steps)
    hop = [step for step in steps if step.redirect == furthest]
    reach, shown = _where_it_failed(hop)
    return Outcome(reach=reach, steps=tuple(shown), is_tcp_alive=is_tcp_alive)


def is_final_answer(step: Step) -> bool:
    """Tell whether a step is an HTTP answer that asks for no further request."""
    return (
        step.operation == Operation.HTTP
        and step.failure is None
        and step.status is not None
        and not (300 <= step.status < 400 and step.location)
    )


def _where_it_failed(hop: list[Step]) -> tuple[Reach, list[Step]]:
    by_operation = {op: [step for step in hop if step.operation == op] for op in Operation}
    if by_operation[Operation.HTTP]:
        return Reach.HTTP_FAILED, by_operation[Operation.HTTP]
    handshakes = by_operation[Operation.TLS]
    if any(step.is_verified for step in handshakes):
        return Reach.HTTP_FAILED, [step for step in handshakes if step.is_verified]
    refused = [step for step in handshakes if step.certificate_failure is not None]
    if refused:
        return Reach.CERTIFICATE, refused
    if handshakes:
        return Reach.TLS_FAILED, handshakes
    if any(step.failure is None for step in by_operation[Operation.TCP]):
        return Reach.UNMEASURED, by_operation[Operation.TCP]  # cut short before the next step
    dialled = [step for step in by_operation[Operation.TCP] if step.failure != "address_not_dialled"]
    if dialled:
        return Reach.TCP_FAILED, dialled
    queries = by_operation[Operation.DNS] or by_operation[Operation.TCP]
    return Reach.DNS_FAILED, queries


def host_of(url: str | None) -> str:
    """Give a URL's host in lower case; empty where there is none or the URL is malformed."""
    try:
        return (urlsplit(url or "").hostname or "").lower()
    except ValueError:
        return ""


def _is_https(url: str | None) -> bool:
    return (url or "").lower().startswith("https:")


def _is_authenticated(measurement: MeasurementFacts, answer: Step) -> bool:
    """Tell whether TLS proves that the answer comes from where the target's URL leads.

    A redirect over plain HTTP proves nothing: a censor may send one to a page of
    its own with a flawless certificate. It counts only where it leads to the
    target's own name, which TLS then proves.
    """
    url = answer.url or measurement.url
    is_proven = any(step.is_verified and step.redirect == answer.redirect for step in measurement.steps)
    if not _is_https(url) or not is_proven:
        return False
    earlier = [
        step
        for step in measurement.steps
        if step.operation == Operation.HTTP and step.redirect < answer.redirect and step.attempt == answer.attempt
    ]
    urls = [measurement.url, *(step.url for step in earlier)]
    return all(_is_https(u) for u in urls) or is_same_site(host_of(measurement.url), host_of(url))


def is_same_site(one: str, other: str) -> bool:
    """Tell whether two hosts are equal, or one is the other with ``www.`` before it."""
    return bool(one) and one.removeprefix("www.") == other.removeprefix("www.")


def is_same_page(one: Step, other: Step) -> bool:
    """Tell whether two HTTP answers look like the same page.

    Status, then body hash, then title and words, then length. Headers are not
    read: a block page can carry any. A title alone is not enough, because a block
    page, or a page with a notice put into it, can carry the genuine one.
    """
    if one.status != other.status:
        return False
    if one.body_sha256 is not None and one.body_sha256 == other.body_sha256:
        return True
    is_alike = None
    if one.body_sketch and other.body_sketch:
        is_alike = likeness(one.body_sketch, other.body_sketch) >= ALIKE
    if one.title or other.title:
        return (one.title or "").casefold() == (other.title or "").casefold() and is_alike is not False
    if is_alike is not None:
        return is_alike
    shorter, longer = sorted((one.body_length_bytes or 0, other.body_length_bytes or 0))
    return longer == 0 or shorter / longer >= SIMILAR_LENGTH_RATIO
