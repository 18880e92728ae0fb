"""The technique ``shape``, on loopback: what it tries, where, and what rests."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from probe.model import Operation
from probe.steps import tcp, tls
from probe.swaps import sni
from probe.techniques import shape
from probe.techniques.technique import Known, LeftOutError
from tests.probe.techniques.loopback_case import NAME, case_of, helper_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probe.techniques.technique import Case


def look(
    is_met: Callable[[str | None, bytes], bool],
    *,
    pairs: int = 6,
    url: str = f"https://{NAME}/",
    known: Sequence[Known] = (),
    is_rest_expected: bool = False,
) -> Case:
    """Make pairs and then the look, with a box that meets connections by name and first bytes."""

    async def run() -> Case:
        async with helper_behind(is_met) as port:
            case = case_of(url=url, helper_ports={"https_port": port})
            swap = sni.swaps(case.target)[0]
            await case.pairs.several(swap, case.pairs.helper_places(swap), pairs, case.keep_pair)
            case.technique, case.known_shapes = "shape", known
            with contextlib.suppress(*([LeftOutError] if is_rest_expected else [])):
                await shape.run(case)
            return case

    return asyncio.run(run())


def outcomes(case: Case) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for step in case.steps:
        if step.observation.operation is Operation.TLS:
            found.setdefault(step.variant or "", set()).add(step.observation.failure)
    return found


def under(name: str | None, _: bytes) -> bool:
    return name is not None and (name == NAME or name.endswith(f".{NAME}"))


def test_a_rule_on_a_name_and_all_under_it_shows_in_its_variants() -> None:
    case = look(under)
    seen = outcomes(case)
    dead = {variant for variant, failures in seen.items() if failures == {"connection_reset"}}
    assert dead == {f"helper/{name}" for name in ("target", "case", "records", "www", "under")}
    alive = {variant for variant, failures in seen.items() if failures == {None}}
    # The box reads the first segment alone, so that a name cut in two passes it.
    expected = {"split", "scramble", "no-sni", "glued", "appended", "short", "long"}
    assert alive == {f"helper/{name}" for name in expected}
    assert seen["helper/ech"] == {"ssl_failed_handshake"}, "answered, which is all that can be seen of it"


def test_each_variant_is_tried_three_times_in_an_order_that_was_drawn() -> None:
    case = look(under)
    tried = [step.variant for step in case.steps if step.observation.operation is Operation.TCP]
    assert set(Counter(tried).values()) == {shape.TRIALS}
    assert tried != sorted(tried, key=tried.index), "not one variant after the other"
    assert all(step.technique == "shape" for step in case.steps)


def test_an_address_where_a_trial_failed_is_left_alone() -> None:
    case = look(under)
    failed: dict[str | None, float] = {}
    for step in case.steps:
        seen = step.observation
        if seen.operation is Operation.TLS and not seen.is_peer_hello_received:
            assert seen.address not in failed
            failed[seen.address] = seen.ended_mono_s
    assert len(failed) >= 15
    for step in case.steps:
        at = failed.get(step.observation.address)
        assert at is None or step.observation.started_mono_s < at


def test_where_nothing_is_odd_about_tls_nothing_is_tried() -> None:
    case = look(lambda _name, _first: False)
    assert case.steps == []


def test_where_both_arms_fail_alike_nothing_but_the_length_is_tried() -> None:
    case = look(lambda _name, first: len(first) > 10_000)

    async def fail() -> None:
        async with helper_behind(lambda _name, _first: True) as port:
            tools = case.tools
            case.technique = None
            _, stream = await tcp.connect(
                tcp.TcpEndpoint(address="127.0.1.1", port=port), tools.net, tools.clock, tools.limits
            )
            assert stream is not None
            seen, _ = await tls.handshake(
                tls.TlsEndpoint(stream=stream, address="127.0.1.1", port=port, server_name=NAME, trust=None),
                tools.net,
                tools.clock,
                tools.limits,
            )
            case.keep(seen)
            case.technique = "shape"
            await shape.run(case)

    asyncio.run(fail())
    assert {step.variant for step in case.steps if step.technique == "shape"} == {"helper/short", "helper/long"}


def test_what_was_tried_whole_of_late_rests_and_the_lengths_go_on() -> None:
    at = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    whole = frozenset(step.variant or "" for step in look(under).steps)
    with pytest.raises(LeftOutError, match=r"the names rest: .* tried whole at 2026-11-23 06:00 UTC"):
        look(under, known=[Known(at, whole)])
    case = look(under, known=[Known(at, whole)], is_rest_expected=True)
    assert {step.variant for step in case.steps} == {"helper/short", "helper/long"}


@pytest.mark.parametrize("place", ["helper", "target"])
def test_what_was_tried_in_part_or_elsewhere_is_tried_again(place: str) -> None:
    at = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    names = {str(step.variant).partition("/")[2] for step in look(under).steps}
    tried = {f"{place}/{name}" for name in names - ({"ech"} if place == "helper" else set())}
    case = look(under, known=[Known(at, frozenset(tried))])
    assert {str(step.variant).partition("/")[2] for step in case.steps} == names
