"""What a generator is given: a country, a clock of slots, and the means to break, to act, and to say what is true."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analysis.evaluate.simulate.acts import Act
from analysis.evaluate.simulate.faults import FOREVER, Fault, loss
from analysis.evaluate.simulate.plant import Place, Plant, Site, build
from analysis.evaluate.simulate.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.faults import Passage

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
CADENCES_S = (900, 900, 1800, 3600)
LARGE_SHARE = 0.15
"""Of the episodes; the rest are as small as the analysis can do with, so that thousands can be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is true of some vantages and targets from ``start`` to ``end``, in seconds into the episode."""

    state: str
    cause: str | None
    vantages: frozenset[str]
    targets: frozenset[str]
    start: float
    end: float
    accept: frozenset[str]
    accept_causes: frozenset[str]
    mechanism: str | None
    event: str
    must_be_undetermined: bool
    """It mimics something else: whoever names a cause guesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What ails the volunteer's own machine or network."""

    vantage: str
    kind: str
    """``off``, ``asleep``, ``unplugged``, ``battery``, ``portal`` (it answers every name with itself), ``hotel`` (it
    takes every connection itself), ``refused`` and ``refused-beyond``: by the mobile network, where the modem is the
    machine's own or a router's."""
    start: float
    end: float


@dataclass(kw_only=True)
class Stage:
    """One episode in the making."""

    dice: Dice
    plant: Plant
    world: World = field(default_factory=World)
    cadence_s: int = 900
    slots: int = 8
    start: datetime = EPOCH
    spans: list[Span] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    refuses: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    """By host: the status with which a server answers this country from one second to another."""
    errs: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    """The same, with which it answers everybody."""

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return float(self.slots * self.cadence_s)

    @property
    def https(self) -> tuple[Site, ...]:
        """Targets over TLS."""
        return tuple(site for site in self.plant.sites if not site.is_plain)

    @property
    def plain(self) -> tuple[Site, ...]:
        """Targets over plain HTTP."""
        return tuple(site for site in self.plant.sites if site.is_plain)

    def span(self, least: int = 2, most: int | None = None) -> tuple[float, float]:
        """Draw when something begins and ends: mostly inside the episode, sometimes there before or after it."""
        first = 0.0 if self.dice.random() < 0.15 else self.dice.uniform(1.0, max(1.5, self.slots * 0.4))
        wanted = self.dice.uniform(least, most or max(least + 1.0, self.slots * 0.7))
        start, end = first * self.cadence_s, (first + wanted) * self.cadence_s
        return start, FOREVER if end >= self.length_s else end

    def fault(self, element: str, start: float, end: float, passage: Passage, slowness: float = 1.0) -> None:
        """Break an element."""
        self.world.faults[element].append(Fault(element, start, end, passage, slowness))

    def act(self, element: str, **how: Any) -> None:
        """Set a rule on a box."""
        self.world.acts.append(Act(element=element, **how))

    def ail(self, vantage: Place, kind: str, start: float, end: float) -> None:
        """Let a volunteer's own machine or network be at fault."""
        self.conditions.append(Condition(vantage=vantage.vantage, kind=kind, start=start, end=end))

    def true(
        self,
        state: str,
        cause: str | None,
        start: float,
        end: float,
        *,
        vantages: Iterable[Place] | None = None,
        targets: Iterable[Site] | None = None,
        accept: Iterable[str] = (),
        accept_causes: Iterable[str] = (),
        mechanism: str | None = None,
        event: str | None = None,
        must_be_undetermined: bool = False,
    ) -> None:
        """Say what is true: of all probes and of all targets where none are given."""
        chosen = self.plant.probes if vantages is None else tuple(vantages)
        struck = self.plant.sites if targets is None else tuple(targets)
        self.spans.append(
            Span(
                state=state,
                cause=cause,
                vantages=frozenset(v.vantage for v in chosen),
                targets=frozenset(site.name for site in struck),
                start=start,
                end=end,
                accept=frozenset(accept),
                accept_causes=frozenset(accept_causes),
                mechanism=mechanism,
                event=event or f"{cause} {len(self.spans) + 1}",
                must_be_undetermined=must_be_undetermined,
            )
        )

    def at(self, seconds: float) -> datetime:
        """Give the moment so many seconds into the episode."""
        return self.start + timedelta(seconds=seconds)

    def ailing(self, vantage: str, kind: str, t: float) -> bool:
        """Tell whether a vantage ails of something at a moment."""
        return any(c.vantage == vantage and c.kind == kind and c.start <= t < c.end for c in self.conditions)


def set_stage(dice: Dice) -> Stage:
    """Draw a country at peace: every line loses a little, some a good deal."""
    is_large = dice.random() < LARGE_SHARE
    plant = build(dice, targets=(4, 8), probes=(4, 8)) if is_large else build(dice, targets=(4, 4), probes=(3, 4))
    slots = dice.randint(8, 16) if is_large else dice.randint(6, 8)
    stage = Stage(dice=dice, plant=plant, cadence_s=dice.choice(CADENCES_S), slots=slots)
    stage.start = EPOCH + timedelta(hours=dice.randrange(24 * 28))
    for vantage in stage.plant.vantages:
        share = dice.choice((0.0, 0.0, 0.005, 0.02, dice.uniform(0.0, 0.12)))
        if share:
            stage.fault(f"mile:{vantage.vantage}", 0.0, FOREVER, loss(share))
    return stage
