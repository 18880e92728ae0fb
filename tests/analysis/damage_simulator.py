"""A world of damage at the level of facts: a probe walks its cycle through it, and no censor reads any name.

Each kind of damage is a function that says whether one packet exchange comes
through, from what damage can see: the time, the address, the flow's hash and
the packet's size. The probe retransmits, retries and follows up as the real
one does. With ``censor`` a rule on one name is added, so that a test can show
that the same world does not make the analysis blind.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from analysis.facts import LinkFacts
from tests.analysis.fact_builder import RESET, T0, TIMEOUT, CycleBuilder, dns, http, tcp, tls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from analysis.facts import CycleFacts, Step
    from tests.analysis.fact_builder import PairSpec

HELPERS = tuple(f"45.33.32.{i}" for i in range(1, 9))
TRIES_S = (0.0, 1.0, 3.0, 7.0)
"""Retransmissions of TCP (RFC 6298)."""

TARGETS = {
    "x.example.com": ("93.184.216.34", "93.184.216.35"),
    "video.example.com": ("94.20.7.34", "94.20.8.34"),
    "news.example.kz": ("8.41.9.5",),
    "tv.example.net": ("95.30.1.7",),
    "mirror.example.org": ("93.184.216.80",),
    "social.example.net": ("9.60.1.1", "9.60.2.1"),
    "paper.example.kz": ("8.41.10.5",),
    "blog.example.com": ("94.20.9.9",),
}
CONTROLS = {
    "egov.example.kz": ("control-home", "8.20.1.1"),
    "post.example.kz": ("control-home", "8.20.2.1"),
    "example.org": ("control-abroad", "9.30.1.1"),
    "example.net": ("control-abroad", "9.31.1.1"),
}

Passes = Callable[[float, str, int, int], str | None]
"""(seconds, address, flow hash, bytes) -> the failure that the exchange dies of, or ``None``."""


@dataclass
class Episode:
    """What is broken for one vantage, and how the sentinel fares."""

    passes: Passes
    resolver: Callable[[float], str | None] = lambda _t: None
    is_link_up: bool = True
    has_portal: bool = False
    duplicates_packets: bool = False
    server_fails: Callable[[random.Random, str], bool] = lambda _r, _name: False
    """Whether a target's own server fails one connection; for everyone alike."""
    bad_certificates: frozenset[str] = frozenset()
    """Addresses at which some members of the server's group show a certificate of their own."""
    sentinel_loss: float = 0.0
    has_sentinel: bool = True


@dataclass
class Walk:
    """A probe on its way through one cycle."""

    episode: Episode
    rng: random.Random
    now: float
    censored: frozenset[str] = frozenset()
    is_sentinel: bool = False
    _ports: int = field(default=0)

    def exchange(self, address: str, size: int, tries: Sequence[float] = TRIES_S) -> str | None:
        """Try one exchange with retransmissions; time passes."""
        flow = self.rng.getrandbits(16)
        failure: str | None = None
        for offset in tries:
            failure = self._one(self.now + offset, address, flow, size)
            if failure is None or failure == RESET:
                self.now += offset + 0.1
                return failure
        self.now += tries[-1] + 3.0
        return failure

    def _one(self, t: float, address: str, flow: int, size: int) -> str | None:
        if self.is_sentinel:
            return TIMEOUT if self.rng.random() < self.episode.sentinel_loss else None
        if not self.episode.is_link_up:
            return "network_unreachable"
        return self.episode.passes(t, address, flow, size)

    def resolve(self, name: str, addresses: Sequence[str]) -> list[Step]:
        """Ask the system's resolver and a public one."""
        steps = []
        for resolver, transport, place in (("system", "system", None), ("public", "udp", "8.8.8.8")):
            failure = self._one(self.now, place or "8.41.0.53", 0, 80)
            failure = failure and self._one(self.now + 2.0, place or "8.41.0.53", 0, 80)
            if failure is None and resolver == "system" and not self.is_sentinel:
                failure = self.episode.resolver(self.now)
            if self.episode.has_portal and not self.is_sentinel:
                addresses = ("192.168.1.1",)
            given = [self.rng.sample(addresses, len(addresses))] if failure is None else []
            if self.episode.duplicates_packets and transport == "udp":
                given *= 2
            steps.append(dns(name, *given, resolver=resolver, transport=transport, failure=failure))
        self.now += 0.1 if all(s.failure is None for s in steps) else 5.0
        return steps

    def visit(self, name: str, addresses: Sequence[str], attempt: int = 1) -> list[Step]:
        """Measure one https name once, as the probe does."""
        steps = [*self.resolve(name, addresses)]
        known = list(dict.fromkeys(a for s in steps for a in s.addresses))[:4]
        open_at = None
        for address in known:
            if address.startswith("192.168."):
                steps.append(tcp(address, "address_not_dialled"))
                continue
            failure = self.exchange(address, 60)
            steps.append(tcp(address, failure))
            if failure is not None:
                continue
            failure = self._handshake(address, name)
            wrong = address in self.episode.bad_certificates and not self.is_sentinel and self.rng.random() < 0.5
            if failure is None and wrong:
                bad = "ssl_unknown_authority"
                steps.append(tls(address, certificate_failure=bad, certificates=("default-leaf",)))
                continue
            steps.append(tls(address, failure))
            if failure is None and open_at is None:
                open_at = address
        if open_at is not None:
            failure = self.exchange(open_at, 1400)
            steps.append(http(f"https://{name}/", address=open_at, title=name, failure=failure))
        for step in steps:
            object.__setattr__(step, "attempt", attempt)  # frozen for everyone else
        return steps

    def _handshake(self, address: str, name: str) -> str | None:
        if name in self.censored and not self.is_sentinel:
            self.now += 0.1
            return RESET
        if self.episode.server_fails(self.rng, name):
            self.now += 10.0
            return TIMEOUT
        return self.exchange(address, 1400, (0.0, 1.5, 4.0))

    def pair(self, name: str) -> PairSpec:
        """Give the failures of target's and control's arm, run in an order drawn at random."""
        helper = self.rng.choice(HELPERS)
        failures = {}
        for arm in self.rng.sample(("target", "control"), 2):
            failure = self.exchange(helper, 60)
            if failure is None and arm == "target" and name in self.censored and not self.is_sentinel:
                failure = RESET
            failures[arm] = failure or self.exchange(helper, 1400, (0.0, 1.5, 4.0))
        return ("sni", "helper", failures["target"], failures["control"])


def answered(steps: Sequence[Step]) -> bool:
    return steps[-1].operation == "http" and steps[-1].failure is None


def cycle(
    episode: Episode, rng: random.Random, index: int, *, vantage: str = "almaty", censored: frozenset[str] = frozenset()
) -> CycleFacts:
    """Walk one cycle and give its facts."""
    is_sentinel = vantage == "frankfurt"
    start = index * 900.0 + rng.uniform(0, 120)
    walk = Walk(episode, rng, start, censored, is_sentinel)
    link = LinkFacts(
        sampled_at=T0,
        is_interface_up=episode.is_link_up or is_sentinel,
        has_default_route=True,
        is_gateway_answering=True,
    )
    builder = CycleBuilder(
        vantage=vantage, index=index, role="control" if is_sentinel else "probe", links=(link,),
        after=timedelta(seconds=start - index * 900.0),
    )  # fmt: skip
    is_abroad_answering = False
    for round_ in ("first", "main", "last"):
        if round_ == "main":
            for name in rng.sample(sorted(TARGETS), len(TARGETS)):
                walk.now = start + rng.uniform(20, 200)  # measured side by side
                _target(builder, walk, name, is_abroad_answering=is_abroad_answering)
            walk.now = start + 260
            continue
        for name, (kind, address) in CONTROLS.items():
            steps = walk.visit(name, (address,))
            is_abroad_answering |= kind == "control-abroad" and answered(steps)
            pairs = [walk.pair(name)] if round_ == "last" else []
            builder.add(name, steps, service="controls", kind=kind, round_=round_, pairs=pairs)
        status = 200 if episode.has_portal and not is_sentinel else 204
        failure = walk.exchange("9.30.1.9", 60)
        check = http("http://check.example.org/", status, None, "9.30.1.9", failure)
        builder.add(
            "check.example.org", [tcp("9.30.1.9"), check], kind="portal-check", round_=round_, expect_status=204
        )
    return builder.build()


def _target(builder: CycleBuilder, walk: Walk, name: str, *, is_abroad_answering: bool) -> None:
    steps = walk.visit(name, TARGETS[name])
    pairs = [walk.pair(name)]
    one_sided = lambda: sum((t is None) != (c is None) for _, _, t, c in pairs)  # noqa: E731
    if is_abroad_answering and (not answered(steps) or one_sided()):
        for attempt in (2, 3):
            if answered(steps):
                break
            steps = [*steps, *walk.visit(name, TARGETS[name], attempt)]
        while len(pairs) < 24 and one_sided() < 14:
            pairs.append(walk.pair(name))
    builder.add(name, steps, pairs=pairs, service=name)


# ---------------------------------------------------------------- kinds of damage


def is_in(prefix: str) -> Callable[[str], bool]:
    return lambda address: address.startswith(prefix)


def random_loss(rng: random.Random) -> Episode:
    share = rng.uniform(0.4, 0.8)
    return Episode(lambda *_: TIMEOUT if rng.random() < share else None)


def bursts(rng: random.Random) -> Episode:
    """On and off by turns of 1 to 40 seconds, with loss on top."""
    mean, down_share, loss = rng.uniform(1, 40), rng.uniform(0.3, 0.8), rng.uniform(0, 0.2)
    salt = rng.random()

    @cache
    def is_down(turn: int) -> bool:
        return random.Random(f"{salt}:{turn}").random() < down_share

    def passes(t: Any, *_: Any) -> str | None:
        return TIMEOUT if is_down(int(t / mean)) or rng.random() < loss else None

    return Episode(passes)


def resets_at_random(rng: random.Random) -> Episode:
    share = rng.uniform(0.2, 0.7)
    return Episode(lambda *_: RESET if rng.random() < share else None)


def flapping(rng: random.Random) -> Episode:
    """A route that comes and goes by turns of one to six minutes."""
    turn, phase = rng.uniform(60, 360), rng.uniform(0, 360)
    return Episode(lambda t, *_: TIMEOUT if int((t + phase) / turn) % 2 else None)


def dead_network(rng: random.Random) -> Episode:
    prefix = rng.choice(["93.184.", "94.20.", "8.41.", "95.30.1.", "93.184.216.", "9"])
    failure = rng.choice([TIMEOUT, "host_unreachable", "connection_refused", RESET])
    return Episode(lambda _t, address, *_: failure if address.startswith(prefix) else None)


def dead_address(rng: random.Random) -> Episode:
    dead = {a for name in rng.sample(sorted(TARGETS), 4) for a in TARGETS[name]}
    return Episode(lambda _t, address, *_: TIMEOUT if address in dead else None)


def ecmp_by_flow(rng: random.Random) -> Episode:
    members = rng.choice([2, 4, 8])
    return Episode(lambda _t, _a, flow, _s: TIMEOUT if flow % members == 0 else None)


def ecmp_by_address(rng: random.Random) -> Episode:
    members, salt = rng.choice([2, 4, 8]), rng.random()

    @cache
    def is_dead(address: str) -> bool:
        return random.Random(f"{salt}{address}").randrange(members) == 0

    return Episode(lambda _t, address, *_: TIMEOUT if is_dead(address) else None)


def cable_cut(rng: random.Random) -> Episode:
    """Everything dies at one moment and comes back, prefix by prefix."""
    at, length, salt = rng.uniform(-300, 1200), rng.uniform(100, 2000), rng.random()

    @cache
    def back_at(prefix: str) -> float:
        return at + length * random.Random(f"{salt}{prefix}").uniform(0.5, 1.0)

    def passes(t: Any, address: str, *_: Any) -> str | None:
        return TIMEOUT if at <= t < back_at(address.rpartition(".")[0]) else None

    return Episode(passes)


def gateway_abroad(rng: random.Random) -> Episode:
    loss = rng.choice([1.0, 1.0, 0.9])
    return Episode(lambda _t, a, *_: TIMEOUT if not a.startswith("8.") and rng.random() < loss else None)


def large_packets(rng: random.Random) -> Episode:
    prefix = rng.choice(["", "", "9", "45."])
    return Episode(lambda _t, a, _f, size: TIMEOUT if size > 1000 and a.startswith(prefix) else None)


def resolver_crash(rng: random.Random) -> Episode:
    failure = rng.choice([TIMEOUT, "dns_server_misbehaving", "dns_refused_error"])
    at = rng.uniform(-100, 300)
    blocks_public = rng.random() < 0.5
    return Episode(
        lambda _t, a, *_: TIMEOUT if blocks_public and a == "8.8.8.8" else None,
        resolver=lambda t: failure if t % 900 > at else None,
    )


def dead_target(rng: random.Random) -> Episode:
    names = frozenset(rng.sample(sorted(TARGETS), 4))
    return Episode(lambda *_: None, server_fails=lambda _r, name: name in names)


def overloaded_target(rng: random.Random) -> Episode:
    names, share = frozenset(rng.sample(sorted(TARGETS), 5)), rng.uniform(0.7, 0.98)
    return Episode(lambda *_: None, server_fails=lambda r, name: name in names and r.random() < share)


def captive_portal(rng: random.Random) -> Episode:
    return Episode(lambda *_: None, has_portal=True)


def own_link_down(rng: random.Random) -> Episode:
    return Episode(lambda *_: None, is_link_up=False)


def dead_helpers(rng: random.Random) -> Episode:
    failing = rng.choice(["45.33.32.1", "45.33.32.", "45.33.32.3"])
    loss = rng.uniform(0.5, 0.9)
    return Episode(
        lambda _t, a, *_: TIMEOUT if a.startswith(failing) or (a[0] == "9" and rng.random() < loss) else None
    )


def misconfigured_member(rng: random.Random) -> Episode:
    bad = frozenset(TARGETS["x.example.com"] + TARGETS["tv.example.net"])
    return Episode(lambda *_: None, bad_certificates=bad)


def duplicated_packets(rng: random.Random) -> Episode:
    loss = rng.uniform(0.4, 0.8)
    return Episode(lambda *_: TIMEOUT if rng.random() < loss else None, duplicates_packets=True)


DAMAGE = (
    random_loss, bursts, resets_at_random, flapping, dead_network, dead_address, ecmp_by_flow, ecmp_by_address,
    cable_cut, gateway_abroad, large_packets, resolver_crash, dead_target, overloaded_target, captive_portal,
    own_link_down, dead_helpers, misconfigured_member, duplicated_packets,
)  # fmt: skip


def episode(
    kind: str, rng: random.Random, cycles: Sequence[CycleFacts], *, censored: frozenset[str] = frozenset()
) -> list[CycleFacts]:
    """Walk a vantage and (four times in five) a sentinel through some cycles of one kind of damage."""
    damage = kind(rng)
    damage.has_sentinel = rng.random() < 0.8
    damage.sentinel_loss = rng.choice([0.0, 0.0, 0.1])
    walked = []
    for index in range(cycles):
        walked.append(cycle(damage, rng, index, censored=censored))
        if damage.has_sentinel and rng.random() < 0.9:
            walked.append(cycle(damage, rng, index, vantage="frankfurt"))
    return walked
