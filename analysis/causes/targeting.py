"""Orders alone: every short list of rules, what it would kill, and what it costs to write down (M_T).

A literal names an operator, a bearer, and where names are asked about a name, a
service or an address block. A rule is one to three of them together; a list has one
to three literals in all. Its prior is 2 to the minus of the bits that write it: how
long it is, how its literals are joined, and of each which attribute of those that
there are, and which value of those that were measured.

A place is no targeting literal. It stands only beside another one, in a rule that
spares something alive in that place: a rule that takes all of a place is the place.
No rule reaches a sentinel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from analysis.causes.likelihood import masses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from analysis.causes.votes import Vote

    Mask = NDArray[np.bool_]

Literal: TypeAlias = tuple[str, str, str]
"""Attribute, country, value: a rule holds in one country."""

Rule: TypeAlias = tuple[Literal, ...]

MOST_LITERALS: Final = 3
MOST_JOINED: Final = 20
"""Rules of which lists are made, those that name most of what failed and least of what lived. What is left out makes
targeting less likely, never more."""

PLACE: Final = "place"
_LOG_LENGTH: Final = dict(zip((1, 2, 3), np.log([1 / 2, 1 / 4, 1 / 4]), strict=True))
_LOG_FORM: Final[Mapping[tuple[int, ...], float]] = {
    # Sizes of the rules of a list: one of the forms of that length, times the orders in which its literals are drawn.
    (1,): np.log(1),
    (2,): np.log(1 / 2 * 2),
    (1, 1): np.log(1 / 2 * 2),
    (3,): np.log(1 / 3 * 6),
    (1, 2): np.log(1 / 3 * 2),
    (1, 1, 1): np.log(1 / 3 * 6),
}


@dataclass(frozen=True)
class Orders:
    """Every list of rules, with what it would kill."""

    lists: tuple[tuple[Rule, ...], ...]
    log_prior: NDArray[np.float64]
    masks: Mask
    """A row a list: the votes that it names."""


def orders_of(votes: Sequence[Vote]) -> Orders:
    """Give every list of at most three literals that names more of what failed than of what lived, rule by rule."""
    literals = _literals(votes)
    values: dict[str, set[Literal]] = {}
    for literal in literals:
        values.setdefault(literal[0], set()).add(literal)
    cost = {literal: -float(np.log(len(values) * len(values[literal[0]]))) for literal in literals}
    rules = _rules(votes, literals)
    found: dict[bytes, tuple[tuple[Rule, ...], float, Mask]] = {}
    for chosen in _lists(rules):
        length = sum(len(rule) for rule in chosen)
        form = tuple(sorted(len(rule) for rule in chosen))
        prior = _LOG_LENGTH[length] + _LOG_FORM[form] + sum(cost[literal] for rule in chosen for literal in rule)
        mask = np.logical_or.reduce([rules[rule] for rule in chosen])
        if not _spares(mask, votes):
            continue
        # Lists that name the same votes are one hypothesis: the shortest is shown, and all count.
        shown, so_far, _ = found.get(mask.tobytes(), (chosen, -np.inf, mask))
        found[mask.tobytes()] = (shown, float(np.logaddexp(so_far, prior)), mask)
    return Orders(
        lists=tuple(item[0] for item in found.values()),
        log_prior=np.array([item[1] for item in found.values()]),
        masks=np.array([item[2] for item in found.values()], dtype=np.bool_).reshape(len(found), len(votes)),
    )


def text_of(rule: Rule) -> str:
    """Name a rule."""
    return " and ".join(f"{attribute} {value}" for attribute, _, value in rule)


def _literals(votes: Sequence[Vote]) -> dict[Literal, Mask]:
    """Give every literal that holds for some vote, with the votes that it holds for."""
    found: dict[Literal, Mask] = {}
    for number, vote in enumerate(votes):
        for literal in _of_vote(vote):
            found.setdefault(literal, np.zeros(len(votes), dtype=np.bool_))[number] = True
    return {literal: found[literal] for literal in sorted(found)}


def _of_vote(vote: Vote) -> tuple[Literal, ...]:
    if vote.vantage.is_sentinel:
        return ()
    country = vote.vantage.country
    block = vote.address_blocks[0] if len(vote.address_blocks) == 1 else ""
    named = (
        ("operator", vote.vantage.network),
        ("bearer", vote.vantage.bearer if vote.vantage.bearer != "unknown" else None),
        (PLACE, vote.vantage.region),
        ("name", vote.target),
        ("service", vote.service),
        ("address block", block),
    )
    return tuple((attribute, country, value) for attribute, value in named if value)


def _rules(votes: Sequence[Vote], literals: Mapping[Literal, Mask]) -> dict[Rule, Mask]:
    """Give every rule of one to three literals that some failed vote has, by how much more it names of what failed."""
    weights = masses(votes)
    found: dict[Rule, Mask] = {}
    for vote in votes:
        if vote.failed <= 0:
            continue
        mine = sorted(_of_vote(vote))
        for size in range(1, MOST_LITERALS + 1):
            for rule in combinations(mine, size):
                if rule not in found and any(attribute != PLACE for attribute, _, _ in rule):
                    found[rule] = np.logical_and.reduce([literals[literal] for literal in rule])
    gain = {rule: float(mask @ (weights[:, 0] - weights[:, 1])) for rule, mask in found.items()}
    kept = [rule for rule in found if gain[rule] > 0 and _spares_some(rule, found[rule], votes, literals)]
    kept.sort(key=lambda rule: (-round(gain[rule], 9), len(rule), rule))
    return {rule: found[rule] for rule in kept}


def _spares_some(rule: Rule, mask: Mask, votes: Sequence[Vote], literals: Mapping[Literal, Mask]) -> bool:
    """Tell whether a rule that names a place spares something that lived there."""
    places = [literal for literal in rule if literal[0] == PLACE]
    lived = np.array([vote.lived for vote in votes])
    return all(float((literals[place] & ~mask) @ lived) > 0 for place in places)


def _spares(mask: Mask, votes: Sequence[Vote]) -> bool:
    """Tell whether rules spare more of what lived than they name: rules for everything target nothing."""
    lived = np.array([0.0 if vote.vantage.is_sentinel else vote.lived for vote in votes])
    return float(lived @ ~mask) > float(lived @ mask)


def _lists(rules: Mapping[Rule, Mask]) -> Iterator[tuple[Rule, ...]]:
    """Give every list, the shortest first."""
    yield from sorted(((rule,) for rule in rules), key=lambda one: len(one[0]))
    joined = list(rules)[:MOST_JOINED]
    for one, other in combinations(joined, 2):
        if len(one) + len(other) <= MOST_LITERALS:
            yield (one, other)
    yield from combinations([rule for rule in joined if len(rule) == 1], MOST_LITERALS)
