"""What a technique is, and the case that it works on.

A technique looks closer at one target and keeps what it saw, row by row, so
that one that is cut short loses nothing. It declares what it needs and what it
may cost; the ladder (:mod:`probe.ladder`) does not begin what it cannot pay
for, and writes a row that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from probe import icmp
from probe.anomaly import Anomaly, anomalies_of
from probe.record import Capture, Step, total_bytes
from probe.steps import quic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from probe.measure import Tools
    from probe.model import Observation, Target
    from probe.pairs import Pairs
    from probe.record import PairOfSteps
    from probe.schedule.model import Schedule


CONTINUING = frozenset({None, "resolvers"})
"""Techniques whose steps go on from the routine pass, and are read together with it."""


class Need(StrEnum):
    """What a technique cannot do without; the value is the reason where it is missing."""

    HELPER = "the schedule names no helper"
    HTTPS = "the target is not https"
    AIOQUIC = "aioquic is not installed (pip install nameblind[quic])"
    QUIC_PEER = "no helper of the schedule speaks QUIC, and the target offers no HTTP/3"
    HELPER_DNS = "no helper of the schedule answers DNS"
    SILENT_ADDRESS = "the schedule names no address where no resolver runs"
    ANSWERED_ADDRESS = "no address of the target accepted a connection"
    ICMP_ERRORS = "this system does not hand ICMP errors to programs"
    RAW_PACKETS = "raw packets were not permitted (nameblind run --packets, as root or with CAP_NET_RAW)"
    WAY_ROUND = "the schedule names no other way round"
    VIDEO = "the target is no video"


OF_TARGET = frozenset({Need.HTTPS, Need.VIDEO})
"""Needs that a target has or has not by its nature: whose turn it is in a rota does not go by those without."""


class GivenUpError(Exception):
    """A technique cannot go on, for no fault of the probe's; its text is the reason, in words of ours."""


class SpentError(Exception):
    """A technique that goes on while there are bytes for it has none left."""


class LeftOutError(Exception):
    """A technique left out a part; its text says which and why. It raises it as the last thing it does."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier look at the same target tried often enough."""

    at: datetime
    variants: frozenset[str]


@dataclass(slots=True)
class Purse:
    """What the closer looks of one cycle may still cost, over all its targets."""

    bytes_left: int


@dataclass(slots=True)
class Allowance:
    """What one look may spend: of the target's own share, and of the purse that all targets have in common.

    Points are counts of what the case has spent.
    """

    purse: Purse
    held_until: int
    """Up to here the purse was charged: what lies beyond, the looks at other targets may take first."""
    share_until: int
    """Here the target's own share ends."""

    def left_after(self, spent_bytes: int) -> int:
        """Count what may still be spent."""
        return min(self.share_until, self.held_until + self.purse.bytes_left) - spent_bytes

    def hold_until(self, spent_bytes: int) -> None:
        """Charge the purse up to a point, if it was not yet."""
        more = max(0, spent_bytes - self.held_until)
        self.purse.bytes_left -= more
        self.held_until += more

    def settle(self, spent_bytes: int) -> None:
        """Give back what was held and not spent."""
        self.purse.bytes_left += self.held_until - spent_bytes
        self.held_until = spent_bytes


@dataclass(slots=True, kw_only=True)
class Case:
    """One target in one round: what was seen of it so far, and what a closer look may use."""

    target: Target
    round: str
    number: int
    """Of the measurement within its cycle: what draws are keyed by."""
    schedule: Schedule
    tools: Tools
    pairs: Pairs
    technique: str | None = None
    """The one that is at work; ``None`` in the routine pass."""
    allowance: Allowance = field(default_factory=lambda: Allowance(Purse(0), 0, 0))
    """Of the one at work."""
    steps: list[Step] = field(default_factory=list)
    made: list[PairOfSteps] = field(default_factory=list)
    captures: list[Capture] = field(default_factory=list)
    known_shapes: Sequence[Known] = ()
    """What looks at the target's rule found within ``limits.shape_rest_s``, oldest first."""

    @property
    def seed(self) -> bytes:
        """Give the cycle's committed seed, from which every random choice is drawn."""
        return self.pairs.seed

    @property
    def routine_steps(self) -> list[Step]:
        """Give the steps of the routine pass, of its retries, and of what other resolvers led to; of no other look."""
        return [step for step in self.steps if step.technique in CONTINUING]

    @property
    def anomalies(self) -> frozenset[Anomaly]:
        """Say what is odd about the target, by what is known now."""
        return anomalies_of(self.target, self.routine_steps, self.made)

    @property
    def addresses(self) -> list[str]:
        """List the addresses of the target's own host at which something accepted a connection."""
        from probe.measure import dialled

        return dialled(self.routine_steps)

    @property
    def offers_http3(self) -> bool:
        """Tell whether a page of the target's named HTTP/3 in its Alt-Svc."""
        headers = (header for step in self.routine_steps for header in step.observation.headers)
        return any(name == "alt-svc" and "h3=" in value for name, value in headers)

    @property
    def spent_bytes(self) -> int:
        """Count what all steps cost so far, both directions, above TCP and UDP."""
        seen = [step.observation for step in self.steps]
        seen += [observation for pair in self.made for observation in (*pair.target_arm, *pair.control_arm)]
        return sum(total_bytes(seen))

    @property
    def bytes_left(self) -> int:
        """Count what the technique at work may still spend: for one that goes on while there is anything."""
        return self.allowance.left_after(self.spent_bytes)

    def set_aside(self, cost_bytes: int) -> bool:
        """Set aside what comes next, because others are looked into at the same time; ``False``: it is not there.

        What a technique declares is set aside as it begins. One that goes on asks before each further part.
        """
        if cost_bytes > self.bytes_left:
            return False
        self.allowance.hold_until(self.spent_bytes + cost_bytes)
        return True

    def has(self, need: Need) -> bool:
        """Tell whether what a technique cannot do without is there."""
        match need:
            case Need.HELPER:
                return bool(self.schedule.helpers)
            case Need.VIDEO:
                return self.target.video is not None
            case Need.HELPER_DNS:
                return any(helper.dns_port is not None for helper in self.schedule.helpers)
            case Need.SILENT_ADDRESS:
                return bool(self.schedule.silent_addresses())
            case Need.HTTPS:
                return self.target.url.startswith("https:")
            case Need.AIOQUIC:
                return quic.is_available()
            case Need.QUIC_PEER:
                return any(h.quic_port is not None for h in self.schedule.helpers) or self.offers_http3
            case Need.ANSWERED_ADDRESS:
                return bool(self.addresses)
            case Need.ICMP_ERRORS:
                return icmp.IS_AVAILABLE
            case Need.WAY_ROUND:
                return bool(self.schedule.ways)
            case Need.RAW_PACKETS:
                return self.schedule.may_keep_packets

    def keep(
        self, observation: Observation, *, variant: str | None = None, way: str | None = None, attempt: int = 1
    ) -> None:
        """Keep what one step of the technique at work saw; ``variant`` says which of its steps it was."""
        self.keep_step(Step(observation=observation, attempt=attempt, variant=variant, way=way))

    def keep_step(self, step: Step) -> None:
        """Keep a step that has its place in the measurement already, under the name of the technique at work."""
        self.steps.append(replace(step, technique=self.technique))

    def keep_pair(self, pair: PairOfSteps) -> None:
        """Keep one pair, under the name of the technique at work."""
        self.made.append(replace(pair, technique=self.technique))


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """One closer look."""

    name: str
    summary: str
    """What it asks, in one line: for ``nameblind plan`` and ``docs/techniques.md``."""
    looks_into: frozenset[Anomaly]
    """The anomalies that call for it."""
    needs: frozenset[Need] = frozenset()
    most_bytes: int
    """What it may cost, both directions: it is not begun where less is left."""
    most_s: float
    """How long it may take: it is ended there, with what it kept."""
    run: Callable[[Case], Awaitable[None]]
