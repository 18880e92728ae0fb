"""Two pages' likeness can be told from their sketches, and nothing else can."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.sketch import BINS, likeness, sketch_of

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]


def text(seed: int, words: int = 400) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def page(words: list[str], title: str = "News") -> bytes:
    return f"<html><head><title>{title}</title></head><body><p>{' '.join(words)}</p></body></html>".encode()


def sketch(body: bytes) -> str:
    made = sketch_of(body, "utf-8")
    assert made is not None
    return made


def test_the_same_words_have_the_same_sketch_whatever_stands_around_them() -> None:
    words = text(1)
    plain = sketch(page(words))
    around = page(words).replace(
        b"<p>", b"<!-- a > b --><script>if (1 < 2) {other}</script><STYLE>p {}</STYLE><p class='x y'>"
    )
    assert len(plain) == 2 * BINS
    assert likeness(plain, sketch(around)) == 1


def test_figures_and_addresses_leave_no_trace_in_a_sketch() -> None:
    assert sketch(page(["visitor", "192.0.2.1", "counted", "12345"])) == sketch(page(["visitor", "counted"]))


@pytest.mark.parametrize(("shared", "expected"), [(400, 1.0), (300, 0.6), (200, 0.33), (0, 0.0)])
def test_likeness_estimates_the_share_of_words_in_a_row_that_two_pages_have_in_common(
    shared: int, expected: float
) -> None:
    # Of 400 words in each page, s are shared: their likeness is about s / (800 - s).
    trials = []
    for seed in range(20):
        common = text(seed, shared)
        one, other = (common + text(1000 + 2 * seed + side, 400 - shared) for side in (0, 1))
        trials.append(likeness(sketch(page(one)), sketch(page(other))))
    assert abs(sum(trials) / len(trials) - expected) < 0.06


def test_a_block_page_under_the_genuine_title_is_unlike_the_page() -> None:
    blocked = page(["access", "to", "this", "resource", "is", "restricted", "under", "the", "law"])
    assert likeness(sketch(page(text(1))), sketch(blocked)) < 0.1


def test_a_page_in_another_charset_is_read_in_it() -> None:
    body = "<p>Сайт заблокирован</p>"
    assert sketch_of(body.encode("cp1251"), "cp1251") == sketch_of(body.encode(), "utf-8")


@pytest.mark.parametrize("empty", [b"", b"<html></html>", b"12 34", b"<script>words in code</script>"])
def test_a_page_without_words_has_no_sketch(empty: bytes) -> None:
    assert sketch_of(empty, "utf-8") is None


@pytest.mark.parametrize("piece", [b"<", b"<script>", b"<!--", b"a ", b"<style", b"&#x", b"&lt;"])
def test_no_page_makes_it_slow(piece: bytes) -> None:
    began = time.process_time()
    sketch_of(piece * (262_144 // len(piece)), "utf-8")
    assert time.process_time() - began < 1.0


@given(st.binary(max_size=400))
def test_any_bytes_have_a_sketch_or_none(body: bytes) -> None:
    made = sketch_of(body, "utf-8")
    assert made is None or (len(made) == 2 * BINS and likeness(made, made) == 1)
