"""The technique ``chain``, on loopback: which names are shown to an address, how often, and what is kept of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from probe.anomaly import Anomaly
from probe.failures import Failure
from probe.model import Observation, Operation
from probe.record import Step
from probe.techniques import chain
from tests.probe.techniques.loopback_case import NAME, case_of, helper_behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.techniques.technique import Case

PLACES = ("127.0.1.1", "127.0.1.2", "127.0.1.3")


def accepted(address: str, port: int) -> Observation:
    return Observation(
        operation=Operation.TCP,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        started_mono_s=0.0,
        ended_mono_s=0.1,
        name=NAME,
        address=address,
        port=port,
    )


def look(is_met: Callable[[str | None, bytes], bool], *, addresses: tuple[str, ...] = PLACES) -> Case:
    """Look at addresses that the routine dialled; a helper stands at each, whose certificate proves no name."""

    async def run() -> Case:
        async with helper_behind(is_met) as port:
            case = case_of(url=f"https://{NAME}:{port}/")
            case.steps += [Step(observation=accepted(address, port)) for address in addresses]
            case.technique = chain.CHAIN.name
            await chain.run(case)
            return case

    return asyncio.run(run())


def shaken(case: Case) -> list[Step]:
    return [step for step in case.steps if step.observation.operation is Operation.TLS]


def test_two_addresses_are_shown_each_name_twice() -> None:
    case = look(lambda _name, _first: False)
    tried = Counter((step.observation.address, step.variant) for step in shaken(case))
    assert tried == {
        (address, variant): chain.TRIALS for address in PLACES[:2] for variant in ("target", "other", "no-sni")
    }
    assert all(step.technique == "chain" for step in shaken(case))


def test_the_names_are_the_targets_own_a_scramble_of_it_and_none() -> None:
    case = look(lambda _name, _first: False)
    asked = {(step.variant, step.observation.name) for step in shaken(case)}
    assert {name for variant, name in asked if variant == "target"} == {NAME}
    assert {name for variant, name in asked if variant == "no-sni"} == {None}
    others = {name for variant, name in asked if variant == "other"}
    assert len(others) == chain.TRIALS, "a fresh one for each trial"
    assert all(name is not None and name != NAME and len(name) == len(NAME) for name in others)


def test_the_order_is_drawn_and_the_same_for_the_same_seed() -> None:
    first, second = (
        [(step.observation.address, step.variant) for step in shaken(look(lambda _n, _f: False))] for _ in range(2)
    )
    assert first == second
    variants = [variant for _, variant in first]
    assert variants != sorted(variants, key=variants.index), "not one variant after the other"


def test_a_chain_that_proves_nothing_is_kept_whole_with_its_reason() -> None:
    (target, *_) = [step.observation for step in shaken(look(lambda _n, _f: False)) if step.variant == "target"]
    assert target.certificates
    assert target.certificate_failure is not None


def test_a_name_that_is_met_is_kept_as_the_failure_that_it_is() -> None:
    case = look(lambda name, _first: name == NAME)
    by_variant = {
        variant: {step.observation.failure for step in shaken(case) if step.variant == variant}
        for variant in ("target", "other", "no-sni")
    }
    assert by_variant == {"target": {Failure.CONNECTION_RESET}, "other": {None}, "no-sni": {None}}


def test_an_address_that_no_longer_accepts_is_a_row_and_no_handshake() -> None:
    case = case_of(url=f"https://{NAME}:1/")

    async def run() -> None:
        case.technique = chain.CHAIN.name
        await chain._shake_hands(case, "127.0.1.1", 1, NAME, "target")

    asyncio.run(run())
    assert [(step.observation.operation, step.observation.failure) for step in case.steps] == [
        (Operation.TCP, Failure.CONNECTION_REFUSED)
    ]


def test_a_wrong_chain_calls_for_it_and_nothing_else_does() -> None:
    assert chain.CHAIN.looks_into == {Anomaly.ODD_CERTIFICATE}
