"""The bars: what the analysis must come to, what it comes to, and whether it does. None is lowered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.evaluate.baselines import BASELINES
from analysis.evaluate.event_match import UNDETERMINED_CAUSES
from analysis.evaluate.score import OURS

if TYPE_CHECKING:
    from analysis.evaluate.scorecard import Scorecard

WANTED_DAMAGE: Final = 3000
WANTED_F1, WANTED_ECE = 0.90, 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, what was measured, and whether it is met; ``None`` where too little was simulated to say."""

    name: str
    wanted: str
    measured: str
    is_met: bool | None


def bars_of(card: Scorecard) -> tuple[Bar, ...]:
    """Hold a scorecard against every bar."""
    decisive = sum(n for cause, n in card.mimicry_named.items() if cause not in {*UNDETERMINED_CAUSES, "(none)"})
    f1, ece = card.held_out_macro_f1.value, card.held_out_ece.value
    of_all = card.held_out_macro_f1_of_all.value
    ours = card.methods[OURS]
    beaten = [
        name
        for name, other in card.methods.items()
        if name != OURS and (ours.f1.value or 0.0) > (other.f1.value or 0.0)
        and (ours.false_per_1000.value or 0.0) <= (other.false_per_1000.value or 0.0)
    ]  # fmt: skip
    is_enough = card.damage_episodes >= WANTED_DAMAGE
    count = len(card.false_damage)
    return (
        Bar(
            name="no false accusation in damage",
            wanted=f"0 in {WANTED_DAMAGE} episodes or more",
            measured=f"{count} in {card.damage_episodes} (at most {card.false_per_1000.high or 0:.2f} of 1,000)",
            is_met=False if count else (True if is_enough else None),
        ),
        Bar(
            name="macro-F1 on held-out mechanisms",
            wanted=f"{WANTED_F1:.2f}, what is left undetermined apart",
            measured=f"{_shown(f1)} ({_shown(of_all)} with it as a miss)",
            is_met=None if f1 is None else f1 >= WANTED_F1,
        ),
        Bar(
            name="calibration error (ECE) on held-out mechanisms",
            wanted=f"{WANTED_ECE:.2f} or less",
            measured=_shown(ece),
            is_met=None if ece is None else ece <= WANTED_ECE,
        ),
        Bar(
            name="no shutdown on a shared fibre",
            wanted="0",
            measured=f"{card.shutdowns_on_shared_fibre} in {card.shared_fibre_episodes} cuts",
            is_met=card.shutdowns_on_shared_fibre == 0 if card.shared_fibre_episodes else None,
        ),
        Bar(
            name="mimicry ends undetermined",
            wanted="no cause named",
            measured=f"{decisive} of {sum(card.mimicry_named.values())} named",
            is_met=decisive == 0 if card.mimicry_named else None,
        ),
        Bar(
            name="every baseline beaten on the same data",
            wanted=f"{len(BASELINES)} of {len(BASELINES)}",
            measured=f"{len(beaten)} of {len(BASELINES)}",
            is_met=len(beaten) == len(BASELINES),
        ),
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
