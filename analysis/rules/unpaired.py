"""One failure that another program saw, beside a sentinel that reached the target at the same moment.

Our own probe tries again, swaps names and asks its controls; what it has not shown
so, one failure does not show, and these rules leave its measurements alone. OONI's
tests try once. The one contrast that such a measurement holds is the test helper:
asked through this very line, it reached the same address, and then the line carried
its answer back. That is consistent with blocking, and with a fault that came and
went: `suspected`, and never more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import Reach, is_same_page
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import sentinel_page
from analysis.rules.refusal import is_refusal_page
from analysis.rules.unpaired_dns import is_astray
from probe.failures import Failure
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from analysis.facts import Facts, MeasurementFacts, Step

ENOUGH_OTHERS = 3
"""Other targets in the same pass from which one can tell whether the path is sound."""
SOUND_SHARE = 0.75
"""Of those other targets that the sentinel reached: so many must have been reached here."""

_WORDS = {
    Failure.CONNECTION_RESET: "reset",
    Failure.CONNECTION_ABORTED: "reset",
    Failure.TIMEOUT: "timeout",
    Failure.EOF: "eof",
    Failure.CONNECTION_REFUSED: "refused",
    Failure.TLS_HANDSHAKE: "alert",
}
_OF_TCP = frozenset({Failure.TIMEOUT, Failure.CONNECTION_REFUSED, Failure.CONNECTION_RESET})
_ABOVE_TCP = frozenset(
    {Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.CONNECTION_ABORTED, Failure.EOF, Failure.TLS_HANDSHAKE}
)


def dns(facts: Facts) -> Evidence | None:
    """Fire where a name on the way of redirects was denied by every resolver, and the sentinel came to the page."""
    steps = _failing(facts, Reach.DNS_FAILED)
    if not steps or steps[0].redirect == 0 or not all(step.failure == Failure.DNS_NXDOMAIN for step in steps):
        return None
    return fired(
        "unpaired.dns",
        "A redirect leads to a name that resolvers here deny; the sentinel followed it to the page.",
        steps,
        "dns.nxdomain",
    )


def tcp(facts: Facts) -> Evidence | None:
    """Fire where no connection was made, to an address to which the sentinel made one."""
    return _at(facts, "unpaired.tcp", Reach.TCP_FAILED, _OF_TCP, "No connection was made to the target")


def tls(facts: Facts) -> Evidence | None:
    """Fire where handshakes ended before the server spoke, at an address that proved the name to the sentinel."""
    return _at(facts, "unpaired.tls", Reach.TLS_FAILED, _ABOVE_TCP, "The handshake was cut off")


def certificate(facts: Facts) -> Evidence | None:
    """Fire where a chain of no public authority came, from an address that proved the name to the sentinel.

    A program or a box that intercepts everything here would have spoilt the exchange with the sentinel as well.
    """
    steps = _failing(facts, Reach.CERTIFICATE)
    false = [s for s in steps if s.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY]
    if not false or len(false) < len(steps) or not all(_is_proven_beyond(facts, s) for s in false):
        return None
    return fired(
        "unpaired.certificate",
        "A certificate of no public authority came from an address that proves the name to the sentinel.",
        false,
        "tls.mitm",
    )


def http(facts: Facts) -> Evidence | None:
    """Fire where the request was cut off before any answer. One that breaks off in its answer is slow, or unlucky."""
    steps = [s for s in _failing(facts, Reach.HTTP_FAILED) if s.operation == Operation.HTTP]
    if not steps or any(step.status is not None for step in steps):
        return None
    return _at(facts, "unpaired.http", Reach.HTTP_FAILED, _ABOVE_TCP, "The request was cut off before any answer")


def page(facts: Facts) -> Evidence | None:
    """Fire where a page that refuses came over plain HTTP, as if all were well, from where the sentinel got another.

    A server that refuses by itself mostly says so by its status; and a lie of DNS is another finding.
    """
    met, other = facts.measurement.outcome.page, sentinel_page(facts)
    if met is None or other is None or facts.measurement.outcome.reach is not Reach.ANSWERED:
        return None
    is_open = _is_open(facts) and not is_astray(facts)
    if not is_open or met.redirect or is_same_page(met, other) or is_refusal_page(other):
        return None
    if not _is_fine(met) or not _is_fine(other) or not is_refusal_page(met):
        return None
    return fired(
        "unpaired.page",
        "A page that refuses came over plain HTTP with a status that says that all is well; the sentinel got another.",
        [met, other],
        "http.blockpage",
    )


def _at(facts: Facts, rule: str, reach: Reach, failures: frozenset[Failure], what: str) -> Evidence | None:
    steps = _failing(facts, reach)
    four = [step for step in steps if ":" not in (step.address or "")]
    if not four or any(step.failure not in failures for step in four):
        return None
    if reach is Reach.TCP_FAILED and not all(_is_alive_beyond(facts, step) for step in four):
        return None
    if reach is Reach.TLS_FAILED and any(step.is_peer_hello_received for step in four):
        return None  # the server spoke, and the two did not agree
    if reach is Reach.TLS_FAILED and not all(_is_proven_beyond(facts, step) for step in four):
        return None
    words = {_WORDS.get(Failure(step.failure)) for step in four if step.failure}
    return fired(
        rule,
        f"{what}, once, and the sentinel reached it at the same moment; nothing shows whether a name is read.",
        four,
        _mechanism(four[-1], words),
    )


def _mechanism(step: Step, words: set[str | None]) -> str:
    is_sealed = step.operation == Operation.HTTP and (step.url or "").startswith("https:")
    layer = Operation.TLS.value if is_sealed else step.operation
    word = next(iter(words)) if len(words) == 1 else None
    return f"{layer}.{word}" if word and not is_sealed else layer


def _failing(facts: Facts, reach: Reach) -> list[Step]:
    """Give the failing steps of a measurement that failed so; none where the facts do not hold a fair contrast."""
    if facts.measurement.outcome.reach is not reach or not _is_open(facts):
        return []
    steps = [step for step in facts.measurement.outcome.steps if step.failure or step.certificate_failure]
    if steps and steps[0].redirect == 0 and is_astray(facts):
        return []
    return steps


def _is_open(facts: Facts) -> bool:
    """Tell whether the contrast is fair: made elsewhere, a steady sentinel, and a line that works otherwise."""
    cycle = facts.cycle
    if not cycle.is_imported or cycle.vantage.is_sentinel or not cycle.is_well_connected:
        return False
    return is_sentinel_steady(facts) and _do_resolvers_answer(facts.measurement) and _are_others_reached(facts)


def _do_resolvers_answer(measurement: MeasurementFacts) -> bool:
    """Tell whether of the resolvers asked beside the system's one at least answered; also where none was asked."""
    asked = [q for q in measurement.of(Operation.DNS, redirect=0) if q.transport != DnsTransport.SYSTEM]
    return not asked or any(q.failure is None or q.valid_answers for q in asked)


def _are_others_reached(facts: Facts) -> bool:
    """Tell whether most other targets of the pass were reached, if there are some: else the path itself is ill."""
    others = [
        m
        for m in facts.cycle.measurements
        if m.kind == facts.measurement.kind
        and m.target != facts.measurement.target
        and m.outcome.reach is not Reach.UNMEASURED
    ]
    failed = sum(not m.outcome.is_reached for m in others)
    return len(others) < ENOUGH_OTHERS or failed <= (1 - SOUND_SHARE) * len(others)


def _is_alive_beyond(facts: Facts, step: Step) -> bool:
    """Tell whether the sentinel connected to the same endpoint. Of a later hop it does not say where it connected."""
    if step.redirect:
        return True
    return _is_met_beyond(facts, step, Operation.TCP)


def _is_proven_beyond(facts: Facts, step: Step) -> bool:
    """Tell whether the endpoint proved the name to the sentinel; its older answers tell of no handshakes."""
    if step.redirect:
        return step.certificate_failure is None
    handshakes = [s for w in facts.usable_sentinels for s in w.measurement.of(Operation.TLS, redirect=0)]
    if handshakes:
        return _is_met_beyond(facts, step, Operation.TLS)
    told = {a for w in facts.usable_sentinels for q in w.measurement.of(Operation.DNS, 0) for a in q.addresses}
    return step.address is None or step.address in told


def _is_met_beyond(facts: Facts, step: Step, operation: Operation) -> bool:
    if step.address is None:  # an HTTP client that does not say where it connected
        return True
    met = [
        s
        for w in facts.usable_sentinels
        for s in w.measurement.of(operation, redirect=0)
        if (s.address, s.port) == (step.address, step.port)
    ]
    return bool(met) and all(s.failure is None and s.certificate_failure is None for s in met)


def _is_fine(step: Step) -> bool:
    return 200 <= (step.status or 0) < 300
