"""How wrong the clock is, by what servers say, and whom to believe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from probe.itself.clock_offset import offset_of
from probe.model import Observation, Operation

TRUE = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def answer(
    ahead: timedelta, *, scheme: str = "https", date: str | None = None, age: str | None = None, took_s: float = 0.2
) -> Observation:
    """What a right server said to a machine whose clock is ``ahead``."""
    said = format_datetime(TRUE, usegmt=True) if date is None else date
    headers = [("date", said), *([("age", age)] if age else [])]
    return Observation(
        operation=Operation.HTTP,
        started_at=TRUE + ahead,
        started_mono_s=10.0,
        ended_mono_s=10.0 + took_s,
        url=f"{scheme}://control.example/",
        status=200,
        headers=tuple(headers),
    )


@pytest.mark.parametrize("ahead_s", [0, 7 * 60, -40 * 60, 400 * 86_400, -56 * 365 * 86_400])
def test_the_error_is_found_to_a_second(ahead_s: int) -> None:
    found = offset_of([answer(timedelta(seconds=ahead_s))] * 3)
    assert found is not None
    assert found.ahead_s == pytest.approx(ahead_s, abs=1.0)
    assert (found.source, found.witnesses) == ("http-date", 3)


def test_one_server_with_a_wrong_clock_is_outvoted() -> None:
    wrong = answer(timedelta(), date="Thu, 01 Jan 1970 00:00:00 GMT")
    found = offset_of([answer(timedelta(seconds=5)), wrong, answer(timedelta(seconds=5))])
    assert found is not None
    assert found.ahead_s == pytest.approx(5, abs=1.0)


def test_what_a_certificate_stands_for_is_believed_before_what_anybody_may_have_written() -> None:
    forged = [answer(timedelta(days=9), scheme="http")] * 5
    found = offset_of([*forged, answer(timedelta(seconds=3))])
    assert found is not None
    assert (found.source, found.witnesses) == ("http-date", 1)
    alone = offset_of(forged)
    assert alone is not None
    assert alone.source == "http-date-plain"


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026 00:00:00 GMT", "<script>", "\x00" * 50])
def test_a_date_that_is_none_is_no_witness(date: str) -> None:
    assert offset_of([answer(timedelta(), date=date)]) is None


def test_a_caches_answer_is_no_witness() -> None:
    assert offset_of([answer(timedelta(hours=1), age="3600")]) is None
    assert offset_of([answer(timedelta(hours=1), age="0")]) is not None
