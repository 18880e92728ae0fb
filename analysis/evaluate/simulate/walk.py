"""A probe on its way through one cycle: which steps it makes, and what each comes to in this world.

It does what the real one does (``probe/steps``, ``probe/techniques``) as far as
the analysis reads it: two resolvers, every address, retries with encrypted
resolvers, controls beside an anomaly.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.evaluate.simulate.acts import Act, Does
from analysis.evaluate.simulate.plant import CERTIFIED, PUBLIC_DNS
from analysis.facts import Answer, Step
from probe.failures import Failure

if TYPE_CHECKING:
    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.plant import Place, Site
    from analysis.evaluate.simulate.stage import Stage

SYN_TRIES_S = (0.0, 1.0, 3.0, 7.0)
"""RFC 6298."""
DATA_TRIES_S = (0.0, 0.3, 0.9, 2.1, 4.5)
DNS_TRIES_S = (0.0, 1.0)
BOGON, STRANGER = "10.10.34.35", "203.98.7.65"
FORGED_CHAIN = ("forged-leaf", "forged-authority")
HELLO_BYTES, ANSWER_BYTES, SMALL_BYTES = 600, 1400, 80
_FAILURES = {Does.RESET: Failure.CONNECTION_RESET, Does.EOF: Failure.EOF, Does.ALERT: Failure.TLS_HANDSHAKE}


@dataclass
class Walk:
    """One cycle on its way. ``now`` is in seconds into the episode."""

    stage: Stage
    place: Place
    rng: Dice
    cycle_id: str
    now: float
    _count: int = field(default=0)

    def step(self, operation: str, at: float | None = None, **fields: Any) -> Step:
        """Make a step that begins now, or at another second."""
        self._count += 1
        return Step(
            observation_id=f"{self.cycle_id}.o{self._count}",
            operation=operation,
            started_mono_s=round(self.now if at is None else at, 6),
            **fields,
        )

    def exchange(self, address: str, size: int, tries: tuple[float, ...], *, is_home: bool) -> tuple[str | None, float]:
        """Exchange a packet and its answer with a server."""
        if self.stage.ailing(self.place.vantage, "unplugged", self.now):
            return Failure.NETWORK_UNREACHABLE, 0.0
        if self.stage.ailing(self.place.vantage, "refused", self.now):
            return Failure.NETWORK_UNREACHABLE, 0.0
        if self.stage.ailing(self.place.vantage, "refused-beyond", self.now):
            return Failure.TIMEOUT, tries[-1] + 2.0
        route = self.stage.plant.route(self.place, address, is_home=is_home)
        act = self.stage.world.acting(route, "address", address, self.now)
        if act is not None and self.rng.random() < act.share:
            return _FAILURES.get(act.does, Failure.TIMEOUT), 0.1 if act.does in _FAILURES else tries[-1] + 2.0
        return self.stage.world.try_all(route, self.now, self.rng.getrandbits(16), size, tries, self.rng)

    def met(self, address: str, layer: str, name: str, *, is_home: bool = False) -> Act | None:
        """Give who acts on a name on the way to a server, where this flow is met."""
        route = self.stage.plant.route(self.place, address, is_home=is_home)
        act = self.stage.world.acting(route, layer, name, self.now)
        return act if act is not None and self.rng.random() < act.share else None

    def is_box_reached(self, address: str, act: Act) -> bool:
        """Tell whether a packet to a server comes as far as the box that acts on it."""
        route = self.stage.plant.route(self.place, address, is_home=False)
        before = route[: route.index(act.element) + 1]
        return self.stage.world.pass_once(before, self.now, self.rng.getrandbits(16), SMALL_BYTES, self.rng) is None

    # ---------------------------------------------------------------- names

    def resolve(self, site: Site, attempt: int, technique: str | None) -> list[Step]:
        """Ask the operator's resolver and a public one; on the third attempt over encryption as well."""
        steps = [self._ask_system(site, attempt, technique), self._ask_public(site, attempt, technique)]
        if attempt == 3:
            steps += [self._ask_encrypted(site, transport) for transport in ("dot", "doh")]
        self.now += max(step.duration_s for step in steps)
        return steps

    def _ask_system(self, site: Site, attempt: int, technique: str | None) -> Step:
        place, world = self.place, self.stage.world
        own = (*place.way, f"resolver:{place.operator}")
        failure, took = self._asked(own)
        answers: tuple[Answer, ...] = ()
        if failure is None:
            act = world.acting((*own, place.gateway), "resolver", site.host, self.now)
            act = act or world.acting((*own, place.gateway), "qname", site.host, self.now)
            if self.stage.ailing(place.vantage, "portal", self.now):
                answers = (Answer(delay_s=0.01, addresses=("192.168.1.1",)),)
            elif act is not None and self.rng.random() < act.share:
                failure, answers = self._forged(act, site)
                answers = answers[:1]
            else:
                failure, answers = self._recursive(site)
        return self.step(
            "dns", name=site.host, resolver="system", transport="system", query_type="A", attempt=attempt,
            technique=technique, failure=failure, answers=answers, duration_s=round(took, 6),
        )  # fmt: skip

    def _recursive(self, site: Site) -> tuple[str | None, tuple[Answer, ...]]:
        """Answer from memory, or ask abroad. What no resolver remembers needs the way abroad."""
        is_known = site.is_home or self.rng.random() < 0.8
        abroad = (self.place.gateway,) if self.place.gateway else ()
        if not is_known and self.stage.world.pass_once(abroad, self.now, 0, SMALL_BYTES, self.rng) is not None:
            return Failure.DNS_SERVFAIL, ()
        return None, (Answer(delay_s=0.02, addresses=self._shuffled(site)),)

    def _ask_public(self, site: Site, attempt: int, technique: str | None) -> Step:
        route = self.stage.plant.route(self.place, PUBLIC_DNS, is_home=False)
        failure, took = self._asked(route)
        act = self.met(PUBLIC_DNS, "qname", site.host)
        if self.stage.ailing(self.place.vantage, "portal", self.now):
            failure = None
            answers: tuple[Answer, ...] = (Answer(delay_s=0.01, addresses=("192.168.1.1",), sending=1),)
        elif act is not None and self.is_box_reached(PUBLIC_DNS, act):
            failure, answers = self._forged(act, site)
        else:
            answers = () if failure else (Answer(delay_s=0.06, addresses=self._shuffled(site), sending=1),)
        return self.step(
            "dns", name=site.host, resolver="public", transport="udp", query_type="A", address=PUBLIC_DNS, port=53,
            attempt=attempt, technique=technique, failure=failure, answers=answers, duration_s=round(took, 6),
        )  # fmt: skip

    def _ask_encrypted(self, site: Site, transport: str) -> Step:
        failure, took = self.exchange(PUBLIC_DNS, ANSWER_BYTES, SYN_TRIES_S, is_home=False)
        if self.stage.ailing(self.place.vantage, "portal", self.now):
            failure = Failure.TLS_UNKNOWN_AUTHORITY
        return self.step(
            "dns", name=site.host, resolver=f"public-{transport}", transport=transport, query_type="A",
            address=PUBLIC_DNS, port=853, attempt=3, technique="resolvers", failure=failure,
            answers=() if failure else (Answer(delay_s=0.1, addresses=self._shuffled(site)),),
            duration_s=round(took, 6), is_peer_hello_received=failure is None,
        )  # fmt: skip

    def _asked(self, route: tuple[str, ...]) -> tuple[str | None, float]:
        place = self.place.vantage
        if self.stage.ailing(place, "unplugged", self.now) or self.stage.ailing(place, "refused", self.now):
            return Failure.NETWORK_UNREACHABLE, 0.0
        if self.stage.ailing(place, "refused-beyond", self.now):
            return Failure.TIMEOUT, DNS_TRIES_S[-1] + 2.0
        failure, took = self.stage.world.try_all(
            route, self.now, self.rng.getrandbits(16), SMALL_BYTES, DNS_TRIES_S, self.rng
        )
        return (failure and Failure.TIMEOUT), took

    def _forged(self, act: Act, site: Site) -> tuple[str | None, tuple[Answer, ...]]:
        true = Answer(delay_s=0.06, addresses=self._shuffled(site), sending=1)
        if act.does is Does.SILENCE:
            return Failure.TIMEOUT, ()
        if act.does is Does.DENY:
            return Failure.DNS_NXDOMAIN, (Answer(delay_s=0.01, rcode="NXDOMAIN", sending=1),)
        false = Answer(delay_s=0.01, addresses=(BOGON if act.layer == "qname" else STRANGER,), sending=1)
        return None, (false, true) if act.does is Does.RACE else (false,)

    def _shuffled(self, site: Site) -> tuple[str, ...]:
        return tuple(self.rng.sample(site.addresses, len(site.addresses)))

    # ---------------------------------------------------------------- one visit

    def visit(self, site: Site, attempt: int = 1, technique: str | None = None) -> list[Step]:
        """Measure one target once: names, connections to every address, one page."""
        steps = self.resolve(site, attempt, technique)
        addresses = list(dict.fromkeys(a for step in steps for a in sorted(step.addresses)))[:4]
        begun, ended = self.now, self.now
        open_at: list[str] = []
        for address in addresses:
            self.now = begun
            made = self._connect(site, address, attempt, technique)
            steps += made
            ended = max(ended, self.now)
            if made[-1].failure is None and made[-1].certificate_failure is None:
                open_at.append(address)
        self.now = ended
        if open_at:
            steps.append(self._fetch(site, self.rng.choice(open_at), attempt, technique))
        return steps

    def _connect(self, site: Site, address: str, attempt: int, technique: str | None) -> list[Step]:
        port = 80 if site.is_plain else 443
        common: dict[str, Any] = {"address": address, "port": port, "attempt": attempt, "technique": technique}
        if address.startswith(("10.", "192.168.")):
            return [self.step("tcp", failure=Failure.ADDRESS_NOT_DIALLED, **common)]
        failure, took = self.exchange(address, SMALL_BYTES, SYN_TRIES_S, is_home=site.is_home)
        steps = [self.step("tcp", failure=failure, duration_s=round(took, 6), **common)]
        self.now += took
        if failure is not None or site.is_plain:
            return steps
        chain: tuple[str, ...] = (f"{CERTIFIED}-{site.host}", "public-authority", "public-root")
        certificate_failure = None
        if address == STRANGER:
            failure, took, certificate_failure = None, 0.1, Failure.TLS_INVALID_HOSTNAME
            chain = ("stranger-leaf", "public-authority")
        elif self.stage.ailing(self.place.vantage, "hotel", self.now):
            chain, certificate_failure = ("hotel-leaf", "hotel-authority"), Failure.TLS_UNKNOWN_AUTHORITY
        else:
            failure, took, act = self.say(address, "sni", site.host, is_home=site.is_home)
            if act is not None and act.does is Does.FORGE and failure is None:
                chain, certificate_failure = FORGED_CHAIN, Failure.TLS_UNKNOWN_AUTHORITY
        is_heard = failure is None
        steps.append(
            self.step(
                "tls", name=site.host, failure=failure or certificate_failure, certificate_failure=certificate_failure,
                certificates=chain if is_heard else (), is_peer_hello_received=is_heard, duration_s=round(took, 6),
                bytes_received=2160 if is_heard else 0, **common,
            )
        )  # fmt: skip
        self.now += took
        return steps

    def say(self, address: str, layer: str, name: str, *, is_home: bool) -> tuple[str | None, float, Act | None]:
        """Send a name to a server and hear its answer: what it fails of, how long it took, and who met it."""
        act = self.met(address, layer, name, is_home=is_home)
        failure, took = self.exchange(address, ANSWER_BYTES, DATA_TRIES_S, is_home=is_home)
        if act is not None and failure is None and act.does in {*_FAILURES, Does.SILENCE}:
            failure = _FAILURES.get(act.does, Failure.TIMEOUT)
            took = took if act.does in _FAILURES else DATA_TRIES_S[-1] + 2.0
        return failure, took, act

    def _fetch(self, site: Site, address: str, attempt: int, technique: str | None) -> Step:
        layer, name = ("host", site.host) if site.is_plain else ("sni", "")
        failure, took, act = self.say(address, layer, name, is_home=site.is_home)
        if failure is None and site.path != "/":
            failure, more, other = self.say(address, "path", site.path, is_home=site.is_home)
            took, act = took + more, other or act
        title, status, length = f"{site.service.title()} front", 204 if site.kind == "portal-check" else 200, 48_000
        refusal = self._refusal(site)
        if refusal is not None:
            title, status, length = f"Error {refusal}", refusal, 900
        if act is not None and act.does is Does.PAGE:
            title, status, length = "Access is restricted", 200, 2_100
        if self.stage.ailing(self.place.vantage, "hotel", self.now):
            title, status, length = "Welcome to the hotel", 200, 3_300
        if address == STRANGER:
            title, status, length = "It works", 200, 600
        wanted = self.met(address, "sni", site.host, is_home=site.is_home)
        rate = self.rate(address, site.is_home, wanted if wanted is not None else act)
        lasted = min(length / rate, 4.0)
        body = hashlib.sha256(f"{site.name} {title}".encode()).hexdigest()
        self.now += took + lasted
        return self.step(
            "http", at=self.now - took - lasted, name=site.host, url=site.url, address=address,
            port=80 if site.is_plain else 443, attempt=attempt, technique=technique, failure=failure,
            is_peer_hello_received=failure is None, duration_s=round(took + lasted, 6),
            status=None if failure else status, title=None if failure or status == 204 else title,
            body_sha256=None if failure else body, body_length_bytes=None if failure else length,
            first_byte_s=None if failure else round(took, 6),
            progress=() if failure else ((round(took, 3), 1200), (round(took + lasted, 3), int(rate * lasted))),
        )  # fmt: skip

    def _refusal(self, site: Site) -> int | None:
        for table, is_meant in ((self.stage.refuses, not self.place.is_sentinel), (self.stage.errs, True)):
            status, start, end = table.get(site.host, (0, 0.0, 0.0))
            if is_meant and start <= self.now < end:
                return status
        return None

    def rate(self, address: str, is_home: bool, act: Act | None) -> float:  # noqa: FBT001 - the route's own flag
        """Give the bytes a second of one transfer."""
        route = self.stage.plant.route(self.place, address, is_home=is_home)
        rate = 900_000.0 * self.rng.lognormvariate(0.0, 0.35) / self.stage.world.slowness(route, self.now)
        if act is not None and act.does is Does.SLOW:
            return min(rate, act.rate_bytes_s * self.rng.lognormvariate(0.0, 0.08))
        return rate
