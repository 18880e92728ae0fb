from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.failures import Failure
from probe.trust import Trust, parse_certificate
from tests.probe.steps.loopback import DAY, NOW, issue

if TYPE_CHECKING:
    from tests.probe.steps.loopback import Issued


NAME = "x.example"
ROOT = issue("Test Root", is_authority=True, not_before=NOW - 900 * DAY, not_after=NOW + 900 * DAY)
MIDDLE = issue("Test Middle", ROOT, is_authority=True, not_before=NOW - 900 * DAY, not_after=NOW + 900 * DAY)
TRUST = Trust.load([ROOT.der])


def _verify(*chain: object, name: str = NAME, at: datetime = NOW) -> Failure | None:
    return TRUST.verify([issued.der for issued in chain], name, at)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        ((NAME,), NAME),
        ((NAME,), "x.example."),
        ((NAME,), "X.Example"),
        (("other.example", NAME), NAME),
        (("*.example",), NAME),
        (("192.0.2.1",), "192.0.2.1"),
        (("2001:db8::1",), "2001:db8:0::1"),
    ],
)
def test_a_chain_to_a_root_for_the_name_is_right(names: tuple[str, ...], asked: str) -> None:
    assert _verify(issue("leaf", MIDDLE, names=names), MIDDLE, name=asked) is None


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("other.example",), NAME),
        (("*.other.example",), NAME),
        (("*.example",), "a.b.example"),
        (("192.0.2.1",), NAME),
        ((NAME,), "192.0.2.1"),
        (("192.0.2.1",), "192.0.2.2"),
        (("192.0.2.1.example",), "192.0.2.1"),
        ((NAME,), "имя.example"),
        ((NAME,), ""),
    ],
)
def test_only_the_name_is_wrong(names: tuple[str, ...], asked: str) -> None:
    assert _verify(issue("leaf", MIDDLE, names=names), MIDDLE, name=asked) is Failure.TLS_INVALID_HOSTNAME


def _dated(first: int, last: int, issuer: object = MIDDLE, names: tuple[str, ...] = (NAME,)) -> object:
    return issue("leaf", issuer, names=names, not_before=NOW + first * DAY, not_after=NOW + last * DAY)


@pytest.mark.parametrize(
    ("leaf", "at"),
    [
        pytest.param(_dated(-9, -1), NOW, id="expired"),
        pytest.param(_dated(1, 9), NOW, id="not yet valid"),
        pytest.param(_dated(-9, 9), datetime(1970, 1, 1, tzinfo=UTC), id="our clock is at its epoch"),
        pytest.param(_dated(-9, 9), NOW + 400 * DAY, id="our clock is a year ahead"),
        pytest.param(_dated(-9, -1, names=("other.example",)), NOW, id="expired, and the wrong name"),
        pytest.param(_dated(-9, 9, names=()), NOW, id="no name at all"),
    ],
)
def test_the_authority_is_known_and_the_certificate_is_wrong(leaf: Issued, at: datetime) -> None:
    assert _verify(leaf, MIDDLE, at=at) is Failure.TLS_INVALID_CERTIFICATE


STRANGER = issue("Stranger", is_authority=True)
NAMESAKE = issue("Test Root", is_authority=True)
NOT_AN_AUTHORITY = issue("Test Middle", ROOT)


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((issue("leaf", STRANGER, names=(NAME,)), STRANGER), id="forged"),
        pytest.param((issue(NAME, names=(NAME,)),), id="self-signed"),
        pytest.param((issue("leaf", NAMESAKE, names=(NAME,)), NAMESAKE), id="a root of the same name"),
        pytest.param((issue("leaf", NAMESAKE, names=(NAME,)), ROOT), id="a true root beside a forged leaf"),
        pytest.param((_dated(-9, -1, STRANGER), STRANGER), id="forged and expired"),
        pytest.param((issue("leaf", MIDDLE, names=(NAME,)),), id="an intermediate left out"),
    ],
)
def test_the_authority_is_unknown(chain: tuple[Issued, ...]) -> None:
    assert _verify(*chain) is Failure.TLS_UNKNOWN_AUTHORITY


def test_a_certificate_that_is_no_authority_vouches_for_nobody() -> None:
    leaf = issue("leaf", NOT_AN_AUTHORITY, names=(NAME,))
    assert _verify(leaf, NOT_AN_AUTHORITY) is Failure.TLS_INVALID_CERTIFICATE


def test_without_the_extra_root_its_chain_is_unknown() -> None:
    leaf = issue("leaf", ROOT, names=(NAME,))
    assert Trust.load().verify([leaf.der], NAME, NOW) is Failure.TLS_UNKNOWN_AUTHORITY


def test_certificates_that_lead_nowhere_do_no_harm_and_order_does_not_matter() -> None:
    leaf = issue("leaf", MIDDLE, names=(NAME,))
    assert TRUST.verify([leaf.der, STRANGER.der, b"junk", MIDDLE.der], NAME, NOW) is None


@pytest.mark.parametrize("chain", [[], [b""], [b"junk"], [b"\x30\x03\x02\x01\x01"]])
def test_what_is_no_certificate_is_invalid(chain: tuple[Issued, ...]) -> None:
    assert TRUST.verify(chain, NAME, NOW) is Failure.TLS_INVALID_CERTIFICATE


def test_an_extra_root_that_is_no_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        Trust.load([b"junk"])


def test_the_public_roots_are_there() -> None:
    assert len(Trust.load().roots) > 100


def test_a_hundred_hostile_certificates_cost_little_time() -> None:
    twins = [issue("Twin", STRANGER, is_authority=True).der for _ in range(20)] * 5
    leaf = issue("leaf", STRANGER, names=(NAME,)).der
    began = time.process_time()
    assert TRUST.verify([leaf, STRANGER.der, *twins[:98]], NAME, NOW) is Failure.TLS_UNKNOWN_AUTHORITY
    assert time.process_time() - began < 0.5


GOOD = issue("leaf", MIDDLE, names=(NAME,)).der


def test_a_version_that_x509_does_not_have_is_a_failure_and_no_exception() -> None:
    version = GOOD.index(bytes.fromhex("a003020102"))  # [0] EXPLICIT INTEGER 2, which means v3 (RFC 5280 section 4.1)
    der = bytearray(GOOD)
    der[version + 4] = 3
    assert TRUST.verify([bytes(der), MIDDLE.der], NAME, NOW) is not None
    with pytest.raises(ValueError, match="not a valid X509 version"):
        parse_certificate(bytes(der))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_change_of_a_byte_makes_a_chain_right_for_another_name_or_raises(data: st.DataObject) -> None:
    der = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(der) - 1))
        der[place] ^= data.draw(st.integers(1, 255))
    failure = TRUST.verify([bytes(der), MIDDLE.der], NAME, NOW)
    assert failure is not None or bytes(der) == GOOD
