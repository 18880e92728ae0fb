"""When two arms can be compared, and how: alike whichever of them was the target's."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest

from probe.rates import ARM_S, ENOUGH_BYTES, are_comparable, is_far_apart, log_ratio, rate_bytes_s, stalled_at


@dataclass
class Arm:
    operation: str = "http"
    failure: str | None = None
    status: int | None = 200
    url: str | None = "http://x.example/"
    is_body_truncated: bool | None = False
    progress: tuple[tuple[float, int], ...] = ((0.1, 1000), (1.0, 100_000))


WHOLE = Arm()
CUT = Arm(is_body_truncated=True, progress=((0.1, 1000), (3.9, 70_000), (4.0, 70_000)))
FROZEN = Arm(is_body_truncated=True, progress=((0.1, 1000), (0.2, 16_000), (4.0, 16_000)))
BROKEN = Arm(failure="connection_reset", progress=((0.1, 1000), (0.2, 16_000)))
SILENT = Arm(failure="generic_timeout_error", status=None, progress=())
SILENT_AFTER_HANDSHAKE = Arm(failure="generic_timeout_error", status=None, url="https://x.example/", progress=())
NO_HANDSHAKE = Arm(operation="tls", failure="connection_reset", status=None, progress=())
ERROR_PAGE = Arm(progress=((0.1, 700), (0.1, 700)))
OTHER_STATUS = Arm(status=421)
FORGED = Arm(failure="response_not_genuine")
EVERY_ARM = [SILENT_AFTER_HANDSHAKE, WHOLE, CUT, FROZEN, BROKEN, SILENT, NO_HANDSHAKE, ERROR_PAGE, OTHER_STATUS, FORGED]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations_with_replacement(EVERY_ARM, 2)))
def test_whether_a_pair_counts_does_not_depend_on_which_arm_is_the_targets(one: Arm, other: Arm) -> None:
    assert are_comparable(one, other) == are_comparable(other, one)


@pytest.mark.parametrize("arm", [WHOLE, CUT, FROZEN, BROKEN, SILENT_AFTER_HANDSHAKE])
def test_transfers_that_began_are_compared(arm: Arm) -> None:
    assert are_comparable(arm, WHOLE)


@pytest.mark.parametrize("arm", [SILENT, NO_HANDSHAKE, ERROR_PAGE, OTHER_STATUS, FORGED])
def test_what_is_no_transfer_of_the_same_is_not(arm: Arm) -> None:
    assert not are_comparable(arm, WHOLE)


def test_two_arms_that_both_brought_little_show_no_rate() -> None:
    little = Arm(is_body_truncated=True, progress=((0.1, 10), (4.0, ENOUGH_BYTES - 1)))
    assert not are_comparable(little, FROZEN)


def test_an_arm_that_broke_early_is_not_taken_for_a_swift_one() -> None:
    assert rate_bytes_s(BROKEN) == pytest.approx(16_000 / ARM_S)
    assert log_ratio(BROKEN, WHOLE) > math.log(10)


def test_an_arm_that_brought_nothing_after_its_handshake_has_a_ratio_too() -> None:
    assert math.isfinite(log_ratio(SILENT_AFTER_HANDSHAKE, WHOLE))
    assert log_ratio(SILENT_AFTER_HANDSHAKE, WHOLE) > log_ratio(FROZEN, WHOLE)
    assert stalled_at(SILENT_AFTER_HANDSHAKE) == 0


def test_rates_count_the_wait_and_the_stall() -> None:
    assert rate_bytes_s(WHOLE) == pytest.approx(100_000)
    assert rate_bytes_s(FROZEN) == pytest.approx(4_000)
    assert log_ratio(FROZEN, WHOLE) == pytest.approx(math.log(25)) == -log_ratio(WHOLE, FROZEN)


@pytest.mark.parametrize(("ratio", "is_far"), [(1.9, False), (2.0, True), (0.51, False), (0.5, True)])
def test_half_or_double_is_far(ratio: float, is_far: bool) -> None:
    assert is_far_apart(math.log(ratio)) is is_far


def test_a_stall_is_where_the_last_new_byte_came_long_before_the_end() -> None:
    assert stalled_at(FROZEN) == 16_000
    assert stalled_at(CUT) is None
    assert stalled_at(WHOLE) is None
    whole_and_late = Arm(progress=((0.1, 1000), (0.2, 16_000), (4.0, 16_000)))
    assert stalled_at(whole_and_late) is None  # nothing more was to come
