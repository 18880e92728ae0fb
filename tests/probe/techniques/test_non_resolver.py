"""Questions where no resolver runs: which names are asked, in which order, and when it stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

from probe.techniques import non_resolver
from probe.techniques.technique import Case, Need
from tests.probe.techniques.dns_case import case_of, reply

FORGED = "10.10.34.34"


def asked(case: Case) -> Counter[str]:
    case.technique = non_resolver.NON_RESOLVER.name
    asyncio.run(non_resolver.NON_RESOLVER.run(case))
    assert {step.technique for step in case.steps} == {"non-resolver"}
    return Counter(str(step.variant) for step in case.steps)


def test_silence_is_believed_after_a_few_pairs() -> None:
    assert asked(case_of(lambda *_: [])) == {"target": non_resolver.FIRST, "control": non_resolver.FIRST}


def test_answers_to_the_target_alone_are_counted_up_and_scrambles_asked_beside() -> None:
    case = case_of(lambda _, name, wire: [reply(wire, FORGED)] if name == "x.example" else [])
    assert asked(case) == {"target": 14, "control": 14, "scramble": 3}
    names = {step.variant: step.observation.name for step in case.steps}
    assert names["control"] in {"home.example", "abroad.example"}
    assert len(names["scramble"] or "") == len("x.example")
    answered = {step.variant for step in case.steps if step.observation.answers}
    assert answered == {"target"}


def test_answers_to_every_name_show_an_interception_soon() -> None:
    counts = asked(case_of(lambda _, __, wire: [reply(wire, rcode="NXDOMAIN")]))
    assert counts["control"] < 14
    assert counts["scramble"] == 0


def test_order_within_pairs_is_drawn_and_so_is_the_address() -> None:
    case = case_of(lambda _, name, wire: [reply(wire, FORGED)] if name == "x.example" else [])
    case.tools = case.tools.__class__(
        **{
            **{name: getattr(case.tools, name) for name in case.tools.__slots__},
            "limits": case.tools.limits.__class__(dns_timeout_s=0.3, dns_late_window_s=0.1, concurrent_pairs=1),
        }
    )
    asked(case)
    later = [str(step.variant) for step in case.steps if step.variant != "scramble"][2 * non_resolver.FIRST :]
    firsts = later[::2]
    assert set(firsts) == {"target", "control"}
    assert all({one, two} == {"target", "control"} for one, two in list(pairwise(later))[::2])
    assert len({step.observation.address for step in case.steps}) > 3


def test_helpers_addresses_serve_where_the_schedule_names_none() -> None:
    case = case_of(lambda *_: [])
    assert case.has(Need.SILENT_ADDRESS)
    assert {str(a) for a in case.schedule.silent_addresses()} == {f"192.0.2.{i}" for i in range(16)}
