"""No spelling of an address survives in what is kept of a page."""

from __future__ import annotations

import base64
import time
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.scrub import MARK, scrub


def spellings(address: IPv4Address) -> dict[str, str]:
    number, parts = int(address), str(address).split(".")
    mapped = IPv6Address(f"::ffff:{address}")
    return {
        "dotted": str(address),
        "decimal": str(number),
        "hexadecimal": f"0x{number:08x}",
        "bare hexadecimal": f"{number:08X}",
        "octal parts": ".".join(f"0{int(part):o}" for part in parts),
        "reversed": address.reverse_pointer,
        "dashed": f"ip-{'-'.join(parts)}",
        "underscores": "_".join(parts),
        "base64 of the bytes": base64.b64encode(address.packed).decode(),
        "base64 of the text": base64.b64encode(str(address).encode()).decode(),
        "mapped": f"::ffff:{address}",
        "hexadecimal mapped": mapped.exploded,
        "short mapped": str(mapped),
        "percent-encoded": "".join(f"%{ord(character):02X}" for character in str(address)),
        "twice encoded": quote(quote(str(address).replace(".", "%2e"))),
        "entities": "".join(f"&#{ord(character)};" for character in str(address)),
        "full-width": "".join(chr(ord(character) + 0xFEE0) for character in str(address)),
        "broken up": "\u200b".join(str(address)),
    }


def spellings_of_six(address: IPv6Address) -> dict[str, str]:
    return {
        "full": address.exploded,
        "compressed": str(address),
        "capitals in brackets": f"[{str(address).upper()}]",
        "number": f"{int(address):032x}",
        "reversed": address.reverse_pointer,
        "dashed": address.exploded.replace(":", "-"),
        "base64 of the bytes": base64.b64encode(address.packed).decode(),
        "base64 of the text": base64.urlsafe_b64encode(str(address).encode()).decode().rstrip("="),
        "percent-encoded": quote(str(address), safe=""),
    }


ADDRESSES = [IPv4Address(text) for text in ("192.0.2.1", "203.0.113.254", "95.56.0.7", "2.132.77.100", "178.88.9.10")]
SIX = [IPv6Address(text) for text in ("2a00:5da0:1:2::7", "2001:db8::1", "fe80::1c2f:33ff:fe00:1", "2a02:0:0:1::")]
WORDS = ("Your address {} was seen", "{}", "Blocked ({})", "ref={}; end", "host-{}.example", "Заблокировано: {}")


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", spellings(ADDRESSES[0]))
def test_no_spelling_of_an_address_is_kept(name: str, words: str) -> None:
    for address in ADDRESSES:
        written = spellings(address)[name]
        left = scrub(words.format(written))
        assert MARK in left
        assert written not in left
        assert str(address) not in left


@pytest.mark.parametrize("name", spellings_of_six(SIX[0]))
def test_no_spelling_of_an_ipv6_address_is_kept(name: str) -> None:
    for address in SIX:
        written = spellings_of_six(address)[name]
        left = scrub(f"You come from {written}, we know")
        assert MARK in left, written
        assert written not in left


@given(st.ip_addresses(v=4), st.sampled_from([name for name in spellings(ADDRESSES[0]) if name != "decimal"]))
def test_of_any_address_every_spelling_goes(address: IPv4Address, name: str) -> None:
    written = spellings(address)[name]
    assert written not in scrub(f"a {written} b")


@given(st.integers(16_777_216, 2**32 - 1))
def test_of_any_address_outside_network_0_the_decimal_number_goes(number: int) -> None:
    assert str(number) not in scrub(f"n={number}")


@given(
    st.ip_addresses(v=6).filter(lambda address: int(address) > 0xFFFF_FFFF),
    st.sampled_from(list(spellings_of_six(SIX[0]))),
)
def test_of_any_ipv6_address_every_spelling_goes(address: IPv6Address, name: str) -> None:
    written = spellings_of_six(address)[name]
    assert written not in scrub(f"a {written} b")


@pytest.mark.parametrize(
    "text",
    [
        "Сайт заблокирован",
        "Sign in to confirm you\N{RIGHT SINGLE QUOTATION MARK}re not a bot",
        "News at 12:34:56 on 2026-11-23",
        "Windows 11 and nginx/1.27.3, HTTP/1.1",
        "The window, 100% during spring; iPhone 17 & page-1",
        "16 December 2011: 64 & 70 people",
        "A::B",
        "",
    ],
)
def test_words_dates_versions_and_times_stay(text: str) -> None:
    assert scrub(text) == text.replace("A::B", MARK)


@given(st.text(max_size=300))
def test_any_text_is_scrubbed_to_one_that_needs_no_scrubbing(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize("piece", ["1.", "1-", "a:", "0x", "7", "f", "wA", "%25", "&#49;", "0."])
def test_no_text_makes_it_slow(piece: str) -> None:
    began = time.process_time()
    scrub(piece * (262_144 // len(piece)))
    assert time.process_time() - began < 2.0
