"""The agenda: in order, none forgotten, and late without passing lateness on."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.agenda import Agenda
from tests.lab.wired import Loop


def run(loop: Loop, seconds: float) -> None:
    loop.run_until_complete(asyncio.sleep(seconds))


@given(st.lists(st.sampled_from([0.0, 0.001, 0.002, 0.5, 1.0]), max_size=30))
def test_calls_are_made_in_the_order_of_their_time_and_then_of_their_asking(dues: list[float]) -> None:
    with Loop.made() as loop:
        agenda, made = Agenda(loop), []
        for position, due in enumerate(dues):
            agenda.at(due, lambda first, second, at: made.append((at, first, second)), position, "x")
        run(loop, 2.0)
    assert made == sorted((due, position, "x") for position, due in enumerate(dues))


def test_what_is_asked_for_from_within_a_call_is_made_in_its_turn() -> None:
    with Loop.made() as loop:
        agenda, made = Agenda(loop), []

        def call(name: str, _: Any, at: float) -> None:
            made.append((name, at))
            if name == "first":
                agenda.at(at, call, "at once", None)
                agenda.at(at + 0.5, call, "between", None)

        agenda.at(0.1, call, "first", None)
        agenda.at(1.0, call, "last", None)
        run(loop, 2.0)
    assert [name for name, _ in made] == ["first", "at once", "between", "last"]


def test_an_earlier_call_that_is_asked_for_later_does_not_wait_for_the_others() -> None:
    with Loop.made() as loop:
        agenda, made = Agenda(loop), []
        agenda.at(10.0, lambda *_: made.append("late"), None, None)
        run(loop, 1.0)
        agenda.at(2.0, lambda *_: made.append("early"), None, None)
        run(loop, 2.0)
        assert made == ["early"]


def test_no_call_is_made_before_it_is_due() -> None:
    with Loop.made() as loop:
        agenda, made = Agenda(loop), []
        for step in range(50):
            agenda.at(step * 0.01, lambda _first, _second, at: made.append(loop.time() - at), None, None)
        run(loop, 1.0)
    assert len(made) == 50
    assert min(made) >= 0.0


def test_lateness_does_not_add_up_along_a_path() -> None:
    hops, each_s, late_s = 100, 0.01, 0.003
    with Loop.made(late_s=late_s) as loop:
        agenda, ended = Agenda(loop), []

        def hop(left: int, _: Any, at: float) -> None:
            if left:
                agenda.at(at + each_s, hop, left - 1, None)
            else:
                ended.append((at, loop.time()))

        agenda.at(0.0, hop, hops, None)
        run(loop, 2.0)
    ((due, really),) = ended
    assert abs(due - hops * each_s) < 1e-9
    assert really - due <= 2 * late_s, "a hundred hops, and late by no more than one of them"
