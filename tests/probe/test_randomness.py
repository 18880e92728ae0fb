"""The random choices of a cycle: fair, fixed by the seed, and shaped like the name that they replace."""

from __future__ import annotations

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe import randomness

HOST_NAMES = ["x.com", "t.co", "www.youtube.com", "respublika-kz.com", "y4De4CSEvAU", "kplus-tv.net", "e1.ru"]


def test_commitment_is_the_sha256_that_anyone_can_recompute() -> None:
    seed = bytes(range(32))
    assert randomness.commitment(seed) == hashlib.sha256(seed).hexdigest()


def test_another_seed_does_not_fit_a_commitment() -> None:
    stored = randomness.commitment(bytes(32))
    assert randomness.is_committed(bytes(32), stored)
    assert not randomness.is_committed(bytes(31) + b"\x01", stored)


def test_order_is_a_fair_coin_over_seeds_and_over_numbers() -> None:
    # 4,000 draws of a fair coin lie within 5 standard deviations (158) of 2,000.
    over_numbers = sum(randomness.is_target_first(b"s" * 32, number) for number in range(4000))
    over_seeds = sum(randomness.is_target_first(hashlib.sha256(b"%d" % i).digest(), 1) for i in range(4000))
    assert abs(over_numbers - 2000) < 158
    assert abs(over_seeds - 2000) < 158


@pytest.mark.parametrize("name", HOST_NAMES)
@pytest.mark.parametrize("number", range(20))
def test_scramble_differs_and_has_the_length_and_the_shape_of_the_name(name: str, number: int) -> None:
    other = randomness.scramble(bytes(32), number, name)
    assert other != name
    assert len(other.encode()) == len(name.encode())
    assert [c for c in other if not c.isalnum()] == [c for c in name if not c.isalnum()]
    for before, after in zip(name, other, strict=True):
        for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            assert (before in kind) == (after in kind)


def test_scramble_keeps_the_top_level_domain() -> None:
    assert randomness.scramble(bytes(32), 7, "www.youtube.com").endswith(".com")


def test_scrambles_of_two_pairs_differ() -> None:
    drawn = {randomness.scramble(bytes(32), number, "respublika-kz.com") for number in range(50)}
    assert len(drawn) == 50


def test_name_without_another_of_its_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="no other name"):
        randomness.scramble(bytes(32), 1, "---")


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10_000), st.integers(1, 300))
def test_permutation_holds_every_place_once(seed: bytes, number: int, length: int) -> None:
    assert sorted(randomness.permutation(seed, "targets", number, length)) == list(range(length))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10_000), st.integers(1, 10_000))
def test_draw_lies_below_its_bound(seed: bytes, number: int, bound: int) -> None:
    assert 0 <= randomness.below(seed, "place", number, bound) < bound
