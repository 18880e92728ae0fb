"""Which addresses are dialled: the system's own, and those that only others gave."""

from __future__ import annotations

from datetime import UTC, datetime

from probe.measure import candidates
from probe.model import DnsAnswer, DnsTransport, Observation, Operation

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def query(transport: DnsTransport, *answers: tuple[str, ...], is_valid: bool = True) -> Observation:
    return Observation(
        operation=Operation.DNS,
        started_at=NOW,
        started_mono_s=0.0,
        ended_mono_s=0.1,
        transport=transport,
        answers=tuple(
            DnsAnswer(delay_s=0.1, rcode="NOERROR", addresses=a, cnames=(), is_valid=is_valid, raw=b"") for a in answers
        ),
    )


def test_systems_addresses_come_first_and_are_cut_for_each_family() -> None:
    a = query(DnsTransport.SYSTEM, ("1.1.1.1", "1.1.1.2", "1.1.1.3"))
    aaaa = query(DnsTransport.SYSTEM, ("2001:db8::1",))
    assert candidates("x.com", [a, aaaa], 2) == ["1.1.1.1", "2001:db8::1", "1.1.1.2"]


def test_address_that_only_another_resolver_gave_is_dialled_too() -> None:
    own = query(DnsTransport.SYSTEM, ("10.10.34.36",))
    other = query(DnsTransport.DOH, ("104.244.42.1",))
    assert candidates("x.com", [own, other], 2) == ["10.10.34.36", "104.244.42.1"]


def test_late_true_answer_is_dialled_however_many_addresses_the_forged_one_had() -> None:
    raced = query(DnsTransport.UDP, ("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("104.244.42.1",))
    assert "104.244.42.1" in candidates("x.com", [raced], 2)


def test_datagram_that_is_no_answer_to_us_is_not_dialled() -> None:
    assert candidates("x.com", [query(DnsTransport.UDP, ("104.244.42.1",), is_valid=False)], 2) == []


def test_address_literal_is_its_own_candidate() -> None:
    assert candidates("104.244.42.1", [], 2) == ["104.244.42.1"]
