"""Topology against targeting: can fallen plant explain what is dark, or does it take an order?

M_D: a few elements fell (:mod:`analysis.causes.topology`). M_T: somebody gave a few
rules (:mod:`analysis.causes.targeting`). M_TD: both at once. The Bayes factor is that
of the last two together against the first, given that something happened.

It is bounded below what a claim needs, so that this kind of evidence alone never
makes one, and it is never above zero where one fault would do as well: then the two
cannot be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import logsumexp

from analysis.causes.cells import Contrast
from analysis.causes.likelihood import log_likelihood, masses
from analysis.causes.plant import MOST_FALLEN
from analysis.causes.targeting import orders_of, text_of
from analysis.causes.topology import faults_of
from analysis.causes.votes import HALF, can_contrast, failing, votes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.causes.cells import Cell
    from analysis.causes.plant import Plant
    from analysis.causes.targeting import Orders
    from analysis.causes.topology import Faults
    from analysis.causes.votes import Vote

    Numbers = NDArray[np.float64]

LEAST: Final = -2.0
MOST: Final = 1.0
"""Where anything that the failed vantages hang on is assumed, or nothing is known of it."""

MOST_IF_DOCUMENTED: Final = 1.9
"""Under the 2.0 that two kinds of structure must come to together."""

AS_WELL: Final = 1.0
"""log10 by which one fault may explain less than the best rules do, and still explains as well: about what one vantage
costs that had a way round which nobody knew, or failed by itself."""

WITH_FAULTS: Final = 12
"""Lists of rules that are tried together with every set of faults. The rest is left out, which makes targeting less
likely, never more."""

PLACES: Final = 6
"""Decimals: what differs by less is the same, on every machine."""


def contrast(cells: Sequence[Cell], plant: Plant) -> Contrast:
    """Weigh targeting against faults over the cells of one window; the order of the cells does not matter."""
    measured = [cell for cell in cells if cell.measured > 0]
    votes = votes_of(measured)
    if not can_contrast(votes):
        return Contrast(
            log10_bf=0.0,
            damage=(),
            damage_elements=(),
            damage_posterior=0.0,
            targeting=(),
            both=(),
            unexplained=(),
            cells=len(measured),
            is_documented=False,
            text="Nothing to tell apart: it takes two vantages, one of which failed while another lived.",
        )
    weighed = _Weighed(votes, faults_of(votes, plant), orders_of(votes))
    is_documented = _is_documented(votes, plant)
    log10_bf = min(weighed.log10_bf, MOST_IF_DOCUMENTED if is_documented else MOST)
    if weighed.does_one_fault_do:
        log10_bf = min(log10_bf, 0.0)
    log10_bf = round(max(log10_bf, LEAST), PLACES)
    fallen = weighed.faults.of(weighed.best_faults)
    damage = tuple(one.text for one in fallen)
    rules, beside = weighed.best_orders
    unexplained = _unexplained(measured, votes, weighed.faults.masks[weighed.best_faults])
    return Contrast(
        log10_bf=log10_bf,
        damage=damage,
        damage_elements=tuple(tuple(e.name for e in one.either) for one in fallen),
        damage_posterior=weighed.posterior_of_best_faults,
        targeting=rules,
        both=beside,
        unexplained=unexplained,
        cells=len(measured),
        is_documented=is_documented,
        text=_text(log10_bf, damage, rules, beside, unexplained, does_one_fault_do=weighed.does_one_fault_do),
    )


def _is_documented(votes: Sequence[Vote], plant: Plant) -> bool:
    """Tell whether the plant of the failed vantages has sources, and says that they share nothing unlisted."""
    failed = failing(votes)
    return all(plant.is_documented_for(vantage) for vantage in failed) and not plant.groups_that_may_share(failed)


def _unexplained(
    cells: Sequence[Cell], votes: Sequence[Vote], explained: NDArray[np.bool_]
) -> tuple[tuple[str, str], ...]:
    """Give the failed cells whose votes a set of faults does not explain."""
    asks_names = not any(cell.is_dark for cell in cells)
    is_explained = {
        (vote.vantage.vantage_id, vote.target, vote.is_home): bool(is_so)
        for vote, is_so in zip(votes, explained, strict=True)
    }
    return tuple(
        sorted(
            (cell.vantage.vantage_id, cell.target)
            for cell in cells
            if (asks_names or cell.is_dark)
            and cell.failed >= HALF * cell.measured
            and not is_explained[cell.vantage.vantage_id, cell.target if asks_names else "", cell.is_home]
        )
    )


def _text(
    log10_bf: float,
    damage: Sequence[str],
    rules: Sequence[str],
    beside: Sequence[str],
    unexplained: Sequence[tuple[str, str]],
    *,
    does_one_fault_do: bool,
) -> str:
    left = f", and leave {len(unexplained)} failed cell(s) unexplained" if unexplained else ""
    if_fallen = f"Faults that explain most: {'; '.join(damage) or 'none'}{left}."
    with_faults = f", beside the fall of {'; '.join(beside)}" if beside else ""
    if_ordered = f"Rules that explain most: {'; '.join(rules) or 'none'}{with_faults}."
    if does_one_fault_do:
        end = "One fault explains as much, so that nothing speaks for an order."
    elif log10_bf > 0:
        end = f"Rules explain it better (10^{log10_bf:.1f}); a shared element that is not documented would change this."
    else:
        end = "Faults explain it as well or better."
    return f"{if_fallen} {if_ordered} {end}"


@dataclass(frozen=True)
class _Weighed:
    """Every hypothesis over some votes; all weights are natural logarithms."""

    votes: tuple[Vote, ...]
    faults: Faults
    orders: Orders

    @cached_property
    def log10_bf(self) -> float:
        """Give the Bayes factor, without bounds."""
        faults, orders = self.faults, self.orders
        if not orders.lists:
            return LEAST
        something = np.log(-np.expm1(faults.log_nothing))
        damage = logsumexp(faults.log_odds + self._by_faults) + faults.log_nothing - something
        alone = logsumexp(orders.log_prior + self._by_orders)
        both = logsumexp(self._posterior_of_both)
        return float((np.logaddexp(alone, both) + faults.log_nothing - damage) / np.log(10))

    @cached_property
    def does_one_fault_do(self) -> bool:
        """Tell whether one fallen element would do as well as the likeliest rules, in their place."""
        if not self.orders.lists:
            return True
        row, column = self._best_orders
        if row is None:
            rules, beside = self._by_orders[column], 0
        else:
            rules = self._by_both[row, column]
            beside = self.faults.size[row]
        instead = self._by_faults[self.faults.size <= beside + 1].max(initial=-np.inf)
        return bool(instead >= rules - AS_WELL * np.log(10))

    @cached_property
    def best_faults(self) -> int:
        """Give the row of the likeliest set of faults alone."""
        return _first_best(self.faults.log_odds + self._by_faults)

    @property
    def posterior_of_best_faults(self) -> float:
        """Give its share among all sets, if there is no order."""
        weight = self.faults.log_odds + self._by_faults
        return round(float(np.exp(weight[self.best_faults] - logsumexp(weight))), PLACES)

    @property
    def best_orders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the likeliest list of rules, and the elements that fell beside it."""
        if not self.orders.lists:
            return (), ()
        row, column = self._best_orders
        chosen = column if row is None else self._joined_lists[column]
        rules = tuple(text_of(rule) for rule in self.orders.lists[chosen])
        return rules, () if row is None else tuple(one.text for one in self.faults.of(row))

    @cached_property
    def _best_orders(self) -> tuple[int | None, int]:
        """Give the likeliest of rules with faults, by row and column; without any, no row and the place of the list."""
        alone = self.orders.log_prior + self._by_orders
        chosen = _first_best(alone)
        flat = self._posterior_of_both.ravel()
        place = _first_best(flat) if len(flat) else None
        if place is None or flat[place] <= alone[chosen]:
            return None, chosen
        return divmod(place, len(self._joined_lists))

    @cached_property
    def _weights(self) -> Numbers:
        return masses(self.votes)

    @cached_property
    def _total(self) -> Numbers:
        return np.asarray(self._weights.sum(axis=0))

    @cached_property
    def _by_faults(self) -> Numbers:
        return log_likelihood(self.faults.masks @ self._weights, self._total)

    @cached_property
    def _by_orders(self) -> Numbers:
        return log_likelihood(self.orders.masks @ self._weights, self._total)

    @cached_property
    def _joined_lists(self) -> NDArray[np.intp]:
        """Choose the lists that explain most, alone or beside the likeliest faults."""
        beside = self._together(np.array([self.best_faults]), np.arange(len(self.orders.lists)))[0]
        scores = (self._by_orders + self.orders.log_prior, beside + self.orders.log_prior)
        half = WITH_FAULTS // 2
        return np.unique([np.argsort(-score.round(PLACES), kind="stable")[:half] for score in scores])

    @cached_property
    def _by_both(self) -> Numbers:
        """Give the likelihood of every set of faults, a row, together with each of those lists, a column.

        One element fewer than faults alone may have: an order is no excuse for one more.
        """
        return self._together(np.flatnonzero(self.faults.size < MOST_FALLEN), self._joined_lists)

    @cached_property
    def _posterior_of_both(self) -> Numbers:
        prior = (
            self.faults.log_odds[self.faults.size < MOST_FALLEN][:, None]
            + self.orders.log_prior[self._joined_lists][None, :]
        )
        return np.asarray(prior + self._by_both)

    def _together(self, sets: NDArray[np.intp], lists: NDArray[np.intp]) -> Numbers:
        by_faults, by_orders = self.faults.masks[sets], self.orders.masks[lists]
        in_both = np.stack([(by_faults * weight) @ by_orders.T for weight in self._weights.T], axis=-1)
        explained = (by_faults @ self._weights)[:, None, :] + (by_orders @ self._weights)[None, :, :] - in_both
        return log_likelihood(explained, self._total)


def _first_best(scores: Numbers) -> int:
    """Give the place of the highest score, the first of those that are the same but for a rounding."""
    return int(np.argmax(scores.round(PLACES)))
