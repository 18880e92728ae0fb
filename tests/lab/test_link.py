"""Links: loss, bursts, rate, queue and order, as configured."""

from __future__ import annotations

import random
from itertools import groupby, pairwise

import pytest

from lab.link import Line, LinkProfile


def fates(profile: LinkProfile, packets: int = 40_000) -> list[bool]:
    """Whether each of many packets is lost; a millisecond apart."""
    line = Line(profile, random.Random(7))
    return [line.arrival(100, i / 1000) is None for i in range(packets)]


@pytest.mark.parametrize("burst_packets", [None, 1.5, 3.0, 10.0])
def test_as_many_packets_are_lost_as_the_profile_says(burst_packets: float | None) -> None:
    lost = fates(LinkProfile(loss=0.2, loss_burst_packets=burst_packets))
    assert sum(lost) / len(lost) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("burst_packets", [3.0, 10.0])
def test_losses_come_in_bursts_of_the_length_that_the_profile_says(burst_packets: float) -> None:
    lost = fates(LinkProfile(loss=0.2, loss_burst_packets=burst_packets))
    bursts = [len(list(run)) for is_lost, run in groupby(lost) if is_lost]
    assert sum(bursts) / len(bursts) == pytest.approx(burst_packets, rel=0.1)


def test_a_packet_takes_the_delay_and_at_most_the_jitter() -> None:
    line = Line(LinkProfile(delay_s=0.05, jitter_s=0.02), random.Random(1))
    taken = [arrival - sent for sent in range(1000) if (arrival := line.arrival(100, float(sent))) is not None]
    assert min(taken) >= 0.05
    assert max(taken) <= 0.07
    assert max(taken) - min(taken) > 0.015


def test_packets_of_one_line_never_overtake_each_other() -> None:
    line = Line(LinkProfile(delay_s=0.01, jitter_s=0.5), random.Random(2))
    arrivals = [line.arrival(100, i / 1000) for i in range(500)]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(arrivals))


def test_a_slow_line_takes_a_packets_length_over_its_rate() -> None:
    line = Line(LinkProfile(delay_s=0.0, rate_bit_s=8000.0), random.Random(3))
    assert line.arrival(1000, 0.0) == pytest.approx(1.0)
    assert line.arrival(1000, 0.0) == pytest.approx(2.0)
    assert line.arrival(500, 5.0) == pytest.approx(5.5)


def test_what_does_not_fit_into_the_queue_is_lost() -> None:
    line = Line(LinkProfile(delay_s=0.0, rate_bit_s=8000.0, queue_bytes=3000), random.Random(4))
    arrivals = [line.arrival(1000, 0.0) for _ in range(5)]
    assert [a is None for a in arrivals] == [False, False, False, True, True]
    assert line.arrival(1000, 2.5) is not None


def test_nothing_passes_a_link_that_is_down() -> None:
    assert all(fates(LinkProfile(is_up=False), packets=10))
