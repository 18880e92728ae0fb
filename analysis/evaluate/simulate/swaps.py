"""Pairs as the probe makes them: order and scramble drawn from the cycle's committed seed, arms back to back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.plant import HELPERS, NO_RESOLVER
from analysis.evaluate.simulate.walk import (
    BOGON,
    DNS_TRIES_S,
    FORGED_CHAIN,
    SMALL_BYTES,
    SYN_TRIES_S,
    Walk,
)  # fmt: skip
from analysis.facts import Answer, PairFacts
from probe.failures import Failure
from probe.model import NameKind, Peer
from probe.randomness import is_target_first, scramble
from probe.rates import ARM_S, are_comparable, is_far_apart, log_ratio
from probe.techniques.non_resolver import CONTROL, NON_RESOLVER, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.evaluate.simulate.plant import Site
    from analysis.facts import Step

FOLLOW_UP, ENOUGH_DISCORDANT = 24, 14
FIRST_QUESTIONS = 6
TRANSFER_BYTES = 256_000
MOST_TRANSFERS, ENOUGH_ALIKE = 16, 3
_OPERATIONS = {NameKind.SNI: "tls", NameKind.HOST: "http", NameKind.PATH: "http", NameKind.QNAME: "dns"}


@dataclass
class Swaps:
    """Makes the pairs of one cycle."""

    walk: Walk
    seed: bytes
    _number: int = field(default=0)

    def pair(self, site: Site, kind: NameKind, *, is_negative: bool = False) -> PairFacts:
        """Make one pair at a helper."""
        return self._pair(site, kind, self._arm, is_negative=is_negative)

    def transfer(self, site: Site, *, is_negative: bool = False) -> PairFacts:
        """Make one pair of timed transfers at a helper."""
        kind = NameKind.HOST if site.is_plain else NameKind.SNI
        return self._pair(site, kind, self._timed_arm, technique="transfers", is_negative=is_negative)

    def _pair(
        self, site: Site, kind: NameKind, make: Callable[[str, str, int, NameKind], Step], *, is_negative: bool,
        technique: str | None = None,
    ) -> PairFacts:  # fmt: skip
        self._number += 1
        number = self._number
        address = self.walk.rng.choice(HELPERS)
        port = {NameKind.QNAME: 53, NameKind.SNI: 443}.get(kind, 80)
        name = site.path.rpartition("=")[2] if kind is NameKind.PATH else site.host
        other = scramble(self.seed, number, name)
        first = is_target_first(self.seed, number)
        arms = {said: make(said, address, port, kind) for said in ((name, other) if first else (other, name))}
        return PairFacts(
            pair_id=f"{self.walk.cycle_id}.p{number:04d}", number=number, name_kind=kind.value, peer=Peer.HELPER.value,
            address=address, port=port, target_name=name, control_name=other, is_target_first=first,
            is_negative_control=is_negative, target_arm=arms[name], control_arm=arms[other], technique=technique,
        )  # fmt: skip

    def _arm(self, name: str, address: str, port: int, kind: NameKind) -> Step:
        if kind is NameKind.QNAME:
            return self._question(name, address, port)
        walk, began = self.walk, self.walk.now
        failure, took = walk.exchange(address, SMALL_BYTES, SYN_TRIES_S, is_home=False)
        walk.now += took
        if failure is not None:
            return walk.step("tcp", at=began, failure=failure, address=address, port=port, duration_s=round(took, 6))
        failure, took, act = walk.say(address, kind.value, name, is_home=False)
        is_forged = act is not None and failure is None and act.does in {Does.FORGE, Does.PAGE}
        walk.now += took + 0.05
        return walk.step(
            _OPERATIONS[kind], at=began, name=name, address=address, port=port, duration_s=round(took, 6),
            failure=Failure.NOT_GENUINE if is_forged else failure,
            certificates=() if failure or kind is not NameKind.SNI else FORGED_CHAIN if is_forged else ("helper-leaf",),
            is_peer_hello_received=failure is None, is_genuine=None if failure else not is_forged,
        )  # fmt: skip

    def _question(self, name: str, address: str, port: int) -> Step:
        walk = self.walk
        failure, took = walk.exchange(address, SMALL_BYTES, DNS_TRIES_S, is_home=False)
        failure = failure and Failure.TIMEOUT
        answers: tuple[Answer, ...] = () if failure else (Answer(addresses=("192.0.2.1",), sending=1),)
        act = walk.met(address, "qname", name)
        if act is not None and walk.is_box_reached(address, act):
            answers = _forgery(act.does)
            failure = Failure.TIMEOUT if act.does is Does.SILENCE else Failure.NOT_GENUINE
        began = walk.now
        walk.now += took + 0.02
        return walk.step(
            "dns", at=began, name=name, address=address, port=port, resolver="helper", transport="udp",
            query_type="A", failure=failure, answers=answers, duration_s=round(took, 6),
            is_genuine=None if failure == Failure.TIMEOUT else failure is None,
        )  # fmt: skip

    def _timed_arm(self, name: str, address: str, port: int, kind: NameKind) -> Step:
        walk, began = self.walk, self.walk.now
        failure, took, act = walk.say(address, kind.value, name, is_home=False)
        if failure is not None:
            walk.now += took
            return walk.step("tls" if port == 443 else "http", at=began, failure=failure, address=address, port=port)
        rate = walk.rate(address, False, act)
        lasted = min(TRANSFER_BYTES / rate + took, ARM_S)
        count = min(TRANSFER_BYTES, int(rate * max(lasted - took, 0.05)))
        walk.now += lasted
        scheme = "https" if port == 443 else "http"
        return walk.step(
            "http", at=began, name=name, url=f"{scheme}://{name}/", address=address, port=port, status=200,
            is_body_truncated=count < TRANSFER_BYTES,
            is_peer_hello_received=True, first_byte_s=round(took, 6), technique="transfers",
            progress=((round(took, 3), 1200), (round((took + lasted) / 2, 3), count // 2 + 600),
                      (round(lasted, 3), count)),
        )  # fmt: skip

    # ---------------------------------------------------------------- several

    def follow_up(self, site: Site, so_far: list[PairFacts], kinds: tuple[NameKind, ...]) -> list[PairFacts]:
        """Go on with the kinds of a connection until enough are discordant, or the plan's number is made."""
        made: list[PairFacts] = []
        for kind in kinds:
            of_kind = [pair for pair in so_far if pair.name_kind == kind]
            while len(of_kind) < FOLLOW_UP and sum(map(is_discordant, of_kind)) < ENOUGH_DISCORDANT:
                of_kind.append(self.pair(site, kind))
                made.append(of_kind[-1])
        return made

    def questions(self, site: Site, so_far: list[PairFacts]) -> list[PairFacts]:
        """Ask a few times; go on once an answer differed."""
        made: list[PairFacts] = []
        asked = [pair for pair in so_far if pair.name_kind == NameKind.QNAME]
        while len(asked) < FOLLOW_UP and sum(map(is_discordant, asked)) < ENOUGH_DISCORDANT:
            if len(asked) >= FIRST_QUESTIONS and not any(map(is_discordant, asked)):
                break
            asked.append(self.pair(site, NameKind.QNAME))
            made.append(asked[-1])
        return made

    def transfers(self, site: Site) -> list[PairFacts]:
        """Compare rates while they differ."""
        made: list[PairFacts] = []
        alike = 0
        while len(made) < MOST_TRANSFERS and alike < ENOUGH_ALIKE:
            made.append(self.transfer(site))
            target, control = made[-1].target_arm, made[-1].control_arm
            assert target is not None
            assert control is not None
            differs = are_comparable(target, control) and is_far_apart(log_ratio(target, control))
            alike += not differs
        return made

    def where_no_resolver_runs(self, site: Site, controls: tuple[Site, ...]) -> list[Step]:
        """Ask an address that runs no resolver: for the target's name, and for a control's."""
        asked: list[Step] = []
        for _ in range(4):
            order = [(site.host, TARGET), (self.walk.rng.choice(controls).host, CONTROL)]
            for name, variant in self.walk.rng.sample(order, 2):
                act = self.walk.met(NO_RESOLVER, "qname", name)
                is_silent = act is None or act.does is Does.SILENCE
                is_heard = act is not None and not is_silent and self.walk.is_box_reached(NO_RESOLVER, act)
                answers = _forgery(act.does) if act is not None and is_heard else ()
                asked.append(
                    self.walk.step(
                        "dns", name=name, address=NO_RESOLVER, port=53, resolver="no-resolver", transport="udp",
                        query_type="A", technique=NON_RESOLVER.name, variant=variant, answers=answers,
                        failure=None if answers else Failure.TIMEOUT,
                    )
                )  # fmt: skip
                self.walk.now += 0.05 if answers else 2.0
        return asked


def _forgery(does: Does) -> tuple[Answer, ...]:
    if does is Does.SILENCE:
        return ()
    if does is Does.DENY:
        return (Answer(rcode="NXDOMAIN", sending=1),)
    return (Answer(addresses=(BOGON,), sending=1),)


def is_discordant(pair: PairFacts) -> bool:
    """Tell whether just one arm of a pair at a helper failed."""
    assert pair.target_arm is not None
    assert pair.control_arm is not None
    return (pair.target_arm.failure is None) != (pair.control_arm.failure is None)
