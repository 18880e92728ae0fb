"""Sets a claim against the conclusions, region by region and service by service.

Only two things speak: what was measured in that very place and time, and the event that it
is part of. A contradiction needs two vantages in the place that showed the opposite, and no
sign there of what is claimed. Silence, one vantage, or both at once: it cannot be said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from analysis.causes.cause import CAUSE_OF, Cause
from analysis.events.event import NETWORK_VANTAGES
from analysis.states import State
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analysis.claims.claim import Claim, Scope
    from analysis.facts import VantageFacts

STRONG: Final = 3.0
"""log10 of the least weight in channel A that contradicts or supports a claim: the floor of the verdict itself."""
NAME_CAUSES: Final = frozenset({Cause.SELECTIVE_BLOCKING, Cause.THROTTLING, Cause.TAMPERING})
"""Causes that read names; damage cannot."""
NAMELESS: Final = frozenset({Cause.DAMAGE, Cause.SHUTDOWN, Cause.TARGET_DOWN, Cause.VANTAGE_LOCAL})
OPPOSITE: Final = {Cause.DAMAGE: Cause.SHUTDOWN, Cause.SHUTDOWN: Cause.DAMAGE}
_UNSEEN: Final = frozenset({State.DARK, State.LOCAL, State.INSUFFICIENT, State.SUSPECTED})
"""States beneath which anything may hold."""


class Outcome(StrEnum):
    """Of a claim in one scope."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNSAID = "cannot be said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A claim in one region, of one service."""

    region: str
    service: str
    outcome: Outcome
    reason: str
    measured: int = 0
    events: tuple[dict[str, Any], ...] = ()
    """The events that speak, with their ledgers, as ``analyze --json`` has them."""

    def as_dict(self) -> dict[str, Any]:
        """Give what programs read."""
        ledger = [{"event": event["id"], "cause": event["cause"], "ledger": event["ledger"]} for event in self.events]
        names = ("region", "service", "outcome", "reason", "measured")
        return {**{name: getattr(self, name) for name in names}, "events": ledger}


def weigh(claim: Claim, found: Mapping[str, Any], vantages: Mapping[str, VantageFacts]) -> list[list[Weighed]]:
    """Give the outcomes of each scope; ``found`` is the object that ``analyze --json`` prints."""
    return [list(_weigh_scope(claim.cause, scope, found, vantages)) for scope in claim.scopes]


def _weigh_scope(
    cause: Cause, scope: Scope, found: Mapping[str, Any], vantages: Mapping[str, VantageFacts]
) -> Iterator[Weighed]:
    cells: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    first, last = scope.inner
    for state in found["states"]:
        vantage = vantages[state["vantage"]]
        if state["kind"] != TargetKind.TARGET or not _is_in(vantage, scope):
            continue
        if first <= datetime.fromisoformat(state["started_at"]) < last:
            cells[vantage.region or "", state["service"]].append(state)
    regions = sorted(set(scope.regions) | {region for region, _ in cells})
    services = sorted(set(scope.services) or {service for _, service in cells})
    for region in regions or [""]:
        for service in services or [""]:
            yield _weigh_cell(cause, region, service, cells.get((region, service), []), found["events"])


def _is_in(vantage: VantageFacts, scope: Scope) -> bool:
    return (
        not vantage.is_sentinel
        and scope.country in {None, vantage.country}
        and (not scope.regions or vantage.region in scope.regions)
        and (not scope.networks or vantage.network in scope.networks)
    )


def _weigh_cell(
    cause: Cause, region: str, service: str, states: list[dict[str, Any]], events: Iterable[dict[str, Any]]
) -> Weighed:
    speaking = [event for event in events if _touches(event, states)]

    def answer(outcome: Outcome, reason: str, of: Iterable[Cause] = ()) -> Weighed:
        kept = tuple(event for event in speaking if Cause(event["cause"]) in set(of))
        return Weighed(
            region=region, service=service, outcome=outcome, reason=reason, measured=len(states), events=kept
        )

    if not states:
        return answer(
            Outcome.UNSAID,
            f"nothing was measured there then; it would need {NETWORK_VANTAGES} vantages that measure it in that time",
        )
    shown = {named: _vantages_of(states, speaking, {named}) for named in (*NAME_CAUSES, *NAMELESS)}
    keyed = set[str]().union(*(shown[named] for named in NAME_CAUSES))
    unseen = sorted({state["vantage"] for state in states if State(state["state"]) in _UNSEEN})
    counts = Counter(state["state"] for state in states)
    seen = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    opposite = OPPOSITE.get(cause)
    if len(shown.get(cause, ())) >= NETWORK_VANTAGES and not (opposite and shown[opposite]):
        if cause in NAME_CAUSES or not keyed:
            many = len(shown[cause])
            return answer(
                Outcome.SUPPORTED,
                f"{many} vantages there show {cause.value} in that time{_targets(cause, states, speaking)}",
                {cause},
            )
        return answer(
            Outcome.UNSAID,
            f"both hold there in part: {cause.value}, and names singled out at {len(keyed)} vantages that had a way",
            {cause, *NAME_CAUSES},
        )
    if cause in NAMELESS and len(keyed) >= NETWORK_VANTAGES:
        if not unseen:
            return answer(
                Outcome.CONTRADICTED,
                f"{len(keyed)} vantages there had a way, and on it the name was singled out"
                f"{_targets(None, states, speaking)}: {cause.value} cannot read names",
                NAME_CAUSES,
            )
        return answer(
            Outcome.UNSAID,
            f"the name was singled out at {len(keyed)} vantages while they had a way, and part of the time nothing or "
            f"too little reached out ({seen}), of which it may be true; ask for a shorter interval",
            {*NAME_CAUSES, Cause.DAMAGE, Cause.SHUTDOWN, Cause.DARK_UNDETERMINED},
        )
    if opposite and len(shown[opposite]) >= NETWORK_VANTAGES and not shown[cause] and not keyed:
        return answer(Outcome.CONTRADICTED, f"the events there show {opposite.value} and not {cause.value}", {opposite})
    down = shown[Cause.TARGET_DOWN]
    if cause in NAME_CAUSES and len(down) >= NETWORK_VANTAGES and counts.keys() <= {State.DOWN.value}:
        return answer(Outcome.CONTRADICTED, "it failed for everyone, outside the country too", {Cause.TARGET_DOWN})
    return answer(Outcome.UNSAID, _why_unsaid(counts, keyed, seen, speaking), {Cause(e["cause"]) for e in speaking})


def _targets(cause: Cause | None, states: list[dict[str, Any]], speaking: list[dict[str, Any]]) -> str:
    """Give which targets show a cause, or any that reads names: a service may have others that do not."""
    causes = NAME_CAUSES if cause is None else {cause}
    names = {state["target"] for state in states if _vantages_of([state], speaking, set(causes))}
    return f" ({', '.join(sorted(names))})"


def _why_unsaid(counts: Counter[str], keyed: set[str], seen: str, speaking: list[dict[str, Any]]) -> str:
    if set(counts) == {State.OK.value}:
        return f"nothing failed in the {counts.total()} measurements there; between them it may have"
    if len(keyed) == 1:
        return "one vantage alone singled the name out, and its own box may have done it; it would need a second one"
    wanted = sorted({line for event in speaking for line in event["would_change"]})
    needs = "; what would change that: " + wanted[0].rstrip(".") if wanted else ""
    return f"what was measured there ({seen}) does not tell the causes apart{needs}"


def _touches(event: dict[str, Any], states: list[dict[str, Any]]) -> bool:
    """Whether a series that the event has was measured within the event, among these states."""
    return any(_is_of(event, state) for state in states)


def _is_of(event: dict[str, Any], state: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(state["started_at"])
    return any(
        (member["vantage"], member["target"]) == (state["vantage"], state["target"])
        and datetime.fromisoformat(member["onset"][1]) <= at
        and (member["end"] is None or at < datetime.fromisoformat(member["end"][1]))
        for member in event["members"]
    )


def _vantages_of(states: list[dict[str, Any]], speaking: list[dict[str, Any]], causes: set[Cause]) -> set[str]:
    """Give the vantages at which a state shows one of these causes as part of an event strong enough to say so."""
    strong = [event for event in speaking if Cause(event["cause"]) in causes and _is_strong(event)]
    return {
        state["vantage"]
        for state in states
        if any(_fits(State(state["state"]), Cause(event["cause"])) and _is_of(event, state) for event in strong)
    }


def _fits(state: State, cause: Cause) -> bool:
    """Whether a measurement in that state is one of what the cause did; why it is dark, an event alone says."""
    return CAUSE_OF.get(state) is cause or (state is State.DARK and cause in OPPOSITE)


def _is_strong(event: dict[str, Any]) -> bool:
    """Whether an event whose cause reads names has the evidence that accuses; others have their verdict's own floor."""
    if Cause(event["cause"]) not in NAME_CAUSES:
        return True
    return any(entry["channel"] == "A" and entry["log10_lr"] >= STRONG for entry in event["ledger"])
