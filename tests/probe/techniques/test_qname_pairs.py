"""Pairs of DNS questions at a helper: what makes an arm fail, and how many are made."""

from __future__ import annotations

import asyncio

from probe.failures import Failure
from probe.model import NameKind
from probe.pairs import is_discordant
from probe.techniques import qname_pairs
from probe.techniques.technique import Case, Need
from tests.probe.techniques.dns_case import case_of, helpers_own, reply

FORGED = "10.10.34.34"


def made(case: Case) -> Case:
    case.technique = qname_pairs.QNAME_PAIRS.name
    asyncio.run(qname_pairs.QNAME_PAIRS.run(case))
    return case


def test_names_that_fare_alike_need_a_few_pairs_only() -> None:
    case = made(case_of(lambda _, __, wire: [helpers_own(wire)]))
    assert len(case.made) == qname_pairs.FIRST
    assert {pair.name_kind for pair in case.made} == {NameKind.QNAME}
    for pair in case.made:
        assert [arm[-1].failure for arm in (pair.target_arm, pair.control_arm)] == [None, None]
        assert pair.control_arm[-1].name == pair.control_name != pair.target_name == "x.example"


def test_name_that_is_forged_fails_although_the_helpers_own_answer_follows() -> None:
    def answers(_: str, name: str, wire: bytes) -> list[bytes]:
        return [reply(wire, FORGED), helpers_own(wire)] if name == "x.example" else [helpers_own(wire)]

    case = made(case_of(answers))
    assert all(is_discordant(pair) for pair in case.made)
    assert len(case.made) >= 14  # so many one-sided pairs are E >= 1,000
    arm = case.made[0].target_arm[-1]
    assert (arm.failure, arm.is_genuine, len(arm.answers)) == (Failure.NOT_GENUINE, False, 2)


def test_helpers_answer_to_another_nonce_is_not_its_own() -> None:
    kept: dict[str, bytes] = {}

    def replay(_: str, name: str, wire: bytes) -> list[bytes]:
        kept.setdefault(name, helpers_own(wire))
        return [wire[:2] + kept[name][2:]]

    case = made(case_of(replay))
    failures = [pair.target_arm[-1].failure for pair in case.made]
    assert failures.count(None) == 1  # the one that was kept
    assert failures.count(Failure.NOT_GENUINE) == len(failures) - 1 > 0


def test_silence_is_a_failure() -> None:
    case = made(case_of(lambda _, name, wire: [] if name == "x.example" else [helpers_own(wire)]))
    assert {pair.target_arm[-1].failure for pair in case.made} == {Failure.TIMEOUT}
    assert all(is_discordant(pair) for pair in case.made)


def test_without_a_helper_that_answers_dns_it_is_not_begun() -> None:
    nothing = case_of(lambda *_: [], dns_port=None)
    assert Need.HELPER_DNS in qname_pairs.QNAME_PAIRS.needs
    assert not nothing.has(Need.HELPER_DNS)
    assert case_of(lambda *_: []).has(Need.HELPER_DNS)
